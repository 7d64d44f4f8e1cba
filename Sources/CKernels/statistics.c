#include "internal.h"
#include "statistics.h"

#include <float.h>
#include <math.h>

enum { LANES = 16, MAX_PIECES = 256, BLOCK = 512, COPIES = 4 };

/* Comparisons leave NaN out; whether one was there shows in `bad`. */
CK_CLONES static ck_extent extent_of(const float *x, int64_t count) {
    float low[LANES], high[LANES];
    uint32_t bad[LANES];
    for (int l = 0; l < LANES; l++) {
        low[l] = INFINITY;
        high[l] = -INFINITY;
        bad[l] = 0;
    }
    int64_t whole = count / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int l = 0; l < LANES; l++) {
            float v = x[i + l];
            low[l] = v < low[l] ? v : low[l];
            high[l] = v > high[l] ? v : high[l];
            bad[l] |= !(fabsf(v) <= FLT_MAX);
        }
    ck_extent result = {INFINITY, -INFINITY, -1};
    uint32_t any = 0;
    for (int l = 0; l < LANES; l++) {
        result.low = low[l] < result.low ? low[l] : result.low;
        result.high = high[l] > result.high ? high[l] : result.high;
        any |= bad[l];
    }
    for (int64_t i = whole; i < count; i++) {
        result.low = x[i] < result.low ? x[i] : result.low;
        result.high = x[i] > result.high ? x[i] : result.high;
        any |= !(fabsf(x[i]) <= FLT_MAX);
    }
    if (any)
        for (int64_t i = 0; i < count && result.invalid < 0; i++)
            if (!(fabsf(x[i]) <= FLT_MAX)) result.invalid = i;
    return result;
}

typedef struct {
    const float *x;
    int64_t rows, length, pieces;
    ck_extent *extents;
} extent_job;

static void extent_part(void *context, int index, int threads) {
    const extent_job *job = context;
    int64_t begin, end;
    ck_share(job->rows * job->pieces, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t row = item / job->pieces, first = item % job->pieces * job->length / job->pieces;
        int64_t last = (item % job->pieces + 1) * job->length / job->pieces;
        job->extents[item] = extent_of(job->x + row * job->length + first, last - first);
        if (job->extents[item].invalid >= 0) job->extents[item].invalid += first;
    }
}

void ck_measure_extents(const float *x, int64_t rows, int64_t length, ck_extent *extents) {
    extent_job job = {x, rows, length, 1, extents};
    if (rows * length < SERIAL_COUNT) {
        extent_part(&job, 0, 1);
        return;
    }
    int64_t threads = ck_threads();
    if (rows >= threads || threads > MAX_PIECES) {
        ck_parallel(extent_part, &job);
        return;
    }
    /* Fewer rows than threads: each row in as many pieces as there are threads for it. */
    ck_extent parts[MAX_PIECES];
    job.pieces = threads / rows;
    job.extents = parts;
    ck_parallel(extent_part, &job);
    for (int64_t row = 0; row < rows; row++) {
        ck_extent result = {INFINITY, -INFINITY, -1};
        for (int64_t piece = 0; piece < job.pieces; piece++) {
            const ck_extent *part = &parts[row * job.pieces + piece];
            result.low = part->low < result.low ? part->low : result.low;
            result.high = part->high > result.high ? part->high : result.high;
            if (result.invalid < 0) result.invalid = part->invalid;
        }
        extents[row] = result;
    }
}

CK_CLONES static void bins_of(const float *x, int64_t count, float inverse_width, int32_t *bins) {
    for (int64_t i = 0; i < count; i++) {
        float bin = floorf(x[i] * inverse_width) + CK_HISTOGRAM_BINS / 2;
        bin = bin > 0 ? bin : 0;
        bins[i] = (int32_t)(bin < CK_HISTOGRAM_BINS - 1 ? bin : CK_HISTOGRAM_BINS - 1);
    }
}

typedef struct {
    const float *x;
    int64_t count;
    float inverse_width;
    uint64_t *counts;
} histogram_job;

static void histogram_part(void *context, int index, int threads) {
    const histogram_job *job = context;
    /* Neighbours are often equal: they count in different copies, so that none waits for the one before it. */
    uint32_t counts[COPIES][CK_HISTOGRAM_BINS] = {{0}};
    int32_t bins[BLOCK];
    int64_t begin, end;
    ck_share(job->count, index, threads, &begin, &end);
    for (int64_t first = begin; first < end; first += BLOCK) {
        int64_t length = end - first < BLOCK ? end - first : BLOCK, i = 0;
        bins_of(job->x + first, length, job->inverse_width, bins);
        for (; i + COPIES <= length; i += COPIES)
            for (int copy = 0; copy < COPIES; copy++) counts[copy][bins[i + copy]]++;
        for (; i < length; i++) counts[0][bins[i]]++;
    }
    for (int bin = 0; bin < CK_HISTOGRAM_BINS; bin++) {
        uint64_t sum = 0;
        for (int copy = 0; copy < COPIES; copy++) sum += counts[copy][bin];
        if (sum) __atomic_fetch_add(&job->counts[bin], sum, __ATOMIC_RELAXED);
    }
}

void ck_add_to_histogram(const float *x, int64_t count, float inverse_width, uint64_t *counts) {
    /* A piece is small enough for counters of 32 bits. */
    const int64_t piece = INT64_C(1) << 31;
    for (int64_t first = 0; first < count; first += piece) {
        histogram_job job = {x + first, count - first < piece ? count - first : piece, inverse_width, counts};
        if (job.count < SERIAL_COUNT) histogram_part(&job, 0, 1); else ck_parallel(histogram_part, &job);
    }
}

CK_CLONES static double sum_of(const float *x, int64_t count) {
    double lanes[LANES] = {0}, sum = 0;
    int64_t whole = count / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int l = 0; l < LANES; l++) lanes[l] += x[i + l];
    for (int l = 0; l < LANES; l++) sum += lanes[l];
    for (int64_t i = whole; i < count; i++) sum += x[i];
    return sum;
}

typedef struct {
    const float *x;
    int64_t outer, channels, inner;
    double *sums;
} sum_job;

static void sum_part(void *context, int index, int threads) {
    const sum_job *job = context;
    int64_t begin, end;
    ck_share(job->channels, index, threads, &begin, &end);
    for (int64_t row = 0; row < job->outer; row++)
        for (int64_t channel = begin; channel < end; channel++)
            job->sums[channel] += sum_of(job->x + (row * job->channels + channel) * job->inner, job->inner);
}

void ck_add_sums(const float *x, int64_t outer, int64_t channels, int64_t inner, double *sums) {
    sum_job job = {x, outer, channels, inner, sums};
    if (outer * channels * inner < SERIAL_COUNT) sum_part(&job, 0, 1); else ck_parallel(sum_part, &job);
}
