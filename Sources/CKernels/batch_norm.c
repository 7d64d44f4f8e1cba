#include "internal.h"
#include "training.h"

#include <math.h>
#include <string.h>

/* Batch normalization in training.
 *
 * The kernels know nothing of layouts but this: element i of one block's image belongs to lane i mod 16, and lanes repeat with the
 * block's length. So vectors of 16 elements serve row-major tensors (one channel in all lanes) and both blocked layouts.
 *
 * Work is cut into items: one block of channels, and where there are too few blocks for the threads, a part of the batch. Moments
 * are taken of a group of images that fits the first-level cache, mean first, and merged in Double (Chan, Golub and LeVeque, 1979). */

enum {
    LANES = 16,
    GROUP_COUNT = 8192, /* elements of a group of images */
};

typedef float lanes __attribute__((vector_size(64), aligned(4)));
typedef int32_t lane_bits __attribute__((vector_size(64)));

typedef struct {
    float lane[LANES] __attribute__((aligned(64)));
} vector;

/* Images of one block: `count` elements each, `stride` apart. */
typedef struct {
    const float *x;
    int64_t images, stride, count;
} images;

CK_CLONES static void sum_images(images in, vector *out) {
    lanes a = {0}, b = {0}, c = {0}, d = {0};
    vector tail = {{0}};
    for (int64_t n = 0; n < in.images; n++) {
        const float *x = in.x + n * in.stride;
        int64_t i = 0;
        for (; i + 4 * LANES <= in.count; i += 4 * LANES) {
            a += *(const lanes *)(x + i);
            b += *(const lanes *)(x + i + LANES);
            c += *(const lanes *)(x + i + 2 * LANES);
            d += *(const lanes *)(x + i + 3 * LANES);
        }
        for (; i + LANES <= in.count; i += LANES) a += *(const lanes *)(x + i);
        for (int l = 0; i < in.count; i++, l++) tail.lane[l] += x[i];
    }
    a = (a + b) + (c + d) + *(lanes *)tail.lane;
    memcpy(out, &a, sizeof a);
}

CK_CLONES static void square_images(images in, const vector *mean, vector *out) {
    lanes a = {0}, b = {0}, c = {0}, d = {0}, m = *(const lanes *)mean->lane;
    vector tail = {{0}};
    for (int64_t n = 0; n < in.images; n++) {
        const float *x = in.x + n * in.stride;
        int64_t i = 0;
        for (; i + 4 * LANES <= in.count; i += 4 * LANES) {
            lanes p = *(const lanes *)(x + i) - m, q = *(const lanes *)(x + i + LANES) - m;
            lanes r = *(const lanes *)(x + i + 2 * LANES) - m, s = *(const lanes *)(x + i + 3 * LANES) - m;
            a += p * p;
            b += q * q;
            c += r * r;
            d += s * s;
        }
        for (; i + LANES <= in.count; i += LANES) {
            lanes p = *(const lanes *)(x + i) - m;
            a += p * p;
        }
        for (int l = 0; i < in.count; i++, l++) tail.lane[l] += (x[i] - mean->lane[l]) * (x[i] - mean->lane[l]);
    }
    a = (a + b) + (c + d) + *(lanes *)tail.lane;
    memcpy(out, &a, sizeof a);
}

/* What the elements of a block's images are computed with, per lane. */
typedef struct {
    vector mean, factor, term; /* y = factor·x + term */
    vector slope, offset;      /* dx = factor·dy + slope·(x − mean) + offset */
} coefficients;

CK_CLONES static void normalize_images(images in, float *y, const coefficients *k, bool relu) {
    lanes factor = *(const lanes *)k->factor.lane, term = *(const lanes *)k->term.lane, zero = {0};
    for (int64_t n = 0; n < in.images; n++) {
        const float *x = in.x + n * in.stride;
        float *out = y + n * in.stride;
        int64_t i = 0;
        for (; i + LANES <= in.count; i += LANES) {
            lanes v = *(const lanes *)(x + i) * factor + term;
            if (relu) v = (lanes)((lane_bits)v & ~(v < zero));
            *(lanes *)(out + i) = v;
        }
        for (int l = 0; i < in.count; i++, l++) {
            float v = x[i] * k->factor.lane[l] + k->term.lane[l];
            out[i] = relu && v < 0 ? 0 : v;
        }
    }
}

