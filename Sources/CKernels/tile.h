#ifndef CLEAVE_KERNELS_TILE_H
#define CLEAVE_KERNELS_TILE_H

/* What the convolution kernels for AVX-512 share: a tile of up to 6 output pixels times a panel of up to 4 blocks of 16 output
 * channels, which stays in 24 registers while its sums are computed. */

#include "functions.h"

#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f")))

enum {
    BLOCK = 16,
    PIXELS = 6, /* per tile */
    PANEL = 4,  /* blocks of output channels per panel */
};

/* Where tiles start from and go to. */
typedef struct {
    const float *bias, *residual;
    float *output;
    const ck_convolution_epilogue *epilogue;
    /* Elements of one block's image. */
    int64_t plane;
    /* Output channels of all groups, without padding. */
    int64_t channels;
} tile_target;

static int64_t ceiling(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }

/* Bias, and the residual where there is one: added first, because the result may overwrite it. `base` is the panel's first plane,
 * `places` are the pixels' in it. */
AVX512 static inline __attribute__((always_inline)) void start_tile(
    int pixels, int blocks, const tile_target *target, int64_t base, int64_t channel, const int64_t *places,
    __m512 sums[PIXELS][PANEL]) {
#pragma clang loop unroll(full)
    for (int b = 0; b < blocks; b++) {
        __m512 bias = _mm512_loadu_ps(target->bias + channel + b * BLOCK);
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) sums[i][b] = bias;
    }
    if (!target->residual) return;
#pragma clang loop unroll(full)
    for (int i = 0; i < pixels; i++)
#pragma clang loop unroll(full)
        for (int b = 0; b < blocks; b++)
            sums[i][b] = _mm512_add_ps(sums[i][b], _mm512_loadu_ps(target->residual + base + places[i] + b * target->plane));
}

/* Operands are ordered so that NaN, which the instructions replace by the second one, stays. */
AVX512 static inline __m512 clamp_lanes(__m512 x, __m512 low, __m512 high) { return _mm512_min_ps(high, _mm512_max_ps(low, x)); }

AVX512 static inline __m512 leak(__m512 x, float slope) {
    return _mm512_mask_mul_ps(x, _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), x, _mm512_set1_ps(slope));
}

/* Limits of the clamp that every tile passes through. */
AVX512 static inline __m512 low_limit(ck_activation a) { return _mm512_set1_ps(a.kind == CK_CLAMP ? a.low : -INFINITY); }
AVX512 static inline __m512 high_limit(ck_activation a) { return _mm512_set1_ps(a.kind == CK_CLAMP ? a.high : INFINITY); }

static bool is_function(ck_activation a) { return a.kind != CK_NO_ACTIVATION && a.kind != CK_CLAMP && a.kind != CK_LEAKY; }

/* Activations that are more than a few instructions, on what a tile has stored. */
static void apply_function(const tile_target *target, int blocks, int pixels, int64_t base, const int64_t *places) {
    for (int i = 0; i < pixels;) {
        int first = i++;
        while (i < pixels && places[i] == places[i - 1] + BLOCK) i++;
        for (int b = 0; b < blocks; b++) {
            float *output = target->output + base + places[first] + b * target->plane;
            ck_activate_span(output, output, (i - first) * BLOCK, target->epilogue->activation);
        }
    }
}

/* Stores a finished tile: activation, and the second output. */
AVX512 static inline __attribute__((always_inline)) void finish_tile(
    int pixels, int blocks, const tile_target *target, int64_t base, int64_t channel, const int64_t *places,
    __m512 sums[PIXELS][PANEL]) {
    const ck_convolution_epilogue *epilogue = target->epilogue;
    int64_t lanes = target->channels - channel - (blocks - 1) * BLOCK;
    if (lanes < BLOCK) {
        /* Weights of padding are 0, but 0·∞ is not. */
        __mmask16 valid = (__mmask16)((1 << lanes) - 1);
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) sums[i][blocks - 1] = _mm512_maskz_mov_ps(valid, sums[i][blocks - 1]);
    }
    __m512 low = low_limit(epilogue->activation), high = high_limit(epilogue->activation);
    bool leaks = epilogue->activation.kind == CK_LEAKY;
    if (leaks) {
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++)
#pragma clang loop unroll(full)
            for (int b = 0; b < blocks; b++) sums[i][b] = leak(sums[i][b], epilogue->activation.low);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < pixels; i++) {
        float *output = target->output + base + places[i];
#pragma clang loop unroll(full)
        for (int b = 0; b < blocks; b++) {
            sums[i][b] = clamp_lanes(sums[i][b], low, high);
            _mm512_storeu_ps(output + b * target->plane, sums[i][b]);
        }
    }
    if (is_function(epilogue->activation)) apply_function(target, blocks, pixels, base, places);
    if (!epilogue->second) return;
    low = low_limit(epilogue->second_activation);
    high = high_limit(epilogue->second_activation);
#pragma clang loop unroll(full)
    for (int b = 0; b < blocks; b++) {
        __m512 scale = _mm512_loadu_ps(epilogue->scale + channel + b * BLOCK);
        __m512 shift = _mm512_loadu_ps(epilogue->shift + channel + b * BLOCK);
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++)
            _mm512_storeu_ps(
                epilogue->second + base + places[i] + b * target->plane,
                clamp_lanes(_mm512_fmadd_ps(sums[i][b], scale, shift), low, high));
    }
}

#define TILE_FUNCTIONS(DEFINE, ...)                                                                                              \
    DEFINE(1, 1, __VA_ARGS__) DEFINE(1, 2, __VA_ARGS__) DEFINE(1, 3, __VA_ARGS__) DEFINE(1, 4, __VA_ARGS__)                      \
    DEFINE(2, 1, __VA_ARGS__) DEFINE(2, 2, __VA_ARGS__) DEFINE(2, 3, __VA_ARGS__) DEFINE(2, 4, __VA_ARGS__)                      \
    DEFINE(3, 1, __VA_ARGS__) DEFINE(3, 2, __VA_ARGS__) DEFINE(3, 3, __VA_ARGS__) DEFINE(3, 4, __VA_ARGS__)                      \
    DEFINE(4, 1, __VA_ARGS__) DEFINE(4, 2, __VA_ARGS__) DEFINE(4, 3, __VA_ARGS__) DEFINE(4, 4, __VA_ARGS__)                      \
    DEFINE(5, 1, __VA_ARGS__) DEFINE(5, 2, __VA_ARGS__) DEFINE(5, 3, __VA_ARGS__) DEFINE(5, 4, __VA_ARGS__)                      \
    DEFINE(6, 1, __VA_ARGS__) DEFINE(6, 2, __VA_ARGS__) DEFINE(6, 3, __VA_ARGS__) DEFINE(6, 4, __VA_ARGS__)
#define TILE_ROW(P, NAME) {NAME##_##P##_1, NAME##_##P##_2, NAME##_##P##_3, NAME##_##P##_4}
/* The functions by pixels − 1 and blocks − 1. */
#define TILE_TABLE(NAME)                                                                                                         \
    {TILE_ROW(1, NAME), TILE_ROW(2, NAME), TILE_ROW(3, NAME), TILE_ROW(4, NAME), TILE_ROW(5, NAME), TILE_ROW(6, NAME)}

#endif
