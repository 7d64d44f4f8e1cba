#include "fake_quantization.h"
#include "functions.h"
#include "statistics.h"

#include <float.h>

/* Elements whose sums are added up by one thread, and in one piece; a piece for a channel's lanes. */
enum { PIECE = 4096, WIDEST = 16 };

typedef struct {
    float scale, minimum, maximum, offset;
    /* Whether the limits follow low. */
    bool follows;
} limits;

/* A scale that is no normal number counts as the smallest one; NaN stays. */
static inline float scale_of(const ck_fake_quantization *q, float scale) { return at_least(q->unit * scale, FLT_MIN); }

static limits limits_of(const ck_fake_quantization *q, float scale, const float *low) {
    limits l = {scale_of(q, scale), q->minimum, q->maximum, 0, false};
    if (!low) return l;
    float range = q->maximum - q->minimum, offset = q->unit * *low / l.scale, steps = round_to_even(offset);
    l.follows = steps >= -range && steps <= 0;
    l.minimum = steps < -range ? -range : steps > 0 ? 0 : steps;
    l.maximum = l.minimum + range;
    l.offset = l.follows ? offset : 0;
    return l;
}

/* --- One scale -------------------------------------------------------------------------------------------------- */

typedef struct {
    limits l;
    const float *x, *dy;
    float *y;
    int64_t count;
    /* Of every piece: Σ ∂y/∂s·dy and Σ ∂y/∂low·dy; NULL where they are not wanted. */
    double (*sums)[2];
} tensor_job;

CK_CLONES static void quantize_span(const float *x, float *y, int64_t count, float scale, float minimum, float maximum) {
    INDEPENDENT for (int64_t i = 0; i < count; i++) y[i] = scale * clamp(round_to_even(x[i] / scale), minimum, maximum);
}

static void quantize_part(void *context, int index, int threads) {
    const tensor_job *job = context;
    int64_t begin, end;
    ck_share((job->count + 15) / 16, index, threads, &begin, &end);
    begin *= 16;
    end = end * 16 < job->count ? end * 16 : job->count;
    if (begin < end) quantize_span(job->x + begin, job->y + begin, end - begin, job->l.scale, job->l.minimum, job->l.maximum);
}

void ck_fake_quantize(const ck_fake_quantization *q, const float *x, const float *scale, const float *low, float *y, int64_t count) {
    tensor_job job = {.l = limits_of(q, *scale, low), .x = x, .y = y, .count = count};
    if (count < SERIAL_COUNT) quantize_part(&job, 0, 1); else ck_parallel(quantize_part, &job);
}

/* dx, and with `sums` what a piece adds to the gradients of scale and low. */
CK_CLONES static void gradient_span(
    const limits *l, const float *x, const float *dy, float *dx, int64_t count, bool adds, double *scale_sum, double *low_sum) {
    float scale = l->scale, minimum = l->minimum, maximum = l->maximum, below = minimum - l->offset, above = maximum - l->offset;
    if (!adds) {
        INDEPENDENT for (int64_t i = 0; i < count; i++) {
            float r = round_to_even(x[i] / scale), d = dy[i];
            dx[i] = ((r < minimum) | (r > maximum)) ? 0.0f : d;
        }
        return;
    }
    float scales[WIDEST] = {0}, lows[WIDEST] = {0};
    int64_t whole = count / WIDEST * WIDEST;
    for (int64_t i = 0; i < whole; i += WIDEST)
        INDEPENDENT for (int k = 0; k < WIDEST; k++) {
            float v = x[i + k] / scale, r = round_to_even(v), d = dy[i + k];
            float slope = r < minimum ? below : r > maximum ? above : r - v;
            bool outside = (r < minimum) | (r > maximum);
            scales[k] += d * slope;
            lows[k] += outside ? d : 0.0f;
            dx[i + k] = outside ? 0.0f : d;
        }
    for (int64_t i = whole; i < count; i++) {
        float v = x[i] / scale, r = round_to_even(v), d = dy[i];
        float slope = r < minimum ? below : r > maximum ? above : r - v;
        bool outside = (r < minimum) | (r > maximum);
        scales[0] += d * slope;
        lows[0] += outside ? d : 0.0f;
        dx[i] = outside ? 0.0f : d;
    }
    double s = 0, t = 0;
    for (int k = 0; k < WIDEST; k++) {
        s += scales[k];
        t += lows[k];
    }
    *scale_sum = s;
    *low_sum = t;
}