/* Σ g and Σ g·(x − mean). */
CK_CLONES static void sum_gradients(images in, const float *dy, const coefficients *k, bool relu, vector *first, vector *second) {
    lanes factor = *(const lanes *)k->factor.lane, term = *(const lanes *)k->term.lane, mean = *(const lanes *)k->mean.lane, zero = {0};
    lanes a = {0}, b = {0}, c = {0}, d = {0};
    vector tail_a = {{0}}, tail_b = {{0}};
    for (int64_t n = 0; n < in.images; n++) {
        const float *x = in.x + n * in.stride, *gradient = dy + n * in.stride;
        int64_t i = 0;
        for (; i + 2 * LANES <= in.count; i += 2 * LANES) {
            lanes p = *(const lanes *)(x + i), q = *(const lanes *)(x + i + LANES);
            lanes g = *(const lanes *)(gradient + i), h = *(const lanes *)(gradient + i + LANES);
            if (relu) {
                g = (lanes)((lane_bits)g & (p * factor + term > zero));
                h = (lanes)((lane_bits)h & (q * factor + term > zero));
            }
            a += g;
            c += h;
            b += g * (p - mean);
            d += h * (q - mean);
        }
        for (; i + LANES <= in.count; i += LANES) {
            lanes p = *(const lanes *)(x + i), g = *(const lanes *)(gradient + i);
            if (relu) g = (lanes)((lane_bits)g & (p * factor + term > zero));
            a += g;
            b += g * (p - mean);
        }
        for (int l = 0; i < in.count; i++, l++) {
            float g = relu && !(x[i] * k->factor.lane[l] + k->term.lane[l] > 0) ? 0 : gradient[i];
            tail_a.lane[l] += g;
            tail_b.lane[l] += g * (x[i] - k->mean.lane[l]);
        }
    }
    a = a + c + *(lanes *)tail_a.lane;
    b = b + d + *(lanes *)tail_b.lane;
    memcpy(first, &a, sizeof a);
    memcpy(second, &b, sizeof b);
}

CK_CLONES static void gradient_images(
    images in, const float *dy, const float *addend, float *dx, const coefficients *k, bool relu) {
    lanes factor = *(const lanes *)k->factor.lane, term = *(const lanes *)k->term.lane, mean = *(const lanes *)k->mean.lane;
    lanes slope = *(const lanes *)k->slope.lane, offset = *(const lanes *)k->offset.lane, zero = {0};
    for (int64_t n = 0; n < in.images; n++) {
        const float *x = in.x + n * in.stride, *gradient = dy + n * in.stride, *more = addend ? addend + n * in.stride : 0;
        float *out = dx + n * in.stride;
        int64_t i = 0;
        for (; i + LANES <= in.count; i += LANES) {
            lanes p = *(const lanes *)(x + i), g = *(const lanes *)(gradient + i);
            if (relu) g = (lanes)((lane_bits)g & (p * factor + term > zero));
            lanes v = g * factor + ((p - mean) * slope + offset);
            if (more) v += *(const lanes *)(more + i);
            *(lanes *)(out + i) = v;
        }
        for (int l = 0; i < in.count; i++, l++) {
            float g = relu && !(x[i] * k->factor.lane[l] + k->term.lane[l] > 0) ? 0 : gradient[i];
            float v = g * k->factor.lane[l] + ((x[i] - k->mean.lane[l]) * k->slope.lane[l] + k->offset.lane[l]);
            out[i] = more ? v + more[i] : v;
        }
    }
}

/* Two sums per lane of what an item has seen. */
typedef struct {
    double first[LANES], second[LANES];
} moments;

typedef struct {
    const ck_batch_norm *norm;
    int64_t blocks, parts, group;
    const float *x, *scale, *shift;
    float *statistics;
    moments *partial;
    /* Forward. */
    const ck_running_statistics *running;
    float *y;
    /* Backward. */
    bool fixed;
    const float *dy, *addend;
    float *dx, *dscale, *dshift;
} norm_job;

