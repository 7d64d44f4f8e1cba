#include "internal.h"

#include <math.h>
#include <string.h>

typedef struct {
    int rank;
    const ck_axis *axes;
    const int64_t *tables;
    int64_t run;
    float fill;
    bool scattered;
    const float *x;
    float *y;
    int64_t rows;
} pick_job;

/* Single elements from here and there. */
CK_CLONES static void pick_elements(const float *x, const int64_t *table, int64_t count, float fill, float *y) {
    for (int64_t j = 0; j < count; j++) y[j] = table[j] < 0 ? fill : x[table[j]];
}

/* Runs of elements; those that follow each other are copied together. */
static void pick_runs(const float *x, const int64_t *table, int64_t count, int64_t run, float fill, float *y) {
    for (int64_t j = 0; j < count;) {
        int64_t first = j++;
        if (table[first] < 0) {
            for (int64_t i = first * run; i < j * run; i++) y[i] = fill;
            continue;
        }
        while (j < count && table[j] == table[j - 1] + run) j++;
        memcpy(y + first * run, x + table[first], (size_t)((j - first) * run) * sizeof *x);
    }
}

/* Runs of elements at even distances. */
CK_CLONES static void pick_steps(const float *x, int64_t step, int64_t count, int64_t run, float *y) {
    if (step == run) memcpy(y, x, (size_t)(count * run) * sizeof *x);
    else if (run > 1) for (int64_t j = 0; j < count; j++) memcpy(y + j * run, x + j * step, (size_t)run * sizeof *x);
    else if (step == 0) for (int64_t j = 0; j < count; j++) y[j] = x[0];
    else for (int64_t j = 0; j < count; j++) y[j] = x[j * step];
}

/* From where index `i` of an axis is read; negative for what is filled in. */
static int64_t place(const pick_job *job, const ck_axis *axis, int64_t i) {
    return axis->table < 0 ? axis->start + i * axis->step : job->tables[axis->table + i];
}

static void pick_part(void *context, int index, int threads) {
    const pick_job *job = context;
    const ck_axis *last = job->axes + job->rank - 1;
    int64_t begin, end;
    ck_share(job->rows * last->count, index, threads, &begin, &end);
    for (int64_t at = begin; at < end;) {
        int64_t first = at % last->count, length = last->count - first < end - at ? last->count - first : end - at;
        int64_t rest = at / last->count, base = 0;
        for (const ck_axis *axis = last - 1; axis >= job->axes && base >= 0; axis--) {
            int64_t step = place(job, axis, rest % axis->count);
            rest /= axis->count;
            base = step < 0 ? -1 : base + step;
        }
        float *y = job->y + at * job->run;
        const float *x = job->x + base;
        if (base < 0) for (int64_t i = 0; i < length * job->run; i++) y[i] = job->fill;
        else if (last->table < 0) pick_steps(x + place(job, last, first), last->step, length, job->run, y);
        else if (job->scattered) pick_elements(x, job->tables + last->table + first, length, job->fill, y);
        else pick_runs(x, job->tables + last->table + first, length, job->run, job->fill, y);
        at += length;
    }
}

void ck_pick(int rank, const ck_axis *axes, const int64_t *tables, int64_t run, float fill, const float *x, float *y) {
    pick_job job = {.rank = rank, .axes = axes, .tables = tables, .run = run, .fill = fill, .x = x, .y = y, .rows = 1};
    for (int d = 0; d < rank - 1; d++) job.rows *= axes[d].count;
    const ck_axis *last = axes + rank - 1;
    if (last->table >= 0) {
        const int64_t *table = tables + last->table;
        int64_t breaks = 0;
        for (int64_t j = 1; j < last->count; j++) breaks += table[j] != table[j - 1] + run;
        job.scattered = run == 1 && breaks * 4 > last->count;
    }
    if (job.rows * last->count * run < SERIAL_COUNT) pick_part(&job, 0, 1); else ck_parallel(pick_part, &job);
}

typedef struct {
    const ck_filters *filters;
    const float *x;
    float *y;
    int64_t outer, length, inner;
} resample_job;

/* Tap k of place p is entry k·count + p. */
CK_CLONES static void blend(
    const float *x, int64_t stride, const int64_t *indices, const float *weights, int64_t taps, int64_t count, float *y) {
    for (int64_t i = 0; i < stride; i++) y[i] = weights[0] * x[indices[0] * stride + i];
    for (int64_t k = 1; k < taps; k++) {
        const float *source = x + indices[k * count] * stride;
        float weight = weights[k * count];
        for (int64_t i = 0; i < stride; i++) y[i] += weight * source[i];
    }
}

CK_CLONES static void blend_pair(const float *p, const float *q, float a, float b, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = a * p[i] + b * q[i];
}

/* Places first … first + length − 1 of a row of single elements. */
CK_CLONES static void resample_row(const ck_filters *f, const float *x, int64_t first, int64_t length, float *restrict y) {
    const int64_t *indices = f->indices + first;
    const float *weights = f->weights + first;
    for (int64_t p = 0; p < length; p++) y[p] = weights[p] * x[indices[p]];
    for (int64_t k = 1; k < f->taps; k++) {
        indices += f->count;
        weights += f->count;
        for (int64_t p = 0; p < length; p++) {
            float product = weights[p] * x[indices[p]];
            y[p] += weights[p] != 0 ? product : 0.0f;
        }
    }
}

