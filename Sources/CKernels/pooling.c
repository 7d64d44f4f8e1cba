#include "functions.h"

/* Up to three rows of pixels that are compared, place by place; the first one may be the result. */
typedef struct {
    const float *a, *b, *c;
} rows;

/* out[i] = the largest of the rows, whose pixels lie `sa`, and `s` for the others, apart. */
#define LARGEST(name, LANES)                                                                                                     \
    CK_CLONES static void name(rows r, int64_t sa, int64_t s, float *out, int64_t count) {                                       \
        if (r.c)                                                                                                                 \
            for (int64_t i = 0; i < count; i++)                                                                                  \
                INDEPENDENT for (int l = 0; l < LANES; l++)                                                                      \
                    out[i * LANES + l] =                                                                                         \
                        larger(larger(r.a[i * sa * LANES + l], r.b[i * s * LANES + l]), r.c[i * s * LANES + l]);                 \
        else                                                                                                                     \
            for (int64_t i = 0; i < count; i++)                                                                                  \
                INDEPENDENT for (int l = 0; l < LANES; l++)                                                                      \
                    out[i * LANES + l] = larger(r.a[i * sa * LANES + l], r.b[i * s * LANES + l]);                                \
    }
LARGEST(largest_16, 16)
LARGEST(largest_8, 8)
LARGEST(largest_4, 4)

/* Distances that the compiler knows become vector instructions. */
#define SINGLE(SA, S)                                                                                                            \
    if (r.c) {                                                                                                                   \
        INDEPENDENT for (int64_t i = 0; i < count; i++) out[i] = larger(larger(r.a[i * (SA)], r.b[i * (S)]), r.c[i * (S)]);      \
    } else {                                                                                                                     \
        INDEPENDENT for (int64_t i = 0; i < count; i++) out[i] = larger(r.a[i * (SA)], r.b[i * (S)]);                            \
    }

CK_CLONES static void largest_1(rows r, int64_t sa, int64_t s, float *out, int64_t count) {
    if (sa == 1 && s == 1) { SINGLE(1, 1) }
    else if (sa == 2 && s == 2) { SINGLE(2, 2) }
    else if (sa == 1 && s == 2) { SINGLE(1, 2) }
    else { SINGLE(sa, s) }
}

static void largest_pixels(rows r, int64_t sa, int64_t s, float *out, int64_t count, int64_t lanes) {
    if (sa == 1 && s == 1) {
        largest_1(r, 1, 1, out, count * lanes);
        return;
    }
    switch (lanes) {
    case 16: largest_16(r, sa, s, out, count); break;
    case 8: largest_8(r, sa, s, out, count); break;
    case 4: largest_4(r, sa, s, out, count); break;
    default: largest_1(r, sa, s, out, count); break;
    }
}

typedef struct {
    const ck_max_pool *pool;
    const float *x;
    float *y, *scratch;
} pool_job;

/* Pixels that the windows of a row of outputs span. */
static int64_t span(const ck_max_pool *p) { return (p->output[2] - 1) * p->stride[2] + (p->kernel[2] - 1) * p->dilation[2] + 1; }

int64_t ck_max_pool_scratch_count(const ck_max_pool *pool, int threads) { return threads * span(pool) * pool->lanes; }

static void lowest(float *y, int64_t count) {
    for (int64_t i = 0; i < count; i++) y[i] = -INFINITY;
}

/* The maximum over the rows that a row of outputs sees, column by column. */
static void pool_rows(const ck_max_pool *p, const float *image, int64_t depth, int64_t height, float *row, int64_t count) {
    int64_t line = p->input[2] * p->lanes;
    rows waiting = {0, 0, 0};
    for (int64_t i = 0; i < p->kernel[0]; i++) {
        int64_t z = depth * p->stride[0] + i * p->dilation[0] - p->pad[0];
        if (z < 0 || z >= p->input[0]) continue;
        for (int64_t k = 0; k < p->kernel[1]; k++) {
            int64_t v = height * p->stride[1] + k * p->dilation[1] - p->pad[1];
            if (v < 0 || v >= p->input[1]) continue;
            const float *source = image + (z * p->input[1] + v) * line;
            if (!waiting.a) {
                waiting.a = source;
            } else if (!waiting.b) {
                waiting.b = source;
            } else {
                waiting.c = source;
                largest_1(waiting, 1, 1, row, count);
                waiting = (rows){row, 0, 0};
            }
        }
    }
    if (waiting.b) largest_1(waiting, 1, 1, row, count);
    else if (!waiting.a) lowest(row, count);
    else if (waiting.a != row) memcpy(row, waiting.a, (size_t)count * sizeof *row);
}

static void pool_part(void *context, int index, int threads) {
    const pool_job *job = context;
    const ck_max_pool *p = job->pool;
    int64_t lanes = p->lanes, width = span(p), before = p->pad[2], begin, end;
    int64_t inside = width - before < p->input[2] ? width - before : p->input[2];
    int64_t size = p->input[0] * p->input[1] * p->input[2] * lanes, columns = p->output[2];
    float *row = job->scratch + index * width * lanes;
    lowest(row, before * lanes);
    lowest(row + (before + inside) * lanes, (width - before - inside) * lanes);
    ck_share(p->outer * p->output[0] * p->output[1], index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t height = item % p->output[1], plane = item / p->output[1];
        pool_rows(p, job->x + plane / p->output[0] * size, plane % p->output[0], height, row + before * lanes, inside * lanes);
        float *y = job->y + item * columns * lanes;
        int64_t step = p->dilation[2] * lanes, stride = p->stride[2], count = p->kernel[2];
        /* A window of one column is its own maximum. */
        rows first = {row, count > 1 ? row + step : row, count > 2 ? row + 2 * step : 0};
        largest_pixels(first, stride, stride, y, columns, lanes);
        for (int64_t k = 3; k < count; k += 2) {
            rows next = {y, row + k * step, k + 1 < count ? row + (k + 1) * step : 0};
            largest_pixels(next, 1, stride, y, columns, lanes);
        }
    }
}

void ck_pool_maxima(const ck_max_pool *pool, const float *x, float *y, float *scratch) {
    pool_job job = {pool, x, y, scratch};
    int64_t count = pool->outer * pool->input[0] * pool->input[1] * pool->input[2] * pool->lanes;
    if (count < SERIAL_COUNT) pool_part(&job, 0, 1); else ck_parallel(pool_part, &job);
}
