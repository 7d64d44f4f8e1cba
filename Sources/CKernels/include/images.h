#ifndef CLEAVE_IMAGES_H
#define CLEAVE_IMAGES_H

/* From the pixels of a data set to the input of a network. These kernels run on the thread that calls them: a loader has
 * threads of its own, beside those that compute. */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Samples are uint8_t, or float when `is_float`; strides count samples. */
typedef struct {
    const void *samples;
    bool is_float;
    int32_t channels, height, width;
    int64_t channel_stride, row_stride, column_stride;
} ck_image;

/* Adds the sum of every channel, and that of the squares. Sums of 8-bit samples are exact up to 2^53. */
void ck_add_channel_sums(const ck_image *image, double *sums, double *squares);

/* Resamples the largest centred part of an 8-bit image that has the proportions of the target, and writes it as dense planes
 * [channels, height, width]. The filter is a triangle as wide as two target pixels where the image shrinks (so that nothing
 * aliases) and as two source pixels where it grows. One channel is repeated for three; three become one as
 * Y = 0.299 R + 0.587 G + 0.114 B. False when there is no memory, or no such conversion of channels. */
bool ck_fit(const ck_image *image, uint8_t *planes, int32_t channels, int32_t height, int32_t width);

/* What happens to an image, in this order: rotation about its centre, shift, flip, jitter, normalization, cutout. */
typedef struct {
    /* Counter-clockwise, bilinear between pixel centres; what lies outside of the image is 0. */
    bool rotates;
    float cosine, sine;
    /* The pixel at (x, y) comes from (x + shift_x, y + shift_y); what lies outside is 0. */
    int32_t shift_x, shift_y;
    bool flips;
    /* Factors; the results of each are clamped to 0…255 for 8-bit images. */
    bool jitters;
    float brightness, contrast, saturation;
    /* (v − mean[c]) / deviation[c] */
    const float *mean, *deviation;
    /* The pixels of [cut_left, cut_right) × [cut_top, cut_bottom) become 0 at last. */
    int32_t cut_left, cut_top, cut_right, cut_bottom;
} ck_augmentation;

/* `out` has the size of the image; its strides count floats. */
void ck_augment(
    const ck_image *image, const ck_augmentation *augmentation, float *out, int64_t channel_stride, int64_t row_stride,
    int64_t column_stride);

#ifdef __cplusplus
}
#endif

#endif
