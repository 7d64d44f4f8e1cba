#ifndef CLEAVE_KERNELS_INTEGER_INTERNAL_H
#define CLEAVE_KERNELS_INTEGER_INTERNAL_H

#include "include/integer.h"
#include "internal.h"

#include <math.h>
#include <string.h>

/* As CK_CLONES, with instructions that multiply and add with one rounding. */
#if defined(__x86_64__) && defined(__linux__)
#define FUSED_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FUSED_CLONES
#endif

enum {
    LANES = 16,  /* output channels of a vector of sums */
    PANEL = 4,   /* vectors of sums per panel */
    QUAD = 4,    /* input channels that are multiplied at once */
};

static inline int64_t quotient_up(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }

/* What TFLite multiplies int32 with: shifted left, multiplied and rounded, shifted right and rounded. */
static inline int32_t fixed_point(int32_t x, int32_t multiplier, int32_t shift) {
    int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
    int64_t a = (int32_t)((uint32_t)x << left), product = a * multiplier;
    int32_t high = (int32_t)((product + (product >= 0 ? (int64_t)1 << 30 : 1 - ((int64_t)1 << 30))) / ((int64_t)1 << 31));
    int32_t mask = (int32_t)(((int64_t)1 << right) - 1);
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0));
}

/* The same with one rounding, halves up. */
static inline int32_t fixed_point_once(int32_t x, int32_t multiplier, int32_t shift) {
    return (int32_t)(((int64_t)x * multiplier + ((int64_t)1 << (30 - shift))) >> (31 - shift));
}

/* The nearest integer, ties to even, within low…high; limits first, because what lies beyond them may not fit an integer. */
static inline int32_t rounded(float x, float low, float high) { return (int32_t)rintf(fminf(fmaxf(x, low), high)); }

static inline int64_t limited(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

/* The sums of `count` lanes of one pixel as results: `byte` is the place of the first one in `output`, `element` that in `floats`. */
void ck_finish_lanes(
    const ck_requantization *to, const int32_t *sums, int64_t lane, int64_t count, int64_t byte, int64_t element, uint8_t *output);

/* A convolution as kernels go through it. */
typedef struct {
    /* With the taps of a row joined to one of more channels, where pixels are few bytes: then the input has no padding. */
    ck_convolution c;
    bool is_joined;
    int64_t quads, taps;       /* of a tap; of a filter */
    int64_t output_blocks;     /* of a group */
    int64_t input_pixel, output_pixel;   /* bytes */
    int64_t kernel_width;      /* before taps were joined */
} ck_integer_geometry;

ck_integer_geometry ck_integer_describe(const ck_convolution *c);
/* The weight of a group's output channel at a tap and a byte of its quads; 0 for padding. */
int16_t ck_integer_weight(
    const ck_integer_geometry *g, const ck_convolution *c, const int16_t *weights, int64_t group, int64_t output, int64_t tap,
    int64_t byte);

/* What the kernels for one convolution are called with. */
typedef struct {
    ck_integer_geometry g;
    const uint8_t *source;
    const uint8_t *padding;    /* zero points, as many as a tap has bytes */
    const void *weights;
    const int32_t *bias, *tap_sums;
    int32_t input_zero;
    uint8_t *output;
    const ck_requantization *to;
    /* Pixels come in segments, which tiles do not cross: `longer` tiles of `shorter_length` + 1 pixels, then the shorter ones. */
    int64_t segments, tiles_per_segment, shorter_length, longer;
    bool by_position;
    int panel_threads, tile_threads;
} ck_integer_job;

enum { INTEGER_PIXELS = 6 };

/* The pixels of a tile: where they read (top left tap) and what they are. */
typedef struct {
    int64_t input[INTEGER_PIXELS], output[INTEGER_PIXELS];
    int64_t row[INTEGER_PIXELS], column[INTEGER_PIXELS];
    bool is_interior;
} ck_integer_tile;

typedef void ck_integer_tile_function(
    const ck_integer_job *job, int64_t group, int64_t first, int blocks, const ck_integer_tile *tile, int pixels);

ck_integer_tile_function ck_integer_tile_vnni, ck_integer_tile_portable;

enum {
    CK_DEPTHWISE_LANES = 64,
    CK_DEPTHWISE_TAPS = 256,   /* at most, for VNNI */
};

/* What the kernels for one depthwise convolution are called with. */
typedef struct {
    const ck_convolution *c;
    int32_t input_zero;
    const uint8_t *source;
    const void *weights;
    const int32_t *bias;
    uint8_t *output;
    const ck_requantization *to;
    int64_t outputs, input_pixel, output_pixel;  /* channels; bytes */
    int64_t quads;           /* of taps */
    int64_t vector_pixels;   /* neighbours that VNNI computes at once */
    const uint8_t *padding;  /* zero points */
} ck_depthwise_job;

void ck_depthwise_lines_vnni(const ck_depthwise_job *job, int64_t begin, int64_t end);
/* The sums of a block's channels at pixel `x` of a line as results. */
void ck_depthwise_finish(const ck_depthwise_job *job, const int32_t *sums, int64_t line, int64_t x, int64_t first);

#endif