static int64_t block_count(const ck_batch_norm *norm) { return (norm->channels + norm->block - 1) / norm->block; }

/* Parts of the batch that each block's work is cut into. */
static int64_t part_count(const ck_batch_norm *norm, int threads) {
    int64_t blocks = block_count(norm);
    if (threads == 1 || blocks % threads == 0 || blocks >= 4 * threads) return 1;
    return norm->batch < threads ? norm->batch : threads;
}

int64_t ck_batch_norm_statistics_count(const ck_batch_norm *norm) { return 2 * block_count(norm) * norm->block; }

int64_t ck_batch_norm_scratch_size(const ck_batch_norm *norm) {
    return block_count(norm) * part_count(norm, ck_threads()) * (int64_t)sizeof(moments);
}

static images images_of(const norm_job *job, int64_t block, int64_t first, int64_t count) {
    int64_t length = job->norm->spatial * job->norm->block, stride = length * job->blocks;
    images result = {job->x + first * stride + block * length, count, stride, length};
    return result;
}

/* The part of the batch that an item works on. */
static void batch_of(const norm_job *job, int64_t item, int64_t *begin, int64_t *end) {
    ck_share(job->norm->batch, (int)(item % job->parts), (int)job->parts, begin, end);
}

/* Adds up the lanes of each channel. */
static void fold(const norm_job *job, const vector *sums, double *out) {
    int64_t block = job->norm->block;
    for (int64_t l = 0; l < block; l++) {
        double sum = 0;
        for (int64_t k = l; k < LANES; k += block) sum += sums->lane[k];
        out[l] = sum;
    }
}

/* Joins the moments of two sets of elements: mean and Σ (x − mean)². */
static void join(int64_t block, moments *into, double into_count, const double *mean, const double *squares, double count) {
    double total = into_count + count;
    for (int64_t l = 0; l < block; l++) {
        double delta = mean[l] - into->first[l];
        into->first[l] += delta * (count / total);
        into->second[l] += squares[l] + delta * delta * (into_count * count / total);
    }
}

static void measure_item(const norm_job *job, int64_t item) {
    const ck_batch_norm *norm = job->norm;
    int64_t begin, end, block = norm->block;
    batch_of(job, item, &begin, &end);
    moments *result = &job->partial[item];
    memset(result, 0, sizeof *result);
    double seen = 0;
    for (int64_t n = begin; n < end; n += job->group) {
        images in = images_of(job, item / job->parts, n, end - n < job->group ? end - n : job->group);
        double count = (double)(in.images * norm->spatial), mean[LANES], squares[LANES];
        vector sums, center;
        sum_images(in, &sums);
        fold(job, &sums, mean);
        for (int64_t l = 0; l < block; l++) mean[l] /= count;
        for (int64_t l = 0; l < LANES; l++) center.lane[l] = (float)mean[l % block];
        square_images(in, &center, &sums);
        fold(job, &sums, squares);
        /* The mean that the squares are about is rounded: what that adds is taken off again. */
        for (int64_t l = 0; l < block; l++) {
            double rounding = mean[l] - center.lane[l];
            squares[l] = fmax(squares[l] - count * rounding * rounding, 0);
        }
        join(block, result, seen, mean, squares, count);
        seen += count;
    }
}

/* Mean and variance of a block from those of its parts. */
static void merge_parts(const norm_job *job, int64_t block, moments *out) {
    memset(out, 0, sizeof *out);
    double seen = 0;
    for (int64_t part = 0; part < job->parts; part++) {
        int64_t begin, end;
        batch_of(job, block * job->parts + part, &begin, &end);
        const moments *partial = &job->partial[block * job->parts + part];
        double count = (double)((end - begin) * job->norm->spatial);
        if (count == 0) continue;
        join(job->norm->block, out, seen, partial->first, partial->second, count);
        seen += count;
    }
    for (int64_t l = 0; l < job->norm->block; l++) out->second[l] /= seen;
}