static void gradient_part(void *context, int index, int threads) {
    const tensor_job *job = context;
    int64_t begin, end;
    ck_share((job->count + PIECE - 1) / PIECE, index, threads, &begin, &end);
    for (int64_t piece = begin; piece < end; piece++) {
        int64_t first = piece * PIECE, count = job->count - first < PIECE ? job->count - first : PIECE;
        double scale_sum = 0, low_sum = 0;
        gradient_span(
            &job->l, job->x + first, job->dy + first, job->y + first, count, job->sums != NULL, &scale_sum, &low_sum);
        if (job->sums) {
            job->sums[piece][0] = scale_sum;
            job->sums[piece][1] = low_sum;
        }
    }
}

int64_t ck_fake_quantize_gradient_scratch_size(int64_t count) { return (count + PIECE - 1) / PIECE * (int64_t)sizeof(double[2]); }

void ck_fake_quantize_gradient(
    const ck_fake_quantization *q, const float *x, const float *dy, const float *scale, const float *low, float *dx, float *dscale,
    float *dlow, int64_t count, void *scratch) {
    tensor_job job = {
        .l = limits_of(q, *scale, low), .x = x, .dy = dy, .y = dx, .count = count, .sums = dscale || dlow ? scratch : NULL};
    if (count < SERIAL_COUNT) gradient_part(&job, 0, 1); else ck_parallel(gradient_part, &job);
    if (!job.sums) return;
    double s = 0, t = 0;
    for (int64_t piece = 0; piece * PIECE < count; piece++) {
        s += job.sums[piece][0];
        t += job.sums[piece][1];
    }
    if (dscale) *dscale = (float)(s * q->unit);
    if (dlow) *dlow = job.l.follows ? (float)(t * q->unit) : 0.0f;
}

/* --- A scale per channel ---------------------------------------------------------------------------------------- */

typedef struct {
    const ck_fake_quantization *q;
    const ck_channels *c;
    const float *x, *dy, *scale;
    float *y, *dscale;
    float maximum;
} channel_job;

/* Lanes of one block from `first` on, at most WIDEST: their channels' scales, 1 for padding. */
static int64_t scales_of(const channel_job *job, int64_t block, int64_t first, float *scales) {
    const ck_channels *c = job->c;
    int64_t lanes = c->lanes - first < WIDEST ? c->lanes - first : WIDEST;
    for (int64_t l = 0; l < WIDEST; l++) {
        int64_t channel = block * c->lanes + first + l;
        scales[l] = l < lanes && channel < c->channels ? scale_of(job->q, job->scale[channel]) : 1.0f;
    }
    return lanes;
}

CK_CLONES static void quantize_lanes(const channel_job *job, int64_t block, int64_t first) {
    const ck_channels *c = job->c;
    float scales[WIDEST], minimum = job->q->minimum, maximum = job->q->maximum;
    int64_t lanes = scales_of(job, block, first, scales);
    for (int64_t o = 0; o < c->outer; o++) {
        int64_t start = (o * c->blocks + block) * c->inner * c->lanes + first;
        if (c->lanes == 1) {
            quantize_span(job->x + start, job->y + start, c->inner, scales[0], minimum, maximum);
            continue;
        }
        for (int64_t i = 0; i < c->inner; i++) {
            const float *x = job->x + start + i * c->lanes;
            float *y = job->y + start + i * c->lanes;
            INDEPENDENT for (int64_t l = 0; l < lanes; l++) y[l] = scales[l] * clamp(round_to_even(x[l] / scales[l]), minimum, maximum);
        }
    }
}

