#include "functions.h"

/* Sums are made in float32 over pieces of this many numbers per lane, and in float64 over the pieces. What is added up are distances
 * from a centre close to the mean: sums of the numbers themselves would lose a deviation that is small beside the mean. */
enum { LANES = 16, PIECE = 512, MAX_CHANNELS = 4096 };

/* Σ (x − center) and Σ (x − center)² per lane over `count` rows of `lanes` numbers: two rows at a time, which do not wait for each
 * other. */
#define LANE_MOMENTS(name, LANES_)                                                                                               \
    CK_CLONES static void name(const float *x, int64_t count, const float *center, double *sums, double *squares) {              \
        enum { PAIR = 2 * LANES_ };                                                                                              \
        float centers[PAIR];                                                                                                     \
        memcpy(centers, center, sizeof centers / 2);                                                                             \
        memcpy(centers + LANES_, center, sizeof centers / 2);                                                                    \
        for (int64_t first = 0; first < count; first += PIECE) {                                                                 \
            int64_t end = count - first < PIECE ? count : first + PIECE;                                                         \
            float sum[PAIR] = {0}, square[PAIR] = {0};                                                                           \
            for (int64_t i = first; i + 1 < end; i += 2)                                                                         \
                for (int l = 0; l < PAIR; l++) {                                                                                 \
                    float d = x[i * LANES_ + l] - centers[l];                                                                    \
                    sum[l] += d;                                                                                                 \
                    square[l] += d * d;                                                                                          \
                }                                                                                                                \
            if ((end - first) % 2)                                                                                               \
                for (int l = 0; l < LANES_; l++) {                                                                               \
                    float d = x[(end - 1) * LANES_ + l] - centers[l];                                                            \
                    sum[l] += d;                                                                                                 \
                    square[l] += d * d;                                                                                          \
                }                                                                                                                \
            for (int l = 0; l < LANES_; l++) sums[l] += (double)sum[l] + sum[LANES_ + l];                                        \
            for (int l = 0; l < LANES_; l++) squares[l] += (double)square[l] + square[LANES_ + l];                               \
        }                                                                                                                        \
    }
LANE_MOMENTS(lane_moments_16, 16)
LANE_MOMENTS(lane_moments_8, 8)
LANE_MOMENTS(lane_moments_4, 4)

typedef struct {
    double sum, squares;
} moments;

/* The same over a row of single numbers, seen as rows of lanes and a rest. */
static moments row_moments(const float *x, int64_t count, float center) {
    float centers[LANES];
    double sums[LANES] = {0}, squares[LANES] = {0};
    moments result;
    for (int l = 0; l < LANES; l++) centers[l] = center;
    lane_moments_16(x, count / LANES, centers, sums, squares);
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) {
            sums[l] += sums[width + l];
            squares[l] += squares[width + l];
        }
    result = (moments){sums[0], squares[0]};
    for (int64_t i = count / LANES * LANES; i < count; i++) {
        double d = x[i] - center;
        result.sum += d;
        result.squares += d * d;
    }
    return result;
}

/* y = (x − center)·scale + shift normalizes numbers of these moments around `center`. */
typedef struct {
    float scale, shift;
} normalizer;

