#include "clapack.h"

#include <dlfcn.h>
#include <stdlib.h>

#if defined(__APPLE__)
#define LIBRARY "liblapacke.3.dylib"
#else
#define LIBRARY "liblapacke.so.3"
#endif

/* The best kernels of OpenBLAS that the processor can run. Left alone, OpenBLAS goes by the processor's model number, and takes the
 * oldest kernels it has, those of 2004, for a model that is younger than itself. */
static const char *best_kernels(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
    return 0;
}

/* Loads the library with variables of the environment set that OpenBLAS reads while it is loaded. Those that the user has set stay,
 * and none is left for programs that this one starts. */
static void *load(void) {
    struct {
        const char *name, *value;
        int is_ours;
    } settings[] = {{"OPENBLAS_CORETYPE", best_kernels(), 0}, {"OPENBLAS_NUM_THREADS", "1", 0}};
    enum { COUNT = sizeof settings / sizeof *settings };
    for (int i = 0; i < COUNT; i++) {
        if (!settings[i].value || getenv(settings[i].name)) continue;
        settings[i].is_ours = setenv(settings[i].name, settings[i].value, 0) == 0;
    }
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    for (int i = 0; i < COUNT; i++)
        if (settings[i].is_ours) unsetenv(settings[i].name);
    return library;
}

int cl_load(cl_routines *routines, const char **problem) {
    void *library = load();
    if (!library) {
        *problem = dlerror();
        return 0;
    }
    const struct {
        const char *name;
        void **routine;
    } symbols[] = {
        {"cblas_dgemm", (void **)&routines->dgemm},     {"cblas_dsyrk", (void **)&routines->dsyrk},
        {"LAPACKE_dsytrd", (void **)&routines->dsytrd}, {"LAPACKE_dsterf", (void **)&routines->dsterf},
        {"LAPACKE_dstemr", (void **)&routines->dstemr}, {"LAPACKE_dstedc", (void **)&routines->dstedc},
        {"LAPACKE_dormtr", (void **)&routines->dormtr},
    };
    for (unsigned i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        *symbols[i].routine = dlsym(library, symbols[i].name);
        if (*symbols[i].routine) continue;
        *problem = dlerror();
        return 0;
    }
    /* For an OpenBLAS that something else in the process has loaded before. */
    void (*set_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
    if (set_threads) set_threads(1);
    return 1;
}
