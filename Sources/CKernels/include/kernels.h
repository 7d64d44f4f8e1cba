#ifndef CLEAVE_KERNELS_H
#define CLEAVE_KERNELS_H

/* The hot loops that oneDNN has no primitive for, or a slower one. Every kernel runs on the OpenMP threads that oneDNN uses
 * too, gives the same result from run to run, and treats NaN and infinities as IEEE 754 says. */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- The machine ------------------------------------------------------------------------------------------------ */

/* The machine's memory, or what `ulimit -v` leaves the process of it. */
int64_t ck_memory_limit(void);
int ck_processors(void);
/* Zeroed memory in large pages where the system has them; NULL when it is not to be had. */
void *ck_map(int64_t bytes);
void ck_unmap(void *address, int64_t bytes);

/* Calls `body(context, index, count)` on `count` threads at once, `count` being what OpenMP is set to. */
void ck_parallel(void (*body)(void *context, int index, int count), void *context);
int ck_threads(void);

/* --- Element-wise ----------------------------------------------------------------------------------------------- */

typedef enum {
    CK_NO_ACTIVATION,
    /* min(max(x, low), high) */
    CK_CLAMP,
    /* x < 0 ? low·x : x */
    CK_LEAKY,
    CK_EXP,
    CK_SIGMOID,
    CK_TANH,
    /* ln(1 + eˣ) */
    CK_SOFTPLUS,
    /* x > 0 ? high·x : low·(eˣ − 1) */
    CK_ELU,
    /* x > 0 ? x : low·(e^(x/low) − 1) */
    CK_CELU,
    /* x·sigmoid(low·x) */
    CK_SWISH,
    /* x·tanh(ln(1 + eˣ)) */
    CK_MISH,
    /* min(max(low·x + high, 0), 1) */
    CK_HARD_SIGMOID,
    /* x·min(max(x/6 + ½, 0), 1) */
    CK_HARD_SWISH,
    /* x/2·(1 + erf(x/√2)) */
    CK_GELU,
    /* x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) */
    CK_GELU_TANH,
    /* x/(1 + |x|) */
    CK_SOFTSIGN,
    CK_ABS,
    CK_NEGATE,
    /* Ties go to the even neighbour. */
    CK_ROUND,
    CK_SQRT,
    CK_ERF,
} ck_activation_kind;

/* A function that other kernels can take in. NaN stays NaN. */
typedef struct {
    ck_activation_kind kind;
    float low, high;
} ck_activation;

/* y = activation(x); x and y may be the same. */
void ck_activate(const float *x, float *y, int64_t count, ck_activation activation);

typedef enum {
    CK_LOG, CK_FLOOR, CK_CEIL, CK_RECIPROCAL, CK_SIGN, CK_SIN, CK_COS, CK_TAN, CK_ASIN, CK_ACOS, CK_ATAN, CK_SINH, CK_COSH, CK_ASINH,
    CK_ACOSH, CK_ATANH,
    /* x > alpha ? x : 0 */
    CK_THRESHOLDED_RELU,
} ck_unary_kind;

/* y = f(x); x and y may be the same. */
void ck_unary(ck_unary_kind kind, float alpha, const float *x, float *y, int64_t count);

typedef enum { CK_ADD, CK_SUB, CK_MUL, CK_DIV, CK_MAX, CK_MIN, CK_PRELU, CK_POW } ck_binary_kind;

enum { CK_MAX_RANK = 8 };

/* out = activation(a ∘ b) over `rank` dimensions of the given lengths; strides count elements, 0 broadcasts. `out` is dense and
 * may be one of the operands where that one is dense too. */
void ck_binary(
    ck_binary_kind kind, ck_activation activation, int rank, const int64_t *lengths, const float *a, const int64_t *a_strides,
    const float *b, const int64_t *b_strides, float *out);

/* y = activation(scale[c]·x + shift[c]) over [outer, channels, inner, block], c = channel·block + lane; blocks are 1, 4, 8 or 16.
 * In place is allowed. */
