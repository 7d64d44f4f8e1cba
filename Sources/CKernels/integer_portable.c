#include "integer.h"

/* Tiles of a convolution of bytes on any processor: one pixel and up to 64 output channels at a time. */

FUSED_CLONES void ck_finish_lanes(
    const ck_requantization *to, const int32_t *sums, int64_t lane, int64_t count, int64_t byte, int64_t element, uint8_t *output) {
#pragma STDC FP_CONTRACT OFF
    if (to->floats) {
        for (int64_t i = 0; i < count; i++) to->floats[element + i] = (float)sums[i] * to->factors[lane + i];
        return;
    }
    if (to->multipliers) {
        for (int64_t i = 0; i < count; i++) {
            int32_t multiplier = to->multipliers[lane + i], shift = to->shifts[lane + i];
            int64_t value = to->rounds_once ? fixed_point_once(sums[i], multiplier, shift) : fixed_point(sums[i], multiplier, shift);
            output[byte + i] = (uint8_t)limited(value + to->zero, to->low, to->high);
        }
        return;
    }
    int32_t after = to->rounds_first ? to->offset : to->zero;
    float low = (float)(to->low - after), high = (float)(to->high - after);
    for (int64_t i = 0; i < count; i++) {
        float value = (float)sums[i] * to->factors[lane + i];
        if (to->residual) {
            float residual = (float)(to->residual[byte + i] - to->residual_zero);
            if (to->rounds_first) {
                float own = rintf(fminf(fmaxf(value, to->first_low), to->first_high)) + to->first_zero;
                value = to->residual_is_first
                    ? fmaf(residual, to->residual_factor, fmaf(own, to->first_factor, to->shift))
                    : fmaf(own, to->first_factor, fmaf(residual, to->residual_factor, to->shift));
            } else {
                residual = residual * to->residual_factor;
                value = value + residual;
            }
        }
        output[byte + i] = (uint8_t)(rounded(value, low, high) + after);
    }
}

/* Adds the products of pairs of input bytes, less their zero point, with [pair][lane][2] weights to the sums of `lanes` lanes. */
static void add_pairs(uint32_t *sums, const uint8_t *x, int32_t zero, const int16_t *weights, int64_t pairs, int64_t lanes) {
    for (int64_t pair = 0; pair < pairs; pair++) {
        int32_t first = x[2 * pair] - zero, second = x[2 * pair + 1] - zero;
        const int16_t *w = weights + pair * lanes * 2;
        for (int64_t lane = 0; lane < lanes; lane++) sums[lane] += (uint32_t)(first * w[2 * lane] + second * w[2 * lane + 1]);
    }
}

#if defined(__x86_64__)

#include <immintrin.h>

/* The same on AVX2, where two products of 16-bit numbers are added at once: they stay below 2¹⁷. */
__attribute__((target("avx2"))) static inline __attribute__((always_inline)) void add_pairs_of(
    int vectors, uint32_t *sums, const uint8_t *x, int32_t zero, const int16_t *weights, int64_t pairs) {
    __m256i all[8];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) all[v] = _mm256_loadu_si256((const __m256i *)(sums + 8 * v));
    for (int64_t pair = 0; pair < pairs; pair++, weights += 16 * vectors) {
        uint32_t first = (uint16_t)(x[2 * pair] - zero), second = (uint16_t)(x[2 * pair + 1] - zero);
        __m256i both = _mm256_set1_epi32((int32_t)(first | second << 16));
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            __m256i products = _mm256_madd_epi16(both, _mm256_loadu_si256((const __m256i *)(weights + 16 * v)));
            all[v] = _mm256_add_epi32(all[v], products);
        }
    }
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) _mm256_storeu_si256((__m256i *)(sums + 8 * v), all[v]);
}

__attribute__((target("avx2"))) static void add_pairs_avx2(
    uint32_t *sums, const uint8_t *x, int32_t zero, const int16_t *weights, int64_t pairs, int64_t lanes) {
    switch (lanes) {
    case 16: add_pairs_of(2, sums, x, zero, weights, pairs); break;
    case 32: add_pairs_of(4, sums, x, zero, weights, pairs); break;
    case 48: add_pairs_of(6, sums, x, zero, weights, pairs); break;
    default: add_pairs_of(8, sums, x, zero, weights, pairs); break;
    }
}

static bool has_avx2(void) { return __builtin_cpu_supports("avx2"); }

#else

static void add_pairs_avx2(uint32_t *sums, const uint8_t *x, int32_t zero, const int16_t *weights, int64_t pairs, int64_t lanes) {}
static bool has_avx2(void) { return false; }

#endif

static void run_pixel(const ck_integer_job *job, int64_t group, int64_t first, int blocks, const ck_integer_tile *tile, int pixel) {
    const ck_integer_geometry *g = &job->g;
    const ck_convolution *c = &g->c;
    int64_t lane = (group * g->output_blocks + first) * LANES, lanes = blocks * LANES, bytes = g->quads * QUAD;
    const int16_t *panel = (const int16_t *)job->weights + lane * g->taps * bytes;
    const uint8_t *image = job->source + group * c->input_channels;
    uint32_t sums[PANEL * LANES];
    memcpy(sums, job->bias + lane, (size_t)lanes * sizeof *sums);
    bool is_fast = has_avx2();
    for (int64_t tap = 0; tap < g->taps; tap++) {
        int64_t row = tap / c->kernel_width * c->dilation_height, column = tap % c->kernel_width * c->dilation_width;
        int64_t y = tile->row[pixel] + row, x = tile->column[pixel] + column;
        if (y < 0 || y >= c->input_height || x < 0 || x >= c->input_width) continue;
        const uint8_t *place = image + tile->input[pixel] + (row * c->input_width + column) * g->input_pixel;
        (is_fast ? add_pairs_avx2 : add_pairs)(sums, place, job->input_zero, panel + tap * bytes * lanes, bytes / 2, lanes);
    }
    int64_t output = first * LANES, left = c->output_channels - output, channel = group * c->output_channels + output;
    ck_finish_lanes(
        job->to, (const int32_t *)sums, lane, left < lanes ? left : lanes, tile->output[pixel] * g->output_pixel + channel,
        tile->output[pixel] * c->groups * c->output_channels + channel, job->output);
}

void ck_integer_tile_portable(
    const ck_integer_job *job, int64_t group, int64_t first, int blocks, const ck_integer_tile *tile, int pixels) {
    for (int pixel = 0; pixel < pixels; pixel++) run_pixel(job, group, first, blocks, tile, pixel);
}
