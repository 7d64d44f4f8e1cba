#include "internal.h"

#include <string.h>

/* Convolution of tensors with few channels, which come row-major: the first layer of most networks.
 *
 * The input is copied into a padded one, so that no tap has to be checked; then tiles run over (channel, row, column) of the
 * kernel, each step broadcasting one input per pixel. */

#if defined(__x86_64__)

#include "tile.h"

typedef struct {
    const ck_convolution *c;
    const float *source, *weights;
    tile_target target;
    /* Of the padded input. */
    int64_t height, width;
    int64_t output_blocks;
} planes_job;

int64_t ck_planes_weight_count(const ck_convolution *c) {
    return ceiling(c->output_channels, BLOCK) * BLOCK * c->input_channels * c->kernel_height * c->kernel_width;
}

/* Panel by panel, [channel][row][column][panel's blocks × 16]. */
void ck_planes_pack(const ck_convolution *c, const float *weights, float *packed) {
    int64_t taps = c->input_channels * c->kernel_height * c->kernel_width, blocks = ceiling(c->output_channels, BLOCK);
    for (int64_t first = 0; first < blocks; first += PANEL) {
        int64_t width = (blocks - first < PANEL ? blocks - first : PANEL) * BLOCK;
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t lane = 0; lane < width; lane++) {
                int64_t filter = first * BLOCK + lane;
                *packed++ = filter < c->output_channels ? weights[filter * taps + tap] : 0.0f;
            }
    }
}

/* How far the windows reach in the padded input. */
static int64_t padded_length(int64_t output, int64_t stride, int64_t kernel, int64_t dilation, int64_t input, int64_t pad) {
    int64_t reach = (output - 1) * stride + (kernel - 1) * dilation + 1;
    return reach > input + pad ? reach : input + pad;
}

static int64_t padded_height(const ck_convolution *c) {
    return padded_length(c->output_height, c->stride_height, c->kernel_height, c->dilation_height, c->input_height, c->pad_height);
}

static int64_t padded_width(const ck_convolution *c) {
    return padded_length(c->output_width, c->stride_width, c->kernel_width, c->dilation_width, c->input_width, c->pad_width);
}

int64_t ck_planes_scratch_count(const ck_convolution *c) {
    int64_t height = padded_height(c), width = padded_width(c);
    bool isPadded = height != c->input_height || width != c->input_width;
    return isPadded ? c->batch * c->input_channels * height * width : 0;
}

AVX512 static inline __attribute__((always_inline)) void run_tile(
    int pixels, int blocks, const planes_job *job, int64_t first, int64_t image, const float *const *source, const int64_t *places,
    const float *weights) {
    const ck_convolution *c = job->c;
    __m512 sums[PIXELS][PANEL];
    int64_t base = (image * job->output_blocks + first) * job->target.plane;
    start_tile(pixels, blocks, &job->target, base, first * BLOCK, places, sums);
    const float *p[PIXELS];
#pragma clang loop unroll(full)
    for (int i = 0; i < pixels; i++) p[i] = source[i];
    for (int64_t channel = 0; channel < c->input_channels; channel++)
        for (int64_t row = 0; row < c->kernel_height; row++) {
            int64_t offset = (channel * job->height + row * c->dilation_height) * job->width;
            for (int64_t column = 0; column < c->kernel_width; column++) {
                __m512 w[PANEL];
#pragma clang loop unroll(full)
                for (int b = 0; b < blocks; b++) w[b] = _mm512_loadu_ps(weights + b * BLOCK);
#pragma clang loop unroll(full)
                for (int i = 0; i < pixels; i++) {
                    __m512 x = _mm512_set1_ps(p[i][offset]);
#pragma clang loop unroll(full)
                    for (int b = 0; b < blocks; b++) sums[i][b] = _mm512_fmadd_ps(x, w[b], sums[i][b]);
                }
                weights += blocks * BLOCK;
                offset += c->dilation_width;
            }
        }
    finish_tile(pixels, blocks, &job->target, base, first * BLOCK, places, sums);
}

typedef void planes_function(
    const planes_job *job, int64_t first, int64_t image, const float *const *source, const int64_t *places, const float *weights);

#define DEFINE_TILE(P, B, NAME)                                                                                                  \
    AVX512 static void NAME##_##P##_##B(                                                                                         \
        const planes_job *job, int64_t first, int64_t image, const float *const *source, const int64_t *places,                  \
        const float *weights) {                                                                                                  \
        run_tile(P, B, job, first, image, source, places, weights);                                                              \
    }
TILE_FUNCTIONS(DEFINE_TILE, tile)
static planes_function *const tile_functions[PIXELS][PANEL] = TILE_TABLE(tile);

static void planes_part(void *context, int index, int threads) {
    const planes_job *job = context;
    const ck_convolution *c = job->c;
    int64_t plane = c->output_height * c->output_width, tiles = ceiling(plane, PIXELS), begin, end;
    int64_t taps = c->input_channels * c->kernel_height * c->kernel_width;
    ck_share(c->batch * tiles, index, threads, &begin, &end);
    for (int64_t first = 0; first < job->output_blocks; first += PANEL) {
        int blocks = (int)(job->output_blocks - first < PANEL ? job->output_blocks - first : PANEL);
        const float *weights = job->weights + first * BLOCK * taps;
        for (int64_t item = begin; item < end; item++) {
            int64_t image = item / tiles, pixel = item % tiles * PIXELS;
            int count = (int)(plane - pixel < PIXELS ? plane - pixel : PIXELS);
            const float *source[PIXELS];
            int64_t places[PIXELS], y = pixel / c->output_width, x = pixel % c->output_width;
            for (int i = 0; i < count; i++) {
                source[i] = job->source + (image * c->input_channels * job->height + y * c->stride_height) * job->width
                    + x * c->stride_width;
                places[i] = (pixel + i) * BLOCK;
                if (++x == c->output_width) {
                    x = 0;
                    y++;
                }
            }
            tile_functions[count - 1][blocks - 1](job, first, image, source, places, weights);
        }
    }
}

void ck_convolve_planes(
    const ck_convolution *c, const float *source, const float *weights, const float *bias, const float *residual, float *output,
    const ck_convolution_epilogue *epilogue, float *scratch) {
    planes_job job = {
        .c = c, .source = source, .weights = weights, .height = padded_height(c), .width = padded_width(c),
        .output_blocks = ceiling(c->output_channels, BLOCK),
        .target = {bias, residual, output, epilogue, c->output_height * c->output_width * BLOCK, c->output_channels}};
    if (ck_planes_scratch_count(c) > 0) {
        ck_pad(
            source, scratch, c->batch * c->input_channels, c->input_height, c->input_width, 1, c->pad_height,
            job.height - c->input_height - c->pad_height, c->pad_width, job.width - c->input_width - c->pad_width, 0.0f);
        job.source = scratch;
    }
    ck_parallel(planes_part, &job);
}

#else

int64_t ck_planes_weight_count(const ck_convolution *c) { return 0; }
void ck_planes_pack(const ck_convolution *c, const float *weights, float *packed) {}
int64_t ck_planes_scratch_count(const ck_convolution *c) { return 0; }
void ck_convolve_planes(
    const ck_convolution *c, const float *source, const float *weights, const float *bias, const float *residual, float *output,
    const ck_convolution_epilogue *epilogue, float *scratch) {}

#endif