void ck_affine(
    const float *x, const float *scale, const float *shift, float *y, int64_t outer, int64_t channels, int64_t inner, int64_t block,
    ck_activation activation);

typedef struct {
    int64_t batch, channels, spatial;
    /* Channels per group: 1 normalizes every channel by itself. */
    int64_t group;
    /* Channels lie in blocks of 1, 4, 8 or 16, the last one padded. */
    int64_t block;
    float epsilon;
    ck_activation activation;
} ck_group_norm;

/* y = activation(scale[c]·(x − μ)/√(σ² + ε) + shift[c]), mean and variance over all elements of a channel's group in one image.
 * In place is allowed. */
void ck_normalize_groups(const ck_group_norm *norm, const float *x, const float *scale, const float *shift, float *y);
/* Whether `ck_normalize_groups` can do it: groups are not too large. */
bool ck_group_norm_fits(const ck_group_norm *norm);

/* y = scale[i]·(x − μ)/√(σ² + ε) + shift[i], mean and variance over each row of `count` elements. */
void ck_normalize_rows(
    const float *x, const float *scale, const float *shift, float *y, int64_t rows, int64_t count, float epsilon);

typedef enum {
    CK_REDUCE_SUM, CK_REDUCE_MEAN, CK_REDUCE_PRODUCT, CK_REDUCE_MAX, CK_REDUCE_MIN, CK_REDUCE_L1, CK_REDUCE_L2, CK_REDUCE_SQUARES,
} ck_reduction_kind;

/* From [outer, count, inner] to [outer, inner]. */
void ck_reduce(ck_reduction_kind kind, const float *x, float *y, int64_t outer, int64_t count, int64_t inner);

/* Largest numbers of windows over [outer, depth, height, width, lanes], lane by lane; NaN where a window has one. Lengths are those of
 * depth, height and width; dilation 1 is dense; `pad` is that before the input, less than the kernel. Lanes are 1, 4, 8 or 16. */
typedef struct {
    int64_t outer, lanes;
    int64_t input[3], output[3], kernel[3], stride[3], dilation[3], pad[3];
} ck_max_pool;

/* Elements that `ck_pool_maxima` needs as `scratch` on that many threads. */
int64_t ck_max_pool_scratch_count(const ck_max_pool *pool, int threads);
void ck_pool_maxima(const ck_max_pool *pool, const float *x, float *y, float *scratch);

/* y = e^x / Σ e^x, or its logarithm, over the middle dimension of [outer, count, inner]. Not in place. */
void ck_softmax(bool logarithm, const float *x, float *y, int64_t outer, int64_t count, int64_t inner);

/* Row by row, `outer` in all, lengths[i] elements of every source after each other. */
void ck_concat(const float *const *sources, const int64_t *lengths, int count, int64_t outer, float *out);

/* Copies a tensor [outer, height, width, inner] into the middle of a larger one filled with `value`; negative pads crop. */
void ck_pad(
    const float *x, float *y, int64_t outer, int64_t height, int64_t width, int64_t inner, int64_t top, int64_t bottom, int64_t left,
    int64_t right, float value);

/* --- Movement --------------------------------------------------------------------------------------------------- */

/* From where the `count` indices i of a dimension are read: entry table + i of some tables, or start + i·step where `table` is
 * negative. */
typedef struct {
    int64_t count, table, start, step;
} ck_axis;

/* y[i₀, …, i_r, k] = x[place₀(i₀) + … + place_r(i_r) + k] for the `rank` axes, and `fill` where some place is negative; k counts to
 * `run`. */
void ck_pick(int rank, const ck_axis *axes, const int64_t *tables, int64_t run, float fill, const float *x, float *y);

/* Element i of the result is the sum of weights[k·count + i]·x[indices[k·count + i]] over k < taps. Where an element has fewer
 * taps, the weights of the others are 0, and what they would be multiplied with does not count. */
typedef struct {
    int64_t count, taps;
    const int64_t *indices;
    const float *weights;
} ck_filters;

/* From [outer, length, inner] to [outer, filters->count, inner]. */
void ck_resample(const ck_filters *filters, const float *x, float *y, int64_t outer, int64_t length, int64_t inner);

