#include "kernels.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Bytes of addresses that the process has taken. */
static int64_t address_bytes(void) {
    int64_t pages = 0;
#ifdef __linux__
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%" SCNd64, &pages) != 1) pages = 0;
        fclose(file);
    }
#endif
    return pages * sysconf(_SC_PAGESIZE);
}

int64_t ck_memory_limit(void) {
    int64_t physical = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || (int64_t)limit.rlim_cur < 0) return physical;
    int64_t left = (int64_t)limit.rlim_cur - address_bytes();
    return left < 0 ? 0 : left < physical ? left : physical;
}

int ck_processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

void *ck_map(int64_t bytes) {
    void *address = mmap(0, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return 0;
#ifdef MADV_HUGEPAGE
    madvise(address, (size_t)bytes, MADV_HUGEPAGE);
#endif
    return address;
}

void ck_unmap(void *address, int64_t bytes) { munmap(address, (size_t)bytes); }

#ifdef __linux__

/* libgomp's and libomp's entry point for a parallel region; clang's own -fopenmp would bring a second set of threads. */
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_max_threads(void);

typedef struct {
    void (*body)(void *context, int index, int count);
    void *context;
} region;

static void run_region(void *data) {
    region *r = data;
    r->body(r->context, omp_get_thread_num(), omp_get_num_threads());
}

int ck_threads(void) { return omp_get_max_threads(); }

void ck_parallel(void (*body)(void *context, int index, int count), void *context) {
    if (omp_get_max_threads() == 1) {
        body(context, 0, 1);
        return;
    }
    region r = {body, context};
    GOMP_parallel(run_region, &r, 0, 0);
}

#else

int ck_threads(void) { return 1; }
void ck_parallel(void (*body)(void *context, int index, int count), void *context) { body(context, 0, 1); }

#endif
