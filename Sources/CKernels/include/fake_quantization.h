#ifndef CLEAVE_FAKE_QUANTIZATION_H
#define CLEAVE_FAKE_QUANTIZATION_H

/* What training for 8 bits needs, as Cleave's FakeQuantize, FakeQuantizeGradient, SymmetricScale and MovingRange define it. The same
 * result for any number of threads. */

#include "kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y = s·clamp(rint(x / s), minimum, maximum) with s = unit·scale; unit·low moves the limits, where there is a low. */
typedef struct {
    float minimum, maximum, unit;
} ck_fake_quantization;

/* A tensor [outer, blocks, inner, lanes] whose element belongs to channel block·lanes + lane, in memory without gaps. What is beyond
 * `channels` is padding: zeros, which stay. */
typedef struct {
    int64_t outer, blocks, inner, lanes, channels;
} ck_channels;

/* With one scale; `low` may be NULL. y may be x. */
void ck_fake_quantize(const ck_fake_quantization *q, const float *x, const float *scale, const float *low, float *y, int64_t count);
/* dscale and dlow may be NULL; dx may be x or dy. */
void ck_fake_quantize_gradient(
    const ck_fake_quantization *q, const float *x, const float *dy, const float *scale, const float *low, float *dx, float *dscale,
    float *dlow, int64_t count, void *scratch);
/* Bytes that it needs as `scratch`. */
int64_t ck_fake_quantize_gradient_scratch_size(int64_t count);

/* With a scale per channel. */
void ck_fake_quantize_channels(const ck_fake_quantization *q, const ck_channels *c, const float *x, const float *scale, float *y);
/* dscale may be NULL; dx may be x or dy. */
void ck_fake_quantize_channels_gradient(
    const ck_fake_quantization *q, const ck_channels *c, const float *x, const float *dy, const float *scale, float *dx, float *dscale);
/* scale[c] = max|x| / maximum */
void ck_symmetric_scale(const ck_channels *c, float maximum, const float *x, float *scale);

/* new_low = momentum·low + rest·min(x, 0), new_high = momentum·high + rest·max(x, 0) */
void ck_moving_range(
    const float *x, int64_t count, float momentum, float rest, const float *low, const float *high, float *new_low, float *new_high);

#ifdef __cplusplus
}
#endif

#endif
