#include "functions.h"

#include <string.h>

/* Columns that are worked on at once. */
enum { PIECE = 512 };

typedef struct {
    ck_reduction_kind kind;
    const float *x;
    float *y;
    int64_t outer, count, inner;
} reduction_job;

static inline float smaller(float p, float q) { return p != p || p < q ? p : q; }

/* acc[i] = acc[i] ∘ x[i] */
CK_CLONES static void combine(ck_reduction_kind kind, const float *x, float *acc, int64_t count) {
    switch (kind) {
    case CK_REDUCE_SUM: case CK_REDUCE_MEAN:
        for (int64_t i = 0; i < count; i++) acc[i] += x[i];
        break;
    case CK_REDUCE_L1:
        for (int64_t i = 0; i < count; i++) acc[i] += fabsf(x[i]);
        break;
    case CK_REDUCE_L2: case CK_REDUCE_SQUARES:
        for (int64_t i = 0; i < count; i++) acc[i] += x[i] * x[i];
        break;
    case CK_REDUCE_PRODUCT:
        for (int64_t i = 0; i < count; i++) acc[i] *= x[i];
        break;
    case CK_REDUCE_MAX:
        for (int64_t i = 0; i < count; i++) acc[i] = larger(acc[i], x[i]);
        break;
    case CK_REDUCE_MIN:
        for (int64_t i = 0; i < count; i++) acc[i] = smaller(acc[i], x[i]);
        break;
    }
}

static float neutral(ck_reduction_kind kind) {
    switch (kind) {
    case CK_REDUCE_PRODUCT: return 1.0f;
    case CK_REDUCE_MAX: return -INFINITY;
    case CK_REDUCE_MIN: return INFINITY;
    case CK_REDUCE_SUM: case CK_REDUCE_MEAN: case CK_REDUCE_L1: case CK_REDUCE_L2: case CK_REDUCE_SQUARES: return 0.0f;
    }
    return 0.0f;
}

/* The same where the numbers are already combined ones. */
static ck_reduction_kind combination(ck_reduction_kind kind) {
    return kind == CK_REDUCE_L1 || kind == CK_REDUCE_L2 || kind == CK_REDUCE_SQUARES ? CK_REDUCE_SUM : kind;
}

static float finished(ck_reduction_kind kind, float value, int64_t count) {
    if (kind == CK_REDUCE_MEAN) return value / (float)count;
    return kind == CK_REDUCE_L2 ? sqrtf(value) : value;
}

/* One row of neighbours: partial results in as many lanes as keep the units busy. */
static float reduce_row(ck_reduction_kind kind, const float *x, int64_t count) {
    enum { WIDTH = 64 };
    float lanes[WIDTH];
    for (int l = 0; l < WIDTH; l++) lanes[l] = neutral(kind);
    int64_t whole = count / WIDTH * WIDTH;
    for (int64_t i = 0; i < whole; i += WIDTH) combine(kind, x + i, lanes, WIDTH);
    combine(kind, x + whole, lanes, count - whole);
    for (int width = WIDTH / 2; width > 0; width /= 2) combine(combination(kind), lanes + width, lanes, width);
    return finished(kind, lanes[0], count);
}

static void reduction_part(void *context, int index, int threads) {
    const reduction_job *job = context;
    int64_t pieces = (job->inner + PIECE - 1) / PIECE, begin, end;
    ck_share(job->outer * pieces, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t row = item / pieces, first = item % pieces * PIECE;
        const float *x = job->x + row * job->count * job->inner + first;
        float *y = job->y + row * job->inner + first;
        if (job->inner == 1) {
            *y = reduce_row(job->kind, x, job->count);
            continue;
        }
        int64_t length = job->inner - first < PIECE ? job->inner - first : PIECE;
        for (int64_t i = 0; i < length; i++) y[i] = neutral(job->kind);
        for (int64_t k = 0; k < job->count; k++) combine(job->kind, x + k * job->inner, y, length);
        for (int64_t i = 0; i < length; i++) y[i] = finished(job->kind, y[i], job->count);
    }
}

void ck_reduce(ck_reduction_kind kind, const float *x, float *y, int64_t outer, int64_t count, int64_t inner) {
    reduction_job job = {kind, x, y, outer, count, inner};
    if (outer * count * inner < SERIAL_COUNT) reduction_part(&job, 0, 1); else ck_parallel(reduction_part, &job);
}

typedef struct {
    const float *const *sources;
    const int64_t *lengths;
    int count;
    int64_t outer, total;
    float *out;
} concat_job;

/* Each thread fills a stretch of the result. */
static void concat_part(void *context, int index, int threads) {
    const concat_job *job = context;
    int64_t begin, end;
    ck_share(job->outer * job->total, index, threads, &begin, &end);
    for (int64_t at = begin; at < end;) {
        int64_t row = at / job->total, place = at % job->total;
        int source = 0;
        while (place >= job->lengths[source]) place -= job->lengths[source++];
        int64_t length = job->lengths[source] - place < end - at ? job->lengths[source] - place : end - at;
        memcpy(job->out + at, job->sources[source] + row * job->lengths[source] + place, (size_t)length * sizeof(float));
        at += length;
    }
}

void ck_concat(const float *const *sources, const int64_t *lengths, int count, int64_t outer, float *out) {
    concat_job job = {sources, lengths, count, outer, 0, out};
    for (int i = 0; i < count; i++) job.total += lengths[i];
    if (outer * job.total < SERIAL_COUNT) concat_part(&job, 0, 1); else ck_parallel(concat_part, &job);
}
