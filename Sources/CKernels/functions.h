#ifndef CLEAVE_KERNELS_FUNCTIONS_H
#define CLEAVE_KERNELS_FUNCTIONS_H

/* Element-wise functions as code without branches and calls, which the compiler turns into vector instructions in loops.
 *
 * The polynomials are minimax fits made for this file; errors are below 2·10⁻⁷ of the result, or of 1 where that is larger.
 * Selections are comparisons that are false for NaN, so that NaN stays; infinities give the limits. */

#include "internal.h"

#include <math.h>
#include <string.h>

static inline int32_t bits_of(float x) {
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(int32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* NaN if either is. */
static inline float larger(float p, float q) { return p != p || p > q ? p : q; }

static inline float at_least(float x, float low) { return x < low ? low : x; }
static inline float at_most(float x, float high) { return x > high ? high : x; }
static inline float clamp(float x, float low, float high) { return at_most(at_least(x, low), high); }

/* eˣ = 2ⁿ·(1 + p) with x = n·ln 2 + r, |r| ≤ ln 2 / 2, p = eʳ − 1 = r + r²·q(r). */
typedef struct {
    float p;
    /* Their product is 2ⁿ, which need not be a normal number itself. */
    float half, rest;
} exponential;

static inline exponential split_exponential(float x) {
    /* Beyond these limits the result is infinite or 0. */
    x = clamp(x, -104.0f, 89.0f);
    /* Adding 1.5·2²³ rounds to an integer, which then is in the lowest bits. */
    float shifted = x * 1.44269504f + 12582912.0f, whole = shifted - 12582912.0f;
    int32_t n = (int32_t)((uint32_t)bits_of(shifted) - 0x4b400000u), part = n >> 1;
    /* ln 2 in two parts, the first one with so few bits that n times it is exact. */
    float r = (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    float q = ((((1.99144511e-4f * r + 1.39413291e-3f) * r + 8.33327292e-3f) * r + 4.16663541e-2f) * r + 0.166666668f) * r + 0.5f;
    exponential result = {
        r + r * r * q, float_of((int32_t)((uint32_t)(part + 127) << 23)), float_of((int32_t)((uint32_t)(n - part + 127) << 23))};
    return result;
}

static inline float fast_exp(float x) {
    exponential e = split_exponential(x);
    return (1.0f + e.p) * e.half * e.rest;
}

/* eˣ − 1, accurate around 0; `x` is at most 88. */
static inline float fast_expm1(float x) {
    exponential e = split_exponential(x);
    float scale = e.half * e.rest;
    return e.p * scale + (scale - 1.0f);
}

/* ln(1 + u) = 2·artanh(s), s = u / (2 + u), for u in 0…1. */
static inline float log1p_of_unit(float u) {
    float s = u / (2.0f + u), z = s * s;
    float series = (((0.11958675f * z + 0.10767967f) * z + 0.14303103f) * z + 0.19999651f) * z + 0.33333335f;
    return 2.0f * (s + s * z * series);
}

static inline float logistic(float x) { return 1.0f / (1.0f + fast_exp(-x)); }

/* With t = e^(−2|x|) − 1: tanh |x| = −t / (2 + t). */
static inline float fast_tanh(float x) {
    float t = fast_expm1(-2.0f * fabsf(x));
    return copysignf(-t / (2.0f + t), x);
}

/* ln(1 + eˣ) = max(x, 0) + ln(1 + e^(−|x|)). */
static inline float softplus(float x) { return at_least(x, 0.0f) + log1p_of_unit(fast_exp(-fabsf(x))); }

/* Up to 1 the odd polynomial x + x·p(x²); beyond, 1 − e^(−g(x)), g = −ln erfc fitted up to 4.1, where the result is 1. */
static inline float fast_erf(float x) {
    float t = fabsf(x), z = x * x;
    float p = ((((-5.6602e-4f * z + 4.92479e-3f) * z - 2.671771e-2f) * z + 0.11280412f) * z - 0.37612356f) * z + 0.12837913f;
    float far = at_most(t, 4.1f);
    float g = (((((-1.91505082e-4f * far + 2.99954950e-3f) * far - 2.20520308e-2f) * far + 0.103566958f) * far + 0.637599967f) * far
                  + 1.12742613f) * far + 2.56436155e-4f;
    float tail = copysignf(1.0f - fast_exp(-g), x), middle = x + x * p;
    return t > 1.0f ? tail : middle;
}

/* To the nearest integer, ties to even: adding 2²³ leaves no fraction; larger numbers have none. */
static inline float round_to_even(float x) {
    float t = fabsf(x), rounded = copysignf((t + 8388608.0f) - 8388608.0f, x);
    return t < 8388608.0f ? rounded : x;
}

/* x·tanh(ln(1 + eˣ)) = x·w / (w + 2), w = eˣ·(eˣ + 2); from 20 on, x itself. */
static inline float mish(float x) {
    float e = fast_exp(at_most(x, 20.0f)), w = e * (e + 2.0f), product = x * (w / (w + 2.0f));
    return x > 20.0f ? x : product;
}

static inline float scaled_elu(float x, float negative, float positive) {
    float below = negative * fast_expm1(at_most(x, 1.0f));
    return x > 0 ? positive * x : below;
}

static inline float celu(float x, float alpha) {
    float below = alpha * fast_expm1(at_most(x / alpha, 1.0f));
    return x > 0 ? x : below;
}

static inline float gelu(float x) { return 0.5f * x * (1.0f + fast_erf(x * 0.707106769f)); }
static inline float gelu_tanh(float x) { return 0.5f * x * (1.0f + fast_tanh(0.797884561f * (x + 0.044715f * x * x * x))); }

/* Before a loop that reads the elements of one index and then writes those of the same index, whatever arrays are the same. */
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")

#define EACH(expression)                                                                                                         \
    INDEPENDENT for (int64_t i = 0; i < count; i++) { float v = x[i]; y[i] = (expression); }                                     \
    break;

/* y = activation(x) with the instructions of the function that this becomes part of. */
static inline __attribute__((always_inline)) void activate_inline(const float *x, float *y, int64_t count, ck_activation a) {
    switch (a.kind) {
    case CK_NO_ACTIVATION:
        if (x != y) memcpy(y, x, (size_t)count * sizeof *x);
        break;
    case CK_CLAMP: EACH(clamp(v, a.low, a.high))
    case CK_LEAKY: EACH(v < 0 ? a.low * v : v)
    case CK_EXP: EACH(fast_exp(v))
    case CK_SIGMOID: EACH(logistic(v))
    case CK_TANH: EACH(fast_tanh(v))
    case CK_SOFTPLUS: EACH(softplus(v))
    case CK_ELU: EACH(scaled_elu(v, a.low, a.high))
    case CK_CELU: EACH(celu(v, a.low))
    case CK_SWISH: EACH(v * logistic(a.low * v))
    case CK_MISH: EACH(mish(v))
    case CK_HARD_SIGMOID: EACH(clamp(a.low * v + a.high, 0.0f, 1.0f))
    case CK_HARD_SWISH: EACH(v * clamp(v * 0.166666672f + 0.5f, 0.0f, 1.0f))
    case CK_GELU: EACH(gelu(v))
    case CK_GELU_TANH: EACH(gelu_tanh(v))
    case CK_SOFTSIGN: EACH(v / (1.0f + fabsf(v)))
    case CK_ABS: EACH(fabsf(v))
    case CK_NEGATE: EACH(-v)
    case CK_ROUND: EACH(round_to_even(v))
    case CK_SQRT: EACH(__builtin_elementwise_sqrt(v))
    case CK_ERF: EACH(fast_erf(v))
    }
}

/* The same for anybody, on one thread. */
void ck_activate_span(const float *x, float *y, int64_t count, ck_activation activation);

/* y = activation(scale[c]·(x − center[c]) + shift[c]) for `blocks` blocks of channels of one image, on one thread; without `center`,
 * that is 0. */
void ck_affine_span(
    const float *x, const float *center, const float *scale, const float *shift, float *y, int64_t blocks, int64_t inner, int64_t block,
    ck_activation activation);

#endif
