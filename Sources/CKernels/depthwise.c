#include "internal.h"

#include <string.h>

/* Depthwise convolution of tensors with channels in blocks of 16, for AVX-512. Every input channel has one output channel or a power of
 * two up to 16, so that a block of outputs reads one block of inputs.
 *
 * Up to 8 neighbouring pixels of a row stay in registers while the kernel runs over the taps. Where a window reaches beyond the
 * left or right edge, pixels outside are read from zeros; rows outside are skipped. */

#if defined(__x86_64__)

#include "tile.h"

enum { SPAN = 8 };

typedef struct {
    const ck_convolution *c;
    const float *source, *weights;
    tile_target target;
    int64_t blocks, input_blocks;
} depthwise_job;

static int64_t outputs_of(const ck_convolution *c) { return c->groups * c->output_channels; }

int64_t ck_depthwise_weight_count(const ck_convolution *c) {
    return ceiling(outputs_of(c), BLOCK) * BLOCK * c->kernel_height * c->kernel_width;
}

/* [block][tap][16]. */
void ck_depthwise_pack(const ck_convolution *c, const float *weights, float *packed) {
    int64_t taps = c->kernel_height * c->kernel_width;
    memset(packed, 0, (size_t)ck_depthwise_weight_count(c) * sizeof *packed);
    for (int64_t channel = 0; channel < outputs_of(c); channel++)
        for (int64_t tap = 0; tap < taps; tap++)
            packed[(channel / BLOCK * taps + tap) * BLOCK + channel % BLOCK] = weights[channel * taps + tap];
}

static const float zeros[BLOCK] __attribute__((aligned(64)));

/* For each of the 16 output channels from `channel` on, the lane of its input channel. */
AVX512 static inline __m512i input_lanes(int64_t channel, int64_t multiplier) {
    __m512i outputs = _mm512_add_epi32(
        _mm512_set1_epi32((int32_t)(channel % (multiplier * BLOCK))),
        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    return _mm512_srl_epi32(outputs, _mm_cvtsi32_si128(__builtin_ctzll((uint64_t)multiplier)));
}

/* `pixels` outputs from (y, x) on; `rows` are the taps that lie inside. */
AVX512 static inline __attribute__((always_inline)) void run_span(
    int pixels, bool checks, bool spreads, const depthwise_job *job, const float *image, const float *weights, int64_t channel,
    int64_t place, int64_t top, int64_t left, int64_t first_row, int64_t last_row) {
    const ck_convolution *c = job->c;
    const tile_target *target = &job->target;
    __m512 sums[SPAN], bias = _mm512_loadu_ps(target->bias + channel);
    __m512i lanes = spreads ? input_lanes(channel, c->output_channels) : _mm512_setzero_si512();
#pragma clang loop unroll(full)
    for (int i = 0; i < pixels; i++)
        sums[i] = target->residual ? _mm512_add_ps(bias, _mm512_loadu_ps(target->residual + place + i * BLOCK)) : bias;
    for (int64_t row = first_row; row < last_row; row++) {
        const float *line = image + (top + row * c->dilation_height) * c->input_width * BLOCK;
        const float *w = weights + row * c->kernel_width * BLOCK;
        int64_t x = left;
        for (int64_t column = 0; column < c->kernel_width; column++) {
            __m512 weight = _mm512_loadu_ps(w + column * BLOCK);
#pragma clang loop unroll(full)
            for (int i = 0; i < pixels; i++) {
                int64_t at = x + i * c->stride_width;
                const float *source = !checks || (uint64_t)at < (uint64_t)c->input_width ? line + at * BLOCK : zeros;
                __m512 values = _mm512_loadu_ps(source);
                if (spreads) values = _mm512_permutexvar_ps(lanes, values);
                sums[i] = _mm512_fmadd_ps(values, weight, sums[i]);
            }
            x += c->dilation_width;
        }
    }
    ck_activation activation = target->epilogue->activation;
    __m512 low = low_limit(activation), high = high_limit(activation);
#pragma clang loop unroll(full)
    for (int i = 0; i < pixels; i++) {
        if (activation.kind == CK_LEAKY) sums[i] = leak(sums[i], activation.low);
        _mm512_storeu_ps(target->output + place + i * BLOCK, clamp_lanes(sums[i], low, high));
    }
}

typedef void span_function(
    const depthwise_job *job, const float *image, const float *weights, int64_t channel, int64_t place, int64_t top, int64_t left,
    int64_t first_row, int64_t last_row);

#define DEFINE_SPAN(P, CHECKS, SPREADS, NAME)                                                                                    \
    AVX512 static void NAME##_##P(                                                                                               \
        const depthwise_job *job, const float *image, const float *weights, int64_t channel, int64_t place, int64_t top,         \
        int64_t left, int64_t first_row, int64_t last_row) {                                                                     \
        run_span(P, CHECKS, SPREADS, job, image, weights, channel, place, top, left, first_row, last_row);                       \
    }