/* out = condition ≠ 0 ? a : b over `rank` dimensions, at most CK_MAX_RANK; strides as for `ck_binary`. */
void ck_select(
    int rank, const int64_t *lengths, const uint8_t *condition, const int64_t *condition_strides, const float *a,
    const int64_t *a_strides, const float *b, const int64_t *b_strides, float *out);

typedef enum {
    CK_INT8, CK_UINT8, CK_INT16, CK_UINT16, CK_INT32, CK_UINT32, CK_INT64, CK_UINT64, CK_FLOAT64,
} ck_number_kind;

/* Numbers of another type as float32, rounded to nearest. */
void ck_convert(ck_number_kind kind, const void *x, float *y, int64_t count);

/* --- Boxes ------------------------------------------------------------------------------------------------------ */

/* Two neighbours along an axis, by their offsets in a plane, with weights for a sample between them; none if `first` is negative. */
typedef struct {
    int64_t first, second;
    float first_weight, second_weight;
} ck_tap;

/* A box on the image of that index. Its taps along each axis begin at `rows` and `columns`, as many for each bin as samples. */
typedef struct {
    int64_t image, rows, columns, row_samples, column_samples;
} ck_box;

/* y[box][channel] is a grid of height · width bins: the mean of a bin's samples, or the largest of their weighted neighbours. Planes
 * of x have `plane` elements. */
void ck_align_boxes(
    bool maximum, int64_t channels, int64_t plane, int64_t boxes, const ck_box *box, const ck_tap *taps, int64_t height, int64_t width,
    const float *x, float *y);

/* --- Convolution ------------------------------------------------------------------------------------------------ */

/* Channel counts are those of one group; dilation 1 is dense; pads are those before the input. */
typedef struct {
    int64_t batch, groups, input_channels, output_channels;
    int64_t input_height, input_width, output_height, output_width;
    int64_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width, pad_height, pad_width;
} ck_convolution;

/* output = activation(sum + residual); with `second`, also second = second_activation(scale[c]·output + shift[c]). With a second
 * output, both activations are CLAMP or none, or the first one LEAKY. */
typedef struct {
    ck_activation activation;
    float *second;
    const float *scale, *shift;
    ck_activation second_activation;
} ck_convolution_epilogue;

/* Whether the processor can run `ck_convolve`. */
bool ck_convolution_available(void);
/* Elements of the packed weights, channels padded to whole blocks of 16. */
int64_t ck_convolution_weight_count(const ck_convolution *c);
/* From [groups · output_channels, input_channels, kernel_height, kernel_width]. */
void ck_convolution_pack(const ck_convolution *c, const float *weights, float *packed);
/* Source, residual and output have channels in blocks of 16, padded with zeros; with several groups, the channels of each are a
 * multiple of 16. `bias` has one element per channel, padded likewise; `residual` may be NULL, and it may be `output`. */
void ck_convolve(
    const ck_convolution *c, const float *source, const float *weights, const float *bias, const float *residual, float *output,
    const ck_convolution_epilogue *epilogue);

/* The same for few input channels: `source` is row-major, output and residual as above; one group. */
int64_t ck_planes_weight_count(const ck_convolution *c);
void ck_planes_pack(const ck_convolution *c, const float *weights, float *packed);
/* Elements that `ck_convolve_planes` needs as `scratch`. */
int64_t ck_planes_scratch_count(const ck_convolution *c);
void ck_convolve_planes(
    const ck_convolution *c, const float *source, const float *weights, const float *bias, const float *residual, float *output,
    const ck_convolution_epilogue *epilogue, float *scratch);

/* The same for as many groups as channels, one input and one output channel each; there is no second output. */
int64_t ck_depthwise_weight_count(const ck_convolution *c);
void ck_depthwise_pack(const ck_convolution *c, const float *weights, float *packed);
void ck_convolve_depthwise(
    const ck_convolution *c, const float *source, const float *weights, const float *bias, const float *residual, float *output,
    const ck_convolution_epilogue *epilogue);

#ifdef __cplusplus
}
#endif

#endif
