#include "functions.h"

enum { LANES = 16, COLUMNS = 256, PIECE = 512 };

typedef struct {
    bool logarithm;
    const float *x;
    float *y;
    int64_t outer, count, inner;
} softmax_job;

/* NaN if there is one. */
CK_CLONES static float largest(const float *x, int64_t count) {
    float lanes[LANES], result = -INFINITY;
    for (int l = 0; l < LANES; l++) lanes[l] = -INFINITY;
    int64_t whole = count / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int l = 0; l < LANES; l++) lanes[l] = larger(lanes[l], x[i + l]);
    for (int l = 0; l < LANES; l++) result = larger(result, lanes[l]);
    for (int64_t i = whole; i < count; i++) result = larger(result, x[i]);
    return result;
}

/* y = e^(x − center), and its sum: in float32 per lane over some hundred numbers, in float64 over these. */
CK_CLONES static double exponentials(const float *x, float *y, int64_t count, float center) {
    double sum = 0;
    INDEPENDENT for (int64_t i = 0; i < count; i++) y[i] = fast_exp(x[i] - center);
    for (int64_t first = 0; first < count; first += PIECE) {
        int64_t end = count - first < PIECE ? count : first + PIECE, whole = first + (end - first) / LANES * LANES;
        float lanes[LANES] = {0};
        for (int64_t i = first; i < whole; i += LANES)
            for (int l = 0; l < LANES; l++) lanes[l] += y[i + l];
        for (int l = 0; l < LANES; l++) sum += lanes[l];
        for (int64_t i = whole; i < end; i++) sum += y[i];
    }
    return sum;
}

CK_CLONES static void scale_row(float *y, int64_t count, float factor) {
    for (int64_t i = 0; i < count; i++) y[i] *= factor;
}

CK_CLONES static void shift_row(const float *x, float *y, int64_t count, float center, float logarithm) {
    for (int64_t i = 0; i < count; i++) y[i] = (x[i] - center) - logarithm;
}

static void softmax_row(const softmax_job *job, int64_t row) {
    const float *x = job->x + row * job->count;
    float *y = job->y + row * job->count, center = largest(x, job->count);
    double sum = exponentials(x, y, job->count, center);
    if (job->logarithm) shift_row(x, y, job->count, center, (float)log(sum)); else scale_row(y, job->count, (float)(1 / sum));
}

/* Columns [first, first + length) of one of the outer matrices. */
CK_CLONES static void softmax_columns(const softmax_job *job, int64_t matrix, int64_t first, int64_t length) {
    int64_t inner = job->inner, offset = matrix * job->count * inner + first;
    const float *x = job->x + offset;
    float *y = job->y + offset, centers[COLUMNS], factors[COLUMNS];
    double sums[COLUMNS];
    INDEPENDENT for (int64_t i = 0; i < length; i++) {
        centers[i] = x[i];
        sums[i] = 0;
    }
    for (int64_t k = 1; k < job->count; k++)
        INDEPENDENT for (int64_t i = 0; i < length; i++) centers[i] = larger(centers[i], x[k * inner + i]);
    for (int64_t k = 0; k < job->count; k++)
        INDEPENDENT for (int64_t i = 0; i < length; i++) {
            float power = fast_exp(x[k * inner + i] - centers[i]);
            y[k * inner + i] = power;
            sums[i] += power;
        }
    if (job->logarithm) {
        for (int64_t i = 0; i < length; i++) factors[i] = (float)log(sums[i]);
        for (int64_t k = 0; k < job->count; k++)
            INDEPENDENT for (int64_t i = 0; i < length; i++) y[k * inner + i] = (x[k * inner + i] - centers[i]) - factors[i];
    } else {
        for (int64_t i = 0; i < length; i++) factors[i] = (float)(1 / sums[i]);
        for (int64_t k = 0; k < job->count; k++)
            INDEPENDENT for (int64_t i = 0; i < length; i++) y[k * inner + i] *= factors[i];
    }
}

static void softmax_part(void *context, int index, int threads) {
    const softmax_job *job = context;
    int64_t pieces = (job->inner + COLUMNS - 1) / COLUMNS, begin, end;
    ck_share(job->outer * pieces, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        if (job->inner == 1) {
            softmax_row(job, item);
            continue;
        }
        int64_t first = item % pieces * COLUMNS;
        softmax_columns(job, item / pieces, first, job->inner - first < COLUMNS ? job->inner - first : COLUMNS);
    }
}

void ck_softmax(bool logarithm, const float *x, float *y, int64_t outer, int64_t count, int64_t inner) {
    softmax_job job = {logarithm, x, y, outer, count, inner};
    if (outer * count * inner < SERIAL_COUNT / 8) softmax_part(&job, 0, 1); else ck_parallel(softmax_part, &job);
}