#define DEFINE_SPANS(CHECKS, SPREADS, NAME)                                                                                      \
    DEFINE_SPAN(1, CHECKS, SPREADS, NAME) DEFINE_SPAN(2, CHECKS, SPREADS, NAME)                                                  \
    DEFINE_SPAN(3, CHECKS, SPREADS, NAME) DEFINE_SPAN(4, CHECKS, SPREADS, NAME)                                                  \
    DEFINE_SPAN(5, CHECKS, SPREADS, NAME) DEFINE_SPAN(6, CHECKS, SPREADS, NAME)                                                  \
    DEFINE_SPAN(7, CHECKS, SPREADS, NAME) DEFINE_SPAN(8, CHECKS, SPREADS, NAME)                                                  \
    static span_function *const NAME##s[SPAN] = {                                                                                \
        NAME##_1, NAME##_2, NAME##_3, NAME##_4, NAME##_5, NAME##_6, NAME##_7, NAME##_8};
DEFINE_SPANS(false, false, inner_span)
DEFINE_SPANS(true, false, edge_span)
DEFINE_SPANS(false, true, spread_inner_span)
DEFINE_SPANS(true, true, spread_edge_span)

/* The positions of a window that begins at `start`, taken every `dilation`, which lie in 0 ..< length. */
static void inside(int64_t start, int64_t dilation, int64_t count, int64_t length, int64_t *first, int64_t *last) {
    *first = start < 0 ? ceiling(-start, dilation) : 0;
    *last = start < length ? ceiling(length - start, dilation) : 0;
    if (*last > count) *last = count;
    if (*first > *last) *first = *last;
}

static void depthwise_part(void *context, int index, int threads) {
    const depthwise_job *job = context;
    const ck_convolution *c = job->c;
    bool spreads = c->output_channels > 1;
    span_function *const *inner_functions = spreads ? spread_inner_spans : inner_spans;
    span_function *const *edge_functions = spreads ? spread_edge_spans : edge_spans;
    int64_t taps = c->kernel_height * c->kernel_width, reach = (c->kernel_width - 1) * c->dilation_width, begin, end;
    /* Outputs [inner, outer) see no edge. */
    int64_t inner = ceiling(c->pad_width, c->stride_width);
    int64_t room = c->input_width - 1 - reach + c->pad_width, outer = room < 0 ? 0 : room / c->stride_width + 1;
    if (outer > c->output_width) outer = c->output_width;
    ck_share(c->batch * job->blocks * c->output_height, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t plane = item / c->output_height, y = item % c->output_height, block = plane % job->blocks;
        int64_t top = y * c->stride_height - c->pad_height, first, last;
        inside(top, c->dilation_height, c->kernel_height, c->input_height, &first, &last);
        int64_t input_plane = plane / job->blocks * job->input_blocks + block / c->output_channels;
        const float *image = job->source + input_plane * c->input_height * c->input_width * BLOCK;
        int64_t place = item * c->output_width * BLOCK;
        for (int64_t x = 0; x < c->output_width;) {
            bool isInner = x >= inner && x < outer;
            int64_t stop = isInner ? outer : x < inner && inner < outer ? inner : c->output_width;
            int64_t count = stop - x < SPAN ? stop - x : SPAN;
            (isInner ? inner_functions : edge_functions)[count - 1](
                job, image, job->weights + block * taps * BLOCK, block * BLOCK, place + x * BLOCK, top,
                x * c->stride_width - c->pad_width, first, last);
            x += count;
        }
        if (is_function(job->target.epilogue->activation)) {
            float *row = job->target.output + place;
            ck_activate_span(row, row, c->output_width * BLOCK, job->target.epilogue->activation);
        }
    }
}

void ck_convolve_depthwise(
    const ck_convolution *c, const float *source, const float *weights, const float *bias, const float *residual, float *output,
    const ck_convolution_epilogue *epilogue) {
    depthwise_job job = {
        .c = c, .source = source, .weights = weights, .blocks = ceiling(outputs_of(c), BLOCK),
        .input_blocks = ceiling(c->groups, BLOCK),
        .target = {bias, residual, output, epilogue, c->output_height * c->output_width * BLOCK, outputs_of(c)}};
    ck_parallel(depthwise_part, &job);
}

#else

int64_t ck_depthwise_weight_count(const ck_convolution *c) { return 0; }
void ck_depthwise_pack(const ck_convolution *c, const float *weights, float *packed) {}
void ck_convolve_depthwise(
    const ck_convolution *c, const float *source, const float *weights, const float *bias, const float *residual, float *output,
    const ck_convolution_epilogue *epilogue) {}

#endif
