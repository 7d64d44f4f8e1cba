#ifndef CLEAVE_KERNELS_INTEGER_H
#define CLEAVE_KERNELS_INTEGER_H

/* Kernels for tensors of 8-bit integers. Bytes count from 0: int8 is stored with 128 added, its zero points as well. Unless said
 * otherwise, tensors lie as [image, pixel, channel] with the channels of a pixel padded to a multiple of 4 bytes; what the padding
 * holds has no meaning. Buffers end with CK_BYTE_SLACK bytes that kernels may read.
 *
 * Sums are exact (modulo 2³²), and every operation on float32 is rounded by itself, so that results are the same on every processor. */

#include "kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CK_BYTE_SLACK = 64 };

/* Bytes of a pixel. */
static inline int64_t ck_pixel_bytes(int64_t channels) { return (channels + 3) / 4 * 4; }

/* What becomes of the sum of a pixel's channel: min(max(round(sum·factor) + zero, low), high), ties to even. */
typedef struct {
    /* One per lane (`ck_integer_lanes`). */
    const float *factors;
    /* TFLite's multipliers and shifts, used instead unless NULL. */
    const int32_t *multipliers, *shifts;
    /* Whether their product is rounded once, as TFLite's fully connected layers do. */
    bool rounds_once;
    int32_t zero, low, high;
    /* What integers have been raised by to become bytes: 128 for int8. */
    int32_t offset;
    /* Unless NULL, sum·factor goes here instead, as [pixel, channel] without padding. */
    float *floats;
    /* Unless NULL, (residual − residual_zero)·residual_factor is added before the sum is rounded. */
    const uint8_t *residual;
    float residual_factor;
    int32_t residual_zero;
    /* Whether the sum is rounded before that as well and is an operand of an addition then, own = min(max(round(sum·factor), first_low),
     * first_high) + first_zero: the result is round(own·first_factor + (residual·residual_factor + shift)), each product and sum fused,
     * or with the operands the other way round. */
    bool rounds_first, residual_is_first;
    float first_low, first_high, first_zero, first_factor, shift;
} ck_requantization;

/* Which kernel computes sums of products. */
typedef enum {
    /* AVX-512 VNNI; weights lie within −128…127. */
    CK_VNNI,
    /* Every processor; weights lie within −255…255. */
    CK_PORTABLE,
} ck_integer_kernel;

bool ck_vnni_available(void);

/* Elements of bias and factors: the channels of a group are padded to a multiple of 16. */
int64_t ck_integer_lanes(const ck_convolution *c);
int64_t ck_integer_weight_bytes(const ck_convolution *c, ck_integer_kernel kernel);
/* Elements of `tap_sums`. */
int64_t ck_integer_tap_sums(const ck_convolution *c);
/* Bytes that `ck_integer_convolve` needs as `scratch`. */
int64_t ck_integer_scratch_bytes(const ck_convolution *c);
/* From [groups · output_channels, input_channels, kernel_height, kernel_width] without zero points. The packed bias makes up for the
 * input's zero point; `bias` may be NULL. */
void ck_integer_pack(
    const ck_convolution *c, ck_integer_kernel kernel, int32_t input_zero, const int16_t *weights, const int32_t *bias, void *packed,
    int32_t *packed_bias, int32_t *tap_sums);
/* Padding stands for the input's zero point. The residual may be `output`. */
void ck_integer_convolve(
    const ck_convolution *c, ck_integer_kernel kernel, int32_t input_zero, const uint8_t *source, const void *packed,
    const int32_t *packed_bias, const int32_t *tap_sums, uint8_t *output, const ck_requantization *to, uint8_t *scratch);

/* The same for groups of one input channel, without residual. Lanes are the output channels, padded to a multiple of 64. */
/* Whether the kernel is small enough for CK_VNNI. */
bool ck_integer_depthwise_has_vnni(const ck_convolution *c);
int64_t ck_integer_depthwise_lanes(const ck_convolution *c);
int64_t ck_integer_depthwise_weight_bytes(const ck_convolution *c, ck_integer_kernel kernel);
void ck_integer_depthwise_pack(
    const ck_convolution *c, ck_integer_kernel kernel, int32_t input_zero, const int16_t *weights, const int32_t *bias, void *packed,
    int32_t *packed_bias);
void ck_integer_depthwise(
    const ck_convolution *c, ck_integer_kernel kernel, int32_t input_zero, const uint8_t *source, const void *packed,
    const int32_t *packed_bias, uint8_t *output, const ck_requantization *to);

/* --- Element by element ------------------------------------------------------------------------------------------ */

