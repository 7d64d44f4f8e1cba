#ifndef CLEAVE_CLAPACK_H
#define CLEAVE_CLAPACK_H

/* LAPACK and BLAS through their C interfaces, loaded when the first decomposition needs them: the other commands start without
 * them, and OpenBLAS, which chooses its kernels while it is loaded, can be told which. */

#include <cblas.h>
#include <lapacke.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Swift sees types, not macros. */
typedef lapack_int LapackInt;
typedef lapack_logical LapackLogical;

/* The routines, with the arguments of LAPACKE and CBLAS; none is NULL. */
typedef struct {
    __typeof__(cblas_dgemm) *_Nonnull dgemm;
    __typeof__(cblas_dsyrk) *_Nonnull dsyrk;
    __typeof__(LAPACKE_dsytrd) *_Nonnull dsytrd;
    __typeof__(LAPACKE_dsterf) *_Nonnull dsterf;
    __typeof__(LAPACKE_dstemr) *_Nonnull dstemr;
    __typeof__(LAPACKE_dstedc) *_Nonnull dstedc;
    __typeof__(LAPACKE_dormtr) *_Nonnull dormtr;
} cl_routines;

/* Loads the library; call it once. OpenBLAS is kept to the calling thread: several may decompose side by side.
 * Returns false, with the reason in `problem` (valid until the thread loads another library), when it is not to be had. */
int cl_load(cl_routines *_Nonnull routines, const char *_Nullable *_Nonnull problem);

#ifdef __cplusplus
}
#endif

#endif