static void set_forward(const norm_job *job, int64_t block, coefficients *k) {
    const ck_batch_norm *norm = job->norm;
    const float *mean = job->statistics + block * norm->block, *deviation = mean + job->blocks * norm->block;
    for (int64_t i = 0; i < LANES; i++) {
        int64_t l = i % norm->block, channel = block * norm->block + l;
        bool exists = channel < norm->channels;
        k->mean.lane[i] = mean[l];
        k->factor.lane[i] = exists ? job->scale[channel] * deviation[l] : 0;
        k->term.lane[i] = exists && job->shift ? job->shift[channel] - mean[l] * k->factor.lane[i] : 0;
    }
}

static void store_statistics(const norm_job *job, int64_t block, const moments *m) {
    const ck_batch_norm *norm = job->norm;
    float *mean = job->statistics + block * norm->block, *deviation = mean + job->blocks * norm->block;
    for (int64_t l = 0; l < norm->block; l++) {
        int64_t channel = block * norm->block + l;
        bool exists = channel < norm->channels;
        mean[l] = exists ? (float)m->first[l] : 0;
        deviation[l] = exists ? (float)(1 / sqrt(m->second[l] + (double)norm->epsilon)) : 0;
        if (!exists || !job->running) continue;
        const ck_running_statistics *running = job->running;
        double momentum = (double)running->momentum;
        if (running->new_mean) running->new_mean[channel] = (float)(momentum * running->mean[channel] + (1 - momentum) * m->first[l]);
        if (running->new_variance)
            running->new_variance[channel] = (float)(momentum * running->variance[channel] + (1 - momentum) * m->second[l]);
    }
}

static void normalize_item(const norm_job *job, int64_t item) {
    int64_t begin, end, block = item / job->parts;
    batch_of(job, item, &begin, &end);
    images in = images_of(job, block, begin, end - begin);
    coefficients k;
    set_forward(job, block, &k);
    normalize_images(in, job->y + (in.x - job->x), &k, job->norm->relu);
}

static void finish_block(const norm_job *job, int64_t block) {
    moments m;
    merge_parts(job, block, &m);
    store_statistics(job, block, &m);
}

static void measure_part(void *context, int index, int threads) {
    const norm_job *job = context;
    int64_t begin, end;
    ck_share(job->blocks * job->parts, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        measure_item(job, item);
        if (job->parts > 1) continue;
        finish_block(job, item);
        if (job->y) normalize_item(job, item);
    }
}

static void normalize_part(void *context, int index, int threads) {
    const norm_job *job = context;
    int64_t begin, end;
    ck_share(job->blocks * job->parts, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) normalize_item(job, item);
}

static norm_job make_job(const ck_batch_norm *norm, const float *x, const float *scale, const float *shift, float *statistics) {
    int64_t length = norm->spatial * norm->block, group = length > 0 ? GROUP_COUNT / length : 1;
    norm_job job = {
        .norm = norm, .blocks = block_count(norm), .parts = part_count(norm, ck_threads()), .group = group > 0 ? group : 1, .x = x,
        .scale = scale, .shift = shift, .statistics = statistics};
    return job;
}

static void run(norm_job *job, void (*body)(void *, int, int)) {
    const ck_batch_norm *norm = job->norm;
    if (norm->batch * norm->spatial * norm->channels < SERIAL_COUNT) body(job, 0, 1); else ck_parallel(body, job);
}

void ck_batch_norm_train(
    const ck_batch_norm *norm, const float *x, const float *scale, const float *shift, float *statistics,
    const ck_running_statistics *running, float *y, void *scratch) {
    norm_job job = make_job(norm, x, scale, shift, statistics);
    job.partial = scratch;
    job.running = running;
    job.y = y;
    run(&job, measure_part);
    if (job.parts == 1) return;
    for (int64_t block = 0; block < job.blocks; block++) finish_block(&job, block);
    if (y) run(&job, normalize_part);
}

void ck_batch_norm_fixed_statistics(const ck_batch_norm *norm, const float *mean, const float *variance, float *statistics) {
    int64_t padded = block_count(norm) * norm->block;
    for (int64_t channel = 0; channel < padded; channel++) {
        bool exists = channel < norm->channels;
        statistics[channel] = exists ? mean[channel] : 0;
        statistics[padded + channel] = exists ? (float)(1 / sqrt((double)variance[channel] + (double)norm->epsilon)) : 0;
    }
}

