#ifndef CLEAVE_STATISTICS_H
#define CLEAVE_STATISTICS_H

/* What calibration measures of tensors. All of it is independent of the number of threads. */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    /* The smallest and the largest number; +∞ and −∞ where there is none. Not meaningful when `invalid` is not −1. */
    float low, high;
    /* Where the first NaN or infinity is; −1 when all numbers are finite. */
    int64_t invalid;
} ck_extent;

/* The extent of each of `rows` rows of `length` numbers. */
void ck_measure_extents(const float *x, int64_t rows, int64_t length, ck_extent *extents);

enum { CK_HISTOGRAM_BINS = 4096 };

/* Adds every number to bin ⌊x / width⌋ + CK_HISTOGRAM_BINS/2; `inverse_width` is a power of two, and all numbers are finite and
 * below width · CK_HISTOGRAM_BINS/2 in magnitude. */
void ck_add_to_histogram(const float *x, int64_t count, float inverse_width, uint64_t *counts);

/* Adds the numbers of every channel of [outer, channels, inner] to `sums`, which has one entry per channel. */
void ck_add_sums(const float *x, int64_t outer, int64_t channels, int64_t inner, double *sums);

#ifdef __cplusplus
}
#endif

#endif