static void resample_place(const ck_filters *f, const float *x, int64_t inner, int64_t place, float *y) {
    const int64_t *from = f->indices + place;
    const float *w = f->weights + place;
    int64_t taps = 1, count = f->count;
    while (taps < f->taps && w[taps * count] != 0) taps++;
    if (taps == 1 && w[0] == 1) memcpy(y, x + from[0] * inner, (size_t)inner * sizeof *y);
    else if (taps == 2) blend_pair(x + from[0] * inner, x + from[count] * inner, w[0], w[count], inner, y);
    else blend(x, inner, from, w, taps, count, y);
}

static void resample_part(void *context, int index, int threads) {
    const resample_job *job = context;
    const ck_filters *f = job->filters;
    int64_t inner = job->inner, begin, end;
    ck_share(job->outer * f->count, index, threads, &begin, &end);
    for (int64_t at = begin; at < end;) {
        int64_t first = at % f->count, length = f->count - first < end - at ? f->count - first : end - at;
        const float *x = job->x + at / f->count * job->length * inner;
        float *y = job->y + at * inner;
        if (inner == 1) resample_row(f, x, first, length, y);
        else for (int64_t p = 0; p < length; p++) resample_place(f, x, inner, first + p, y + p * inner);
        at += length;
    }
}

void ck_resample(const ck_filters *filters, const float *x, float *y, int64_t outer, int64_t length, int64_t inner) {
    resample_job job = {filters, x, y, outer, length, inner};
    if (outer * filters->count * inner < SERIAL_COUNT) resample_part(&job, 0, 1); else ck_parallel(resample_part, &job);
}

typedef struct {
    int rank;
    const int64_t *lengths, *strides[3];
    const uint8_t *condition;
    const float *a, *b;
    float *out;
    int64_t rows;
} select_job;

#define SELECT(C, A, B)                                                                                                          \
    for (int64_t i = 0; i < count; i++) out[i] = c[i * (C)] ? a[i * (A)] : b[i * (B)];                                           \
    break;

/* Strides are 0 or 1 as long as what is broadcast is. */
CK_CLONES static void select_row(
    int64_t count, const uint8_t *c, int64_t sc, const float *a, int64_t sa, const float *b, int64_t sb, float *out) {
    switch ((sc > 1 || sa > 1 || sb > 1) ? -1 : (int)(sc * 4 + sa * 2 + sb)) {
    case 4: SELECT(1, 0, 0)
    case 5: SELECT(1, 0, 1)
    case 6: SELECT(1, 1, 0)
    case 7: SELECT(1, 1, 1)
    default: SELECT(sc, sa, sb)
    }
}

static void select_part(void *context, int index, int threads) {
    const select_job *job = context;
    int last = job->rank - 1;
    int64_t count = job->lengths[last], begin, end;
    ck_share(job->rows, index, threads, &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        int64_t offsets[3] = {0}, rest = row;
        for (int d = last - 1; d >= 0; d--) {
            for (int k = 0; k < 3; k++) offsets[k] += rest % job->lengths[d] * job->strides[k][d];
            rest /= job->lengths[d];
        }
        select_row(
            count, job->condition + offsets[0], job->strides[0][last], job->a + offsets[1], job->strides[1][last], job->b + offsets[2],
            job->strides[2][last], job->out + row * count);
    }
}

void ck_select(
    int rank, const int64_t *lengths, const uint8_t *condition, const int64_t *condition_strides, const float *a,
    const int64_t *a_strides, const float *b, const int64_t *b_strides, float *out) {
    select_job job = {rank, lengths, {condition_strides, a_strides, b_strides}, condition, a, b, out, 1};
    for (int d = 0; d < rank - 1; d++) job.rows *= lengths[d];
    if (job.rows * lengths[rank - 1] < SERIAL_COUNT) select_part(&job, 0, 1); else ck_parallel(select_part, &job);
}

typedef struct {
    ck_number_kind kind;
    const void *x;
    float *y;
    int64_t count;
} convert_job;

#define CONVERT(TYPE)                                                                                                            \
    for (int64_t i = begin; i < end; i++) y[i] = (float)((const TYPE *)x)[i];                                                    \
    break;

CK_CLONES static void convert_span(ck_number_kind kind, const void *x, float *y, int64_t begin, int64_t end) {
    switch (kind) {
    case CK_INT8: CONVERT(int8_t)
    case CK_UINT8: CONVERT(uint8_t)
    case CK_INT16: CONVERT(int16_t)
    case CK_UINT16: CONVERT(uint16_t)
    case CK_INT32: CONVERT(int32_t)
    case CK_UINT32: CONVERT(uint32_t)
    case CK_INT64: CONVERT(int64_t)
    case CK_UINT64: CONVERT(uint64_t)
    case CK_FLOAT64: CONVERT(double)
    }
}

static void convert_part(void *context, int index, int threads) {
    const convert_job *job = context;
    int64_t begin, end;
    ck_share(job->count, index, threads, &begin, &end);
    convert_span(job->kind, job->x, job->y, begin, end);
}

void ck_convert(ck_number_kind kind, const void *x, float *y, int64_t count) {
    convert_job job = {kind, x, y, count};
    if (count < SERIAL_COUNT) convert_part(&job, 0, 1); else ck_parallel(convert_part, &job);
}
