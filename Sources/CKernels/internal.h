#ifndef CLEAVE_KERNELS_INTERNAL_H
#define CLEAVE_KERNELS_INTERNAL_H

#include "kernels.h"

#include <stddef.h>

#if defined(__x86_64__) && defined(__linux__)
#define CK_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define CK_CLONES
#endif

/* Below this many elements, waking threads costs more than they save. */
enum { SERIAL_COUNT = 8192 };

/* The part of `count` items that thread `index` of `threads` works on: [*begin, *end). */
static inline void ck_share(int64_t count, int index, int threads, int64_t *begin, int64_t *end) {
    int64_t base = count / threads, extra = count % threads;
    *begin = index * base + (index < extra ? index : extra);
    *end = *begin + base + (index < extra ? 1 : 0);
}

#endif
