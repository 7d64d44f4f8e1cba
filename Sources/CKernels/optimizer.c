#include "internal.h"
#include "training.h"

#include <math.h>

/* Optimizers: one pass over everything that a parameter has. Adam reads and writes 28 bytes per parameter, and memory is what it
 * waits for. */

typedef struct {
    const ck_optimizer_step *step;
    const ck_parameter_range *ranges;
    int64_t range_count, total;
    float *parameters, *first, *second, *average;
    const float *gradients;
} update_job;

#define SPAN                                                                                                                     \
    const ck_optimizer_step *s, float decay, float *restrict p, const float *restrict g, float *restrict m, float *restrict v,   \
        int64_t count

CK_CLONES static void descend(SPAN) {
    for (int64_t i = 0; i < count; i++) p[i] -= s->rate * (g[i] * s->scale + decay * p[i]);
}

CK_CLONES static void descend_with_momentum(SPAN) {
    float rate = s->rate, momentum = s->momentum, scale = s->scale;
    for (int64_t i = 0; i < count; i++) {
        float slope = g[i] * scale + decay * p[i];
        m[i] = momentum * m[i] + slope;
        p[i] -= rate * m[i];
    }
}

CK_CLONES static void descend_with_look_ahead(SPAN) {
    float rate = s->rate, momentum = s->momentum, scale = s->scale;
    for (int64_t i = 0; i < count; i++) {
        float slope = g[i] * scale + decay * p[i], velocity = momentum * m[i] + slope;
        m[i] = velocity;
        p[i] -= rate * (slope + momentum * velocity);
    }
}

CK_CLONES static void adam(SPAN) {
    float beta1 = s->beta1, beta2 = s->beta2, rest1 = s->rest1, rest2 = s->rest2, epsilon = s->epsilon, scale = s->scale;
    float rate = s->rate * s->correction1, correction = s->correction2;
    /* Decoupled decay makes parameters smaller, the other one slopes steeper. */
    float shrink = s->kind == CK_ADAMW ? 1 - s->rate * decay : 1, steepen = s->kind == CK_ADAMW ? 0 : decay;
    for (int64_t i = 0; i < count; i++) {
        float slope = g[i] * scale + steepen * p[i];
        float mean = beta1 * m[i] + rest1 * slope, square = beta2 * v[i] + rest2 * slope * slope;
        m[i] = mean;
        v[i] = square;
        p[i] = p[i] * shrink - rate * mean / (__builtin_elementwise_sqrt(square * correction) + epsilon);
    }
}

CK_CLONES static void follow(const ck_optimizer_step *s, const float *restrict p, float *restrict average, int64_t count) {
    float decay = s->average_decay, rest = s->average_rest;
    for (int64_t i = 0; i < count; i++) average[i] = decay * average[i] + rest * p[i];
}

static void update_span(const update_job *job, float decay, int64_t first, int64_t count) {
    const ck_optimizer_step *s = job->step;
    float *p = job->parameters + first, *m = job->first ? job->first + first : 0, *v = job->second ? job->second + first : 0;
    const float *g = job->gradients + first;
    switch (s->kind) {
    case CK_SGD: (s->momentum == 0 ? descend : s->nesterov ? descend_with_look_ahead : descend_with_momentum)(s, decay, p, g, m, v, count); break;
    case CK_ADAM:
    case CK_ADAMW: adam(s, decay, p, g, m, v, count); break;
    }
    if (job->average) follow(s, p, job->average + first, count);
}

/* Elements per piece: what the first-level cache holds of all arrays, for the moving average, which follows. */
enum { PIECE_COUNT = 1024 };

static void update_part(void *context, int index, int threads) {
    const update_job *job = context;
    int64_t begin, end, start = 0;
    ck_share((job->total + 15) / 16, index, threads, &begin, &end);
    begin *= 16;
    end *= 16;
    for (int64_t r = 0; r < job->range_count; r++) {
        const ck_parameter_range *range = &job->ranges[r];
        int64_t from = begin > start ? begin - start : 0, to = end < start + range->count ? end - start : range->count;
        float decay = range->decays ? job->step->decay : 0;
        for (; from < to; from += PIECE_COUNT)
            update_span(job, decay, range->first + from, to - from < PIECE_COUNT ? to - from : PIECE_COUNT);
        start += range->count;
    }
}

void ck_update(
    const ck_optimizer_step *step, const ck_parameter_range *ranges, int64_t range_count, float *parameters, const float *gradients,
    float *first, float *second, float *average) {
    update_job job = {step, ranges, range_count, 0, parameters, first, second, average, gradients};
    for (int64_t r = 0; r < range_count; r++) job.total += ranges[r].count;
    if (job.total < SERIAL_COUNT) update_part(&job, 0, 1); else ck_parallel(update_part, &job);
}

typedef struct {
    const float *x;
    float scale;
    bool adds;
    float *sum;
    int64_t count;
} accumulate_job;

CK_CLONES static void accumulate_span(const float *restrict x, float scale, bool adds, float *restrict sum, int64_t count) {
    if (adds) {
        for (int64_t i = 0; i < count; i++) sum[i] += scale * x[i];
    } else {
        for (int64_t i = 0; i < count; i++) sum[i] = scale * x[i];
    }
}

static void accumulate_part(void *context, int index, int threads) {
    const accumulate_job *job = context;
    int64_t begin, end;
    ck_share(job->count, index, threads, &begin, &end);
    accumulate_span(job->x + begin, job->scale, job->adds, job->sum + begin, end - begin);
}

void ck_accumulate(const float *x, float scale, bool adds, float *sum, int64_t count) {
    accumulate_job job = {x, scale, adds, sum, count};
    if (count < SERIAL_COUNT) accumulate_part(&job, 0, 1); else ck_parallel(accumulate_part, &job);
}

/* Elements are summed in this many stretches, whose sums are added in order. */
enum { STRETCHES = 256 };

typedef struct {
    const float *x;
    int64_t count;
    double sums[STRETCHES];
} square_job;

CK_CLONES static double squares(const float *x, int64_t count) {
    double sums[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int l = 0; l < 8; l++) sums[l] += (double)x[i + l] * (double)x[i + l];
    for (int l = 0; i < count; i++, l++) sums[l] += (double)x[i] * (double)x[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static void square_part(void *context, int index, int threads) {
    square_job *job = context;
    int64_t begin, end;
    ck_share(STRETCHES, index, threads, &begin, &end);
    for (int64_t s = begin; s < end; s++) {
        int64_t first, last;
        ck_share(job->count, (int)s, STRETCHES, &first, &last);
        job->sums[s] = squares(job->x + first, last - first);
    }
}

double ck_sum_of_squares(const float *x, int64_t count) {
    square_job job = {.x = x, .count = count};
    if (count < SERIAL_COUNT) square_part(&job, 0, 1); else ck_parallel(square_part, &job);
    double sum = 0;
    for (int s = 0; s < STRETCHES; s++) sum += job.sums[s];
    return sum;
}