static normalizer normalizer_of(moments m, double count, float epsilon) {
    double mean = m.sum / count, variance = m.squares / count - mean * mean;
    double scale = 1 / sqrt((variance < 0 ? 0 : variance) + epsilon);
    return (normalizer){(float)scale, (float)(-mean * scale)};
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

/* Adds up what `count` channels of an image hold, per channel; padding included. */
static void channel_moments(const ck_group_norm *n, const float *x, int64_t count, const float *centers, double *sums, double *squares) {
    memset(sums, 0, (size_t)count * sizeof *sums);
    memset(squares, 0, (size_t)count * sizeof *squares);
    for (int64_t c = 0; c < count; c += n->block, x += n->block * n->spatial)
        switch (n->block) {
        case 16: lane_moments_16(x, n->spatial, centers + c, sums + c, squares + c); break;
        case 8: lane_moments_8(x, n->spatial, centers + c, sums + c, squares + c); break;
        case 4: lane_moments_4(x, n->spatial, centers + c, sums + c, squares + c); break;
        default: {
            moments m = row_moments(x, n->spatial, centers[c]);
            sums[c] = m.sum;
            squares[c] = m.squares;
        }
        }
}

static void norm_part(void *context, int index, int threads) {
    const norm_job *job = context;
    const ck_group_norm *n = job->norm;
    int64_t units = (n->channels + job->unit - 1) / job->unit, padded = (n->channels + n->block - 1) / n->block * n->block, begin, end;
    double sums[MAX_CHANNELS], squares[MAX_CHANNELS];
    float centers[MAX_CHANNELS], scales[MAX_CHANNELS], shifts[MAX_CHANNELS];
    ck_share(n->batch * units, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t first = item % units * job->unit, last = first + job->unit < padded ? first + job->unit : padded;
        int64_t count = (last < n->channels ? last : n->channels) - first, offset = (item / units * padded + first) * n->spatial;
        const float *x = job->x + offset;
        for (int64_t c = 0; c < last - first; c++) centers[c] = x[c / n->block * n->block * n->spatial + c % n->block];
        channel_moments(n, x, last - first, centers, sums, squares);
        for (int64_t c = 0; c < count; c += n->group) {
            double mean = 0;
            for (int64_t k = c; k < c + n->group; k++) mean += centers[k] + sums[k] / (double)n->spatial;
            for (int64_t k = c; k < c + n->group; k++) centers[k] = (float)(mean / (double)n->group);
        }
        channel_moments(n, x, last - first, centers, sums, squares);
        for (int64_t c = 0; c < last - first; c++) scales[c] = shifts[c] = 0;
        for (int64_t c = 0; c < count; c += n->group) {
            moments m = {0, 0};
            for (int64_t k = c; k < c + n->group; k++) {
                m.sum += sums[k];
                m.squares += squares[k];
            }
            normalizer normal = normalizer_of(m, (double)n->group * (double)n->spatial, n->epsilon);
            for (int64_t k = c; k < c + n->group; k++) {
                scales[k] = job->scale[first + k] * normal.scale;
                shifts[k] = job->scale[first + k] * normal.shift + job->shift[first + k];
            }
        }
        ck_affine_span(
            x, centers, scales, shifts, job->y + offset, (last - first) / n->block, n->spatial, n->block, n->activation);
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
    const float *x, *scale, *shift;
    float *y;
    int64_t rows, count;
    float epsilon;
} rows_job;

CK_CLONES static void normalize_row(
    const float *x, float center, normalizer n, const float *scale, const float *shift, float *y, int64_t count) {
    INDEPENDENT for (int64_t i = 0; i < count; i++) y[i] = ((x[i] - center) * n.scale + n.shift) * scale[i] + shift[i];
}

static void rows_part(void *context, int index, int threads) {
    const rows_job *job = context;
    int64_t begin, end;
    ck_share(job->rows, index, threads, &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        const float *x = job->x + row * job->count;
        float center = (float)(x[0] + row_moments(x, job->count, x[0]).sum / (double)job->count);
        normalizer n = normalizer_of(row_moments(x, job->count, center), (double)job->count, job->epsilon);
        normalize_row(x, center, n, job->scale, job->shift, job->y + row * job->count, job->count);
    }
}

void ck_normalize_rows(
    const float *x, const float *scale, const float *shift, float *y, int64_t rows, int64_t count, float epsilon) {
    rows_job job = {x, scale, shift, y, rows, count, epsilon};
    if (rows * count < SERIAL_COUNT) rows_part(&job, 0, 1); else ck_parallel(rows_part, &job);
}