/* --- Backward --------------------------------------------------------------------------------------------------- */

static void sum_item(const norm_job *job, int64_t item) {
    int64_t begin, end, block = item / job->parts;
    batch_of(job, item, &begin, &end);
    coefficients k;
    set_forward(job, block, &k);
    moments *result = &job->partial[item];
    memset(result, 0, sizeof *result);
    for (int64_t n = begin; n < end; n += job->group) {
        images in = images_of(job, block, n, end - n < job->group ? end - n : job->group);
        vector first, second;
        double a[LANES], b[LANES];
        sum_gradients(in, job->dy + (in.x - job->x), &k, job->norm->relu, &first, &second);
        fold(job, &first, a);
        fold(job, &second, b);
        for (int64_t l = 0; l < job->norm->block; l++) {
            result->first[l] += a[l];
            result->second[l] += b[l];
        }
    }
}

/* dshift = Σ g and dscale = Σ g·(x − mean)/√(variance + ε); with M elements per channel,
 * dx = factor·(g − dshift/M − (x − mean)/√(variance + ε) · dscale/M). */
static void gradient_item(const norm_job *job, int64_t item) {
    const ck_batch_norm *norm = job->norm;
    int64_t begin, end, block = item / job->parts;
    moments sums;
    memset(&sums, 0, sizeof sums);
    for (int64_t part = 0; part < job->parts; part++)
        for (int64_t l = 0; l < norm->block; l++) {
            sums.first[l] += job->partial[block * job->parts + part].first[l];
            sums.second[l] += job->partial[block * job->parts + part].second[l];
        }
    const float *deviation = job->statistics + (job->blocks + block) * norm->block;
    double count = (double)(norm->batch * norm->spatial);
    coefficients k;
    set_forward(job, block, &k);
    for (int64_t i = 0; i < LANES; i++) {
        int64_t l = i % norm->block;
        double factor = k.factor.lane[i], inverse = deviation[l];
        k.slope.lane[i] = job->fixed ? 0 : (float)(-factor * inverse * inverse * sums.second[l] / count);
        k.offset.lane[i] = job->fixed ? 0 : (float)(-factor * sums.first[l] / count);
    }
    for (int64_t l = 0; l < norm->block && item % job->parts == 0; l++) {
        int64_t channel = block * norm->block + l;
        if (channel >= norm->channels) continue;
        if (job->dscale) job->dscale[channel] = (float)(sums.second[l] * deviation[l]);
        if (job->dshift) job->dshift[channel] = (float)sums.first[l];
    }
    if (!job->dx) return;
    batch_of(job, item, &begin, &end);
    images in = images_of(job, block, begin, end - begin);
    int64_t offset = in.x - job->x;
    gradient_images(in, job->dy + offset, job->addend ? job->addend + offset : 0, job->dx + offset, &k, norm->relu);
}

static void sum_part(void *context, int index, int threads) {
    const norm_job *job = context;
    int64_t begin, end;
    ck_share(job->blocks * job->parts, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        sum_item(job, item);
        if (job->parts == 1) gradient_item(job, item);
    }
}

static void gradient_part(void *context, int index, int threads) {
    const norm_job *job = context;
    int64_t begin, end;
    ck_share(job->blocks * job->parts, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) gradient_item(job, item);
}

void ck_batch_norm_gradient(
    const ck_batch_norm *norm, bool fixed, const float *x, const float *dy, const float *scale, const float *shift,
    const float *statistics, const float *addend, float *dx, float *dscale, float *dshift, void *scratch) {
    norm_job job = make_job(norm, x, scale, shift, (float *)statistics);
    job.partial = scratch;
    job.fixed = fixed;
    job.dy = dy;
    job.addend = addend;
    job.dx = dx;
    job.dscale = dscale;
    job.dshift = dshift;
    run(&job, sum_part);
    if (job.parts > 1) run(&job, gradient_part);
}
