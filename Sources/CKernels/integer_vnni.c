#include "integer.h"

/* Tiles of a convolution of bytes on AVX-512 VNNI: sums of 6 pixels times 64 output channels are 24 registers; a step broadcasts four
 * input bytes of each pixel and multiplies them with 4 × 64 weights. */

#if defined(__x86_64__)

#include <immintrin.h>

#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
enum {
    FEW_PIXELS = 4, /* up to which waiting for weights takes longer than the products */
    AHEAD = 2048,   /* how many bytes ahead they are asked for then */
};

#define INLINE static inline __attribute__((always_inline))

bool ck_vnni_available(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
        && __builtin_cpu_supports("avx512vnni");
}

VNNI INLINE __m512i broadcast(const uint8_t *bytes) {
    int32_t quad;
    memcpy(&quad, bytes, sizeof quad);
    return _mm512_set1_epi32(quad);
}

VNNI INLINE void accumulate(
    int pixels, int blocks, const uint8_t *const *source, const int8_t *weights, int64_t quads, __m512i sums[INTEGER_PIXELS][PANEL]) {
    const uint8_t *p[INTEGER_PIXELS];
#pragma clang loop unroll(full)
    for (int i = 0; i < pixels; i++) p[i] = source[i];
    for (int64_t quad = 0; quad < quads; quad++) {
        __m512i w[PANEL];
        if (pixels <= FEW_PIXELS) {
#pragma clang loop unroll(full)
            for (int b = 0; b < blocks; b++) _mm_prefetch((const char *)(weights + b * 64 + AHEAD), _MM_HINT_T0);
        }
#pragma clang loop unroll(full)
        for (int b = 0; b < blocks; b++) w[b] = _mm512_loadu_si512(weights + b * 64);
        weights += blocks * 64;
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) {
            __m512i x = broadcast(p[i] + quad * QUAD);
#pragma clang loop unroll(full)
            for (int b = 0; b < blocks; b++) sums[i][b] = _mm512_dpbusd_epi32(sums[i][b], x, w[b]);
        }
    }
}

/* Rounds a tile to bytes. */
VNNI INLINE void store_bytes(
    int pixels, int blocks, const ck_integer_job *job, int64_t lane, int64_t place, int64_t left, const ck_integer_tile *tile,
    __m512i sums[INTEGER_PIXELS][PANEL]) {
#pragma STDC FP_CONTRACT OFF
    const ck_requantization *to = job->to;
    int32_t after = to->rounds_first ? to->offset : to->zero;
    __m512 low = _mm512_set1_ps((float)(to->low - after)), high = _mm512_set1_ps((float)(to->high - after));
    __m512 first_low = _mm512_set1_ps(to->first_low), first_high = _mm512_set1_ps(to->first_high);
    __m512 first_factor = _mm512_set1_ps(to->first_factor), ratio = _mm512_set1_ps(to->residual_factor);
    __m512 first_zero = _mm512_set1_ps(to->first_zero), shift = _mm512_set1_ps(to->shift);
    __m512i zero = _mm512_set1_epi32(after), residual_zero = _mm512_set1_epi32(to->residual_zero);
    bool rounds_first = to->rounds_first, residual_is_first = to->residual_is_first;
    const uint8_t *residual = to->residual;
#pragma clang loop unroll(full)
    for (int b = 0; b < blocks; b++) {
        __m512 factor = _mm512_loadu_ps(to->factors + lane + b * LANES);
        int64_t count = left - b * LANES;
        __mmask16 mask = count >= LANES ? 0xffff : (__mmask16)((1 << count) - 1);
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) {
            int64_t byte = tile->output[i] * job->g.output_pixel + place + b * LANES;
            __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i][b]), factor);
            if (residual) {
                __m512i bytes = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, residual + byte));
                __m512 other = _mm512_cvtepi32_ps(_mm512_sub_epi32(bytes, residual_zero));
                if (rounds_first) {
                    __m512 own = _mm512_min_ps(_mm512_max_ps(value, first_low), first_high);
                    own = _mm512_roundscale_ps(own, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
                    own = _mm512_add_ps(own, first_zero);
                    value = residual_is_first
                        ? _mm512_fmadd_ps(other, ratio, _mm512_fmadd_ps(own, first_factor, shift))
                        : _mm512_fmadd_ps(own, first_factor, _mm512_fmadd_ps(other, ratio, shift));
                } else {
                    value = _mm512_add_ps(value, _mm512_mul_ps(other, ratio));
                }
            }
            __m512i result = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(value, low), high));
            _mm_mask_storeu_epi8(job->output + byte, mask, _mm512_cvtepi32_epi8(_mm512_add_epi32(result, zero)));
        }
    }
}