CK_CLONES static void gradient_lanes(const channel_job *job, int64_t block, int64_t first) {
    const ck_channels *c = job->c;
    float scales[WIDEST];
    double sums[WIDEST] = {0};
    limits l = {0, job->q->minimum, job->q->maximum, 0, false};
    int64_t lanes = scales_of(job, block, first, scales);
    for (int64_t o = 0; o < c->outer; o++) {
        int64_t start = (o * c->blocks + block) * c->inner * c->lanes + first;
        if (c->lanes == 1) {
            double sum = 0, ignored = 0;
            l.scale = scales[0];
            gradient_span(&l, job->x + start, job->dy + start, job->y + start, c->inner, job->dscale != NULL, &sum, &ignored);
            sums[0] += sum;
            continue;
        }
        for (int64_t i = 0; i < c->inner; i++) {
            const float *x = job->x + start + i * c->lanes, *dy = job->dy + start + i * c->lanes;
            float *dx = job->y + start + i * c->lanes;
            INDEPENDENT for (int64_t k = 0; k < lanes; k++) {
                float v = x[k] / scales[k], r = round_to_even(v), d = dy[k];
                bool outside = (r < l.minimum) | (r > l.maximum);
                sums[k] += d * (r < l.minimum ? l.minimum : r > l.maximum ? l.maximum : r - v);
                dx[k] = outside ? 0.0f : d;
            }
        }
    }
    if (!job->dscale) return;
    for (int64_t k = 0; k < lanes; k++) {
        int64_t channel = block * c->lanes + first + k;
        if (channel < c->channels) job->dscale[channel] = (float)(sums[k] * job->q->unit);
    }
}

CK_CLONES static void largest_lanes(const channel_job *job, int64_t block, int64_t first) {
    const ck_channels *c = job->c;
    float largest[WIDEST] = {0};
    int64_t lanes = c->lanes - first < WIDEST ? c->lanes - first : WIDEST;
    for (int64_t o = 0; o < c->outer; o++)
        for (int64_t i = 0; i < c->inner; i++) {
            const float *x = job->x + ((o * c->blocks + block) * c->inner + i) * c->lanes + first;
            for (int64_t l = 0; l < lanes; l++) largest[l] = larger(fabsf(x[l]), largest[l]);
        }
    for (int64_t l = 0; l < lanes; l++) {
        int64_t channel = block * c->lanes + first + l;
        if (channel < c->channels) job->y[channel] = largest[l] / job->maximum;
    }
}

static void in_lanes(const channel_job *job, int index, int threads, void (*body)(const channel_job *, int64_t, int64_t)) {
    int64_t groups = (job->c->lanes + WIDEST - 1) / WIDEST, begin, end;
    ck_share(job->c->blocks * groups, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) body(job, item / groups, item % groups * WIDEST);
}

static void channel_part(void *context, int index, int threads) { in_lanes(context, index, threads, quantize_lanes); }
static void channel_gradient_part(void *context, int index, int threads) { in_lanes(context, index, threads, gradient_lanes); }
static void channel_largest_part(void *context, int index, int threads) { in_lanes(context, index, threads, largest_lanes); }

static void run(channel_job *job, void (*part)(void *, int, int)) {
    const ck_channels *c = job->c;
    if (c->outer * c->blocks * c->inner * c->lanes < SERIAL_COUNT) part(job, 0, 1); else ck_parallel(part, job);
}

void ck_fake_quantize_channels(const ck_fake_quantization *q, const ck_channels *c, const float *x, const float *scale, float *y) {
    channel_job job = {.q = q, .c = c, .x = x, .scale = scale, .y = y};
    run(&job, channel_part);
}

void ck_fake_quantize_channels_gradient(
    const ck_fake_quantization *q, const ck_channels *c, const float *x, const float *dy, const float *scale, float *dx, float *dscale) {
    channel_job job = {.q = q, .c = c, .x = x, .dy = dy, .scale = scale, .y = dx, .dscale = dscale};
    run(&job, channel_gradient_part);
}

void ck_symmetric_scale(const ck_channels *c, float maximum, const float *x, float *scale) {
    channel_job job = {.c = c, .x = x, .y = scale, .maximum = maximum};
    run(&job, channel_largest_part);
}

/* --- Ranges ----------------------------------------------------------------------------------------------------- */

void ck_moving_range(
    const float *x, int64_t count, float momentum, float rest, const float *low, const float *high, float *new_low, float *new_high) {
    ck_extent extent;
    ck_measure_extents(x, 1, count, &extent);
    *new_low = momentum * *low + rest * at_most(extent.low, 0);
    *new_high = momentum * *high + rest * at_least(extent.high, 0);
}