typedef struct {
    /* round(a·first + (b·second + shift)) for sums, each product and sum fused; round((a·b)·first + shift) for products; of a and b
     * less first_zero and second_zero. */
    bool is_product;
    int32_t first_zero, second_zero;
    float first, second, shift;
    /* TFLite's multipliers and shifts of both operands and of the result, used instead where `is_fixed`. */
    bool is_fixed;
    int32_t multipliers[3], shifts[3];
    int32_t zero, low, high, offset;
} ck_byte_binary;

/* Over [images, pixels, bytes]; an operand with a step of 0 is the same for every image, or every pixel. */
void ck_combine_bytes(
    const ck_byte_binary *binary, int64_t images, int64_t pixels, int64_t bytes, const uint8_t *a, int64_t a_image, int64_t a_pixel,
    const uint8_t *b, int64_t b_image, int64_t b_pixel, uint8_t *out);

/* y[i] = table[x[i]] */
void ck_look_up_bytes(const uint8_t *table, const uint8_t *x, uint8_t *y, int64_t count);

typedef struct {
    int64_t images, bytes;
    int64_t input[2], output[2], kernel[2], stride[2], dilation[2], pad[2];
} ck_byte_window;

/* Largest bytes of windows, which reach beyond the input by `pad`; 0 where a window sees nothing else. */
void ck_pool_byte_maxima(const ck_byte_window *window, const uint8_t *x, uint8_t *y);

/* Means of windows: ((x − zero)·scale summed in float32, tap by tap) / count / result_scale + z, rounded, ties to even, z being
 * result_zero − offset. With `is_integer`, the bytes' own mean, halves away from `zero`, as TFLite has it, where `zero` is what int8's 0
 * is stored as, or 0. */
typedef struct {
    int32_t zero;
    float scale, result_scale;
    int32_t result_zero, low, high, offset;
    bool is_integer;
    /* Per axis and output, the number of taps that count. */
    const int64_t *counts[2];
} ck_byte_mean;

void ck_pool_byte_means(const ck_byte_window *window, const ck_byte_mean *mean, const uint8_t *x, uint8_t *y);

/* Means of whole images: round(Σ(x − zero)·factor) + result_zero, or by TFLite's multiplier with `is_fixed`. */
typedef struct {
    int32_t zero;
    float factor;
    int32_t multiplier, shift;
    bool is_fixed;
    int32_t result_zero, low, high;
} ck_byte_global_mean;

void ck_average_bytes(const ck_byte_global_mean *mean, int64_t images, int64_t pixels, int64_t bytes, const uint8_t *x, uint8_t *y);

/* --- Layouts ----------------------------------------------------------------------------------------------------- */

/* round(x/scale) + zero within 0…255, ties to even, or `nan` for NaN; xor `flip`. From row-major [images, channels, pixels], or
 * element by element where the result is as well (`channels_first`). */
void ck_quantize(
    const float *x, uint8_t *y, int64_t images, int64_t channels, int64_t pixels, float scale, int32_t zero, int32_t nan, uint8_t flip,
    bool channels_first);
/* (x − zero)·scale to row-major [images, channels, pixels]. */
void ck_dequantize(
    const uint8_t *x, float *y, int64_t images, int64_t channels, int64_t pixels, float scale, int32_t zero, uint8_t flip,
    bool channels_first);
/* Row-major [images, channels, pixels] to and from the layout of kernels, every byte xor `flip`. */
void ck_bytes_to_pixels(const uint8_t *x, uint8_t *y, int64_t images, int64_t channels, int64_t pixels, uint8_t flip);
void ck_pixels_to_bytes(const uint8_t *x, uint8_t *y, int64_t images, int64_t channels, int64_t pixels, uint8_t flip);

/* Copies [images, height, width] pixels of `bytes` bytes into the middle of larger images filled with `value`;
 * negative pads at the end cut them off. */
void ck_pad_bytes(
    const uint8_t *x, uint8_t *y, int64_t images, int64_t height, int64_t width, int64_t bytes, int64_t top, int64_t bottom,
    int64_t left, int64_t right, uint8_t value);

/* Copies the channels of every pixel into the middle of more channels, the others being `value`. */
void ck_pad_byte_channels(
    const uint8_t *x, uint8_t *y, int64_t pixels, int64_t channels, int64_t before, int64_t result_channels, uint8_t value);

/* Copies `rows` rows of `bytes` bytes, `x_step` and `y_step` bytes apart. */
void ck_copy_rows(const uint8_t *x, int64_t x_step, uint8_t *y, int64_t y_step, int64_t rows, int64_t bytes);

/* y, row-major of the given lengths, from x with these strides. */
void ck_gather_bytes(int rank, const int64_t *lengths, const int64_t *strides, const uint8_t *x, uint8_t *y);

#ifdef __cplusplus
}
#endif

#endif
