#include "functions.h"

#include <string.h>

typedef struct {
    ck_reduction_kind kind;
    const float *x;
    float *y;
    int64_t outer, count, inner;
} reduction_job;

/* Numbers per column that are added up in float32 before they go into a sum in float64, and columns that are worked on at once. */
enum { RUN = 128, COLUMNS = 512 };

static inline float smaller(float p, float q) { return p != p || p < q ? p : q; }

/* acc[i] = acc[i] ∘ x[k, i] for every row k; rows of one block of channels stay in a register. */
#define ROWS(expression)                                                                                                         \
    if (count == 16) {                                                                                                           \
        for (int64_t k = 0; k < rows; k++)                                                                                       \
            for (int i = 0; i < 16; i++) { float a = acc[i], v = x[k * stride + i]; acc[i] = (expression); }                     \
    } else {                                                                                                                     \
        for (int64_t k = 0; k < rows; k++)                                                                                       \
            INDEPENDENT for (int64_t i = 0; i < count; i++) { float a = acc[i], v = x[k * stride + i]; acc[i] = (expression); }  \
    }                                                                                                                            \
    break;

CK_CLONES static void combine(ck_reduction_kind kind, const float *x, int64_t rows, int64_t stride, float *acc, int64_t count) {
    switch (kind) {
    case CK_REDUCE_SUM: case CK_REDUCE_MEAN: ROWS(a + v)
    case CK_REDUCE_L1: ROWS(a + fabsf(v))
    case CK_REDUCE_L2: case CK_REDUCE_SQUARES: ROWS(a + v * v)
    case CK_REDUCE_PRODUCT: ROWS(a * v)
    case CK_REDUCE_MAX: ROWS(larger(a, v))
    case CK_REDUCE_MIN: ROWS(smaller(a, v))
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
    return kind == CK_REDUCE_L1 || kind == CK_REDUCE_L2 || kind == CK_REDUCE_SQUARES || kind == CK_REDUCE_MEAN ? CK_REDUCE_SUM : kind;
}

static float finished(ck_reduction_kind kind, double value, int64_t count) {
    if (kind == CK_REDUCE_MEAN) return (float)(value / (double)count);
    return (float)(kind == CK_REDUCE_L2 ? sqrt(value) : value);
}

static void fill(float *y, int64_t count, float value) {
    for (int64_t i = 0; i < count; i++) y[i] = value;
}

CK_CLONES static void add_up(const float *part, double *totals, int64_t count) {
    for (int64_t i = 0; i < count; i++) totals[i] += part[i];
}

/* Combines `count` rows that lie `stride` apart, column by column. */
static void reduce_columns(ck_reduction_kind kind, const float *x, int64_t count, int64_t stride, double *totals, int64_t columns) {
    float part[COLUMNS];
    if (combination(kind) != CK_REDUCE_SUM) {
        fill(part, columns, neutral(kind));
        combine(kind, x, count, stride, part, columns);
        for (int64_t i = 0; i < columns; i++) totals[i] = part[i];
        return;
    }
    for (int64_t i = 0; i < columns; i++) totals[i] = 0;
    for (int64_t first = 0; first < count; first += RUN) {
        fill(part, columns, 0);
        combine(kind, x + first * stride, count - first < RUN ? count - first : RUN, stride, part, columns);
        add_up(part, totals, columns);
    }
}

/* One row of neighbours, seen as rows of as many columns as keep the units busy, and a rest. */
static float reduce_row(ck_reduction_kind kind, const float *x, int64_t count) {
    enum { WIDEST = 64 };
    int64_t width = count < 16 * WIDEST ? 16 : WIDEST, whole = count / width * width;
    double totals[WIDEST];
    float rest[WIDEST];
    reduce_columns(kind, x, count / width, width, totals, width);
    fill(rest, width, neutral(kind));
    combine(kind, x + whole, 1, width, rest, count - whole);
    if (combination(kind) == CK_REDUCE_SUM) {
        double sum = 0;
        for (int64_t l = 0; l < width; l++) sum += totals[l] + rest[l];
        return finished(kind, sum, count);
    }
    float lanes[WIDEST];
    for (int64_t l = 0; l < width; l++) lanes[l] = (float)totals[l];
    combine(kind, lanes, 1, width, rest, width);
    for (width /= 2; width > 0; width /= 2) combine(kind, rest + width, 1, width, rest, width);
    return rest[0];
}

static void reduction_part(void *context, int index, int threads) {
    const reduction_job *job = context;
    int64_t pieces = (job->inner + COLUMNS - 1) / COLUMNS, begin, end;
    double totals[COLUMNS];
    ck_share(job->outer * pieces, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t row = item / pieces, first = item % pieces * COLUMNS;
        const float *x = job->x + row * job->count * job->inner + first;
        float *y = job->y + row * job->inner + first;
        if (job->inner == 1) {
            *y = reduce_row(job->kind, x, job->count);
            continue;
        }
        int64_t length = job->inner - first < COLUMNS ? job->inner - first : COLUMNS;
        reduce_columns(job->kind, x, job->count, job->inner, totals, length);
        for (int64_t i = 0; i < length; i++) y[i] = finished(job->kind, totals[i], job->count);
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
