#include <cblas.h>
#include <lapacke.h>

// Swift sees types, not macros.
typedef lapack_int LapackInt;
typedef lapack_logical LapackLogical;
