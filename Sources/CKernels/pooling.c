#include "functions.h"

/* out[i] = the larger of a and b at places that lie `sa` and `sb` pixels apart; a and b may be `out` where that distance is 1. */
#define LARGER(name, LANES)                                                                                                      \
    CK_CLONES static void name(const float *a, int64_t sa, const float *b, int64_t sb, float *out, int64_t count) {              \
        for (int64_t i = 0; i < count; i++)                                                                                      \
            INDEPENDENT for (int l = 0; l < LANES; l++)                                                                          \
                out[i * LANES + l] = larger(a[i * sa * LANES + l], b[i * sb * LANES + l]);                                       \
    }
LARGER(larger_16, 16)
LARGER(larger_8, 8)
LARGER(larger_4, 4)

/* Distances that the compiler knows become vector instructions. */
#define SINGLE(SA, SB)                                                                                                           \
    INDEPENDENT for (int64_t i = 0; i < count; i++) out[i] = larger(a[i * (SA)], b[i * (SB)]);

CK_CLONES static void larger_1(const float *a, int64_t sa, const float *b, int64_t sb, float *out, int64_t count) {
    if (sa == 1 && sb == 1) { SINGLE(1, 1) }
    else if (sa == 2 && sb == 2) { SINGLE(2, 2) }
    else if (sa == 1 && sb == 2) { SINGLE(1, 2) }
    else { SINGLE(sa, sb) }
}

static void larger_pixels(const float *a, int64_t sa, const float *b, int64_t sb, float *out, int64_t count, int64_t lanes) {
    if (sa == 1 && sb == 1) {
        larger_1(a, 1, b, 1, out, count * lanes);
        return;
    }
    switch (lanes) {
    case 16: larger_16(a, sa, b, sb, out, count); break;
    case 8: larger_8(a, sa, b, sb, out, count); break;
    case 4: larger_4(a, sa, b, sb, out, count); break;
    default: larger_1(a, sa, b, sb, out, count); break;
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
    int64_t line = p->input[2] * p->lanes, seen = 0;
    const float *first = 0;
    for (int64_t i = 0; i < p->kernel[0]; i++) {
        int64_t z = depth * p->stride[0] + i * p->dilation[0] - p->pad[0];
        if (z < 0 || z >= p->input[0]) continue;
        for (int64_t k = 0; k < p->kernel[1]; k++) {
            int64_t v = height * p->stride[1] + k * p->dilation[1] - p->pad[1];
            if (v < 0 || v >= p->input[1]) continue;
            const float *source = image + (z * p->input[1] + v) * line;
            if (seen == 0) first = source; else larger_1(seen == 1 ? first : row, 1, source, 1, row, count);
            seen++;
        }
    }
    if (seen == 0) lowest(row, count);
    if (seen == 1) memcpy(row, first, (size_t)count * sizeof *row);
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
        int64_t step = p->dilation[2] * lanes, stride = p->stride[2];
        /* A window of one column is its own maximum. */
        larger_pixels(row, stride, p->kernel[2] > 1 ? row + step : row, stride, y, columns, lanes);
        for (int64_t k = 2; k < p->kernel[2]; k++) larger_pixels(y, 1, row + k * step, stride, y, columns, lanes);
    }
}

void ck_pool_maxima(const ck_max_pool *pool, const float *x, float *y, float *scratch) {
    pool_job job = {pool, x, y, scratch};
    int64_t count = pool->outer * pool->input[0] * pool->input[1] * pool->input[2] * pool->lanes;
    if (count < SERIAL_COUNT) pool_part(&job, 0, 1); else ck_parallel(pool_part, &job);
}
