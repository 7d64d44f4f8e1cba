#include "functions.h"

#include <string.h>

/* Sums are made in float32 over pieces of this many numbers per lane, and in float64 over the pieces. */
enum { LANES = 16, PIECE = 512, MAX_CHANNELS = 4096 };

/* Σ f(x) per lane over `count` rows of `lanes` numbers, f being x − center or its square. */
#define LANE_SUMS(name, LANES_, TERM)                                                                                            \
    CK_CLONES static void name(const float *x, int64_t count, const float *center, double *sums) {                               \
        for (int64_t first = 0; first < count; first += PIECE) {                                                                 \
            int64_t end = count - first < PIECE ? count : first + PIECE;                                                         \
            float part[LANES_] = {0};                                                                                            \
            for (int64_t i = first; i < end; i++)                                                                                \
                for (int l = 0; l < LANES_; l++) {                                                                               \
                    float d = x[i * LANES_ + l] - center[l];                                                                     \
                    part[l] += TERM;                                                                                             \
                }                                                                                                                \
            for (int l = 0; l < LANES_; l++) sums[l] += part[l];                                                                 \
        }                                                                                                                        \
    }
LANE_SUMS(lane_sums_16, 16, d)
LANE_SUMS(lane_squares_16, 16, d * d)
LANE_SUMS(lane_sums_8, 8, d)
LANE_SUMS(lane_squares_8, 8, d * d)
LANE_SUMS(lane_sums_4, 4, d)
LANE_SUMS(lane_squares_4, 4, d * d)

/* The sum over a row of single numbers, seen as rows of lanes and a rest. */
static double row_sum(const float *x, int64_t count, float center, bool squares) {
    float centers[LANES];
    double sums[LANES] = {0}, sum = 0;
    for (int l = 0; l < LANES; l++) centers[l] = center;
    (squares ? lane_squares_16 : lane_sums_16)(x, count / LANES, centers, sums);
    for (int l = 0; l < LANES; l++) sum += sums[l];
    for (int64_t i = count / LANES * LANES; i < count; i++) {
        double d = x[i] - center;
        sum += squares ? d * d : d;
    }
    return sum;
}

typedef struct {
    const ck_group_norm *norm;
    const float *x, *scale, *shift;
    float *y;
    /* Channels that are normalized together by one thread: whole groups and whole blocks. */
    int64_t unit;
} norm_job;

static int64_t common_multiple(int64_t a, int64_t b) {
    int64_t x = a, y = b;
    while (y) {
        int64_t rest = x % y;
        x = y;
        y = rest;
    }
    return a / x * b;
}

/* Adds up what channels [first, last) of an image hold, per channel. */
static void channel_sums(
    const ck_group_norm *n, const float *image, int64_t first, int64_t last, const float *centers, bool squares, double *sums) {
    memset(sums, 0, (size_t)(last - first) * sizeof *sums);
    for (int64_t channel = first; channel < last; channel += n->block) {
        const float *x = image + channel * n->spatial;
        double *target = sums + (channel - first);
        const float *center = centers + (channel - first);
        switch (n->block) {
        case 16: (squares ? lane_squares_16 : lane_sums_16)(x, n->spatial, center, target); break;
        case 8: (squares ? lane_squares_8 : lane_sums_8)(x, n->spatial, center, target); break;
        case 4: (squares ? lane_squares_4 : lane_sums_4)(x, n->spatial, center, target); break;
        default: *target += row_sum(x, n->spatial, *center, squares); break;
        }
    }
}

/* Replaces every channel's sum by the mean over its group. */
static void average(const ck_group_norm *n, int64_t count, double *sums) {
    for (int64_t first = 0; first < count; first += n->group) {
        double sum = 0;
        for (int64_t c = first; c < first + n->group; c++) sum += sums[c];
        for (int64_t c = first; c < first + n->group; c++) sums[c] = sum / ((double)n->group * (double)n->spatial);
    }
}

static void norm_part(void *context, int index, int threads) {
    const norm_job *job = context;
    const ck_group_norm *n = job->norm;
    int64_t units = (n->channels + job->unit - 1) / job->unit, padded = (n->channels + n->block - 1) / n->block * n->block, begin, end;
    ck_share(n->batch * units, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t first = item % units * job->unit, last = first + job->unit < padded ? first + job->unit : padded;
        int64_t count = (last < n->channels ? last : n->channels) - first, offset = item / units * padded * n->spatial;
        double sums[MAX_CHANNELS];
        float means[MAX_CHANNELS], scales[MAX_CHANNELS], shifts[MAX_CHANNELS];
        for (int64_t c = 0; c < last - first; c++) means[c] = scales[c] = shifts[c] = 0;
        channel_sums(n, job->x + offset, first, last, means, false, sums);
        average(n, count, sums);
        for (int64_t c = 0; c < count; c++) means[c] = (float)sums[c];
        channel_sums(n, job->x + offset, first, last, means, true, sums);
        average(n, count, sums);
        for (int64_t c = 0; c < count; c++) {
            scales[c] = (float)(job->scale[first + c] / sqrt(sums[c] + n->epsilon));
            shifts[c] = job->shift[first + c] - means[c] * scales[c];
        }
        ck_affine_span(
            job->x + offset + first * n->spatial, scales, shifts, job->y + offset + first * n->spatial, (last - first) / n->block,
            n->spatial, n->block, n->activation);
    }
}

bool ck_group_norm_fits(const ck_group_norm *norm) {
    return common_multiple(norm->group, norm->block) <= MAX_CHANNELS - LANES && norm->channels % norm->group == 0;
}

void ck_normalize_groups(const ck_group_norm *norm, const float *x, const float *scale, const float *shift, float *y) {
    norm_job job = {norm, x, scale, shift, y, common_multiple(norm->group, norm->block)};
    ck_parallel(norm_part, &job);
}

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