VNNI INLINE void run_tile(int pixels, int blocks, const ck_integer_job *job, int64_t group, int64_t first, const ck_integer_tile *tile) {
    const ck_integer_geometry *g = &job->g;
    const ck_convolution *c = &g->c;
    __m512i sums[INTEGER_PIXELS][PANEL];
    int64_t lane = (group * g->output_blocks + first) * LANES;
#pragma clang loop unroll(full)
    for (int b = 0; b < blocks; b++) {
        __m512i bias = _mm512_loadu_si512(job->bias + lane + b * LANES);
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) sums[i][b] = bias;
    }
    const uint8_t *image = job->source + group * c->input_channels;
    const int8_t *weights = (const int8_t *)job->weights + lane * g->taps * g->quads * QUAD;
    int64_t tap = 0;
    for (int64_t y = 0; y < c->kernel_height; y++)
        for (int64_t x = 0; x < c->kernel_width; x++, tap++, weights += g->quads * blocks * 64) {
            int64_t row = y * c->dilation_height, column = x * c->dilation_width;
            int64_t offset = (row * c->input_width + column) * g->input_pixel;
            const uint8_t *source[INTEGER_PIXELS];
            bool any = tile->is_interior;
#pragma clang loop unroll(full)
            for (int i = 0; i < pixels; i++) source[i] = image + tile->input[i] + offset;
            if (!any) {
#pragma clang loop unroll(full)
                for (int i = 0; i < pixels; i++) {
                    bool inside = (uint64_t)(tile->row[i] + row) < (uint64_t)c->input_height
                        && (uint64_t)(tile->column[i] + column) < (uint64_t)c->input_width;
                    if (!inside) source[i] = job->padding;
                    any |= inside;
                }
            }
            if (any) {
                accumulate(pixels, blocks, source, weights, g->quads, sums);
                continue;
            }
            const int32_t *skipped = job->tap_sums + tap * c->groups * g->output_blocks * LANES + lane;
#pragma clang loop unroll(full)
            for (int b = 0; b < blocks; b++)
#pragma clang loop unroll(full)
                for (int i = 0; i < pixels; i++) sums[i][b] = _mm512_add_epi32(sums[i][b], _mm512_loadu_si512(skipped + b * LANES));
        }
    int64_t place = group * c->output_channels + first * LANES, left = c->output_channels - first * LANES;
    if (!job->to->floats && !job->to->multipliers) return store_bytes(pixels, blocks, job, lane, place, left, tile, sums);
    int64_t channels = c->groups * c->output_channels;
    int32_t values[INTEGER_PIXELS][PANEL * LANES];
#pragma clang loop unroll(full)
    for (int i = 0; i < pixels; i++)
#pragma clang loop unroll(full)
        for (int b = 0; b < blocks; b++) _mm512_storeu_si512(values[i] + b * LANES, sums[i][b]);
    for (int i = 0; i < pixels; i++)
        ck_finish_lanes(
            job->to, values[i], lane, left < blocks * LANES ? left : blocks * LANES, tile->output[i] * g->output_pixel + place,
            tile->output[i] * channels + place, job->output);
}

#define DEFINE_TILE(P, B)                                                                                                        \
    VNNI static void tile_##P##_##B(const ck_integer_job *job, int64_t group, int64_t first, const ck_integer_tile *tile) {      \
        run_tile(P, B, job, group, first, tile);                                                                                 \
    }
#define DEFINE_TILES(P) DEFINE_TILE(P, 1) DEFINE_TILE(P, 2) DEFINE_TILE(P, 3) DEFINE_TILE(P, 4)
DEFINE_TILES(1)
DEFINE_TILES(2)
DEFINE_TILES(3)
DEFINE_TILES(4)
DEFINE_TILES(5)
DEFINE_TILES(6)

#define TILE_ROW(P) {tile_##P##_1, tile_##P##_2, tile_##P##_3, tile_##P##_4}

typedef void fixed_tile(const ck_integer_job *job, int64_t group, int64_t first, const ck_integer_tile *tile);

/* The functions by pixels − 1 and blocks − 1. */
static fixed_tile *const tiles[INTEGER_PIXELS][PANEL] = {TILE_ROW(1), TILE_ROW(2), TILE_ROW(3), TILE_ROW(4), TILE_ROW(5), TILE_ROW(6)};

void ck_integer_tile_vnni(
    const ck_integer_job *job, int64_t group, int64_t first, int blocks, const ck_integer_tile *tile, int pixels) {
    tiles[pixels - 1][blocks - 1](job, group, first, tile);
}

#else

bool ck_vnni_available(void) { return false; }
void ck_integer_tile_vnni(
    const ck_integer_job *job, int64_t group, int64_t first, int blocks, const ck_integer_tile *tile, int pixels) {}

#endif
