#include "integer.h"

/* Pools of tensors of bytes. */

typedef struct {
    const ck_byte_window *w;
    const ck_byte_mean *mean;
    const uint8_t *x;
    uint8_t *y;
} window_job;

/* The taps of an axis that lie inside for the output at `place`: [*begin, *end), and where tap 0 reads. */
static int64_t taps_inside(const ck_byte_window *w, int axis, int64_t place, int64_t *begin, int64_t *end) {
    int64_t start = place * w->stride[axis] - w->pad[axis], step = w->dilation[axis];
    *begin = start < 0 ? quotient_up(-start, step) : 0;
    *end = start < w->input[axis] ? quotient_up(w->input[axis] - start, step) : 0;
    if (*end > w->kernel[axis]) *end = w->kernel[axis];
    return start;
}

CK_CLONES static void largest(uint8_t *restrict y, const uint8_t *restrict x, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i++) y[i] = x[i] > y[i] ? x[i] : y[i];
}

static void maxima_part(void *context, int index, int threads) {
    const window_job *job = context;
    const ck_byte_window *w = job->w;
    int64_t begin, end, row, last_row, column, last_column;
    ck_share(w->images * w->output[0], index, threads, &begin, &end);
    for (int64_t line = begin; line < end; line++) {
        const uint8_t *image = job->x + line / w->output[0] * w->input[0] * w->input[1] * w->bytes;
        int64_t top = taps_inside(w, 0, line % w->output[0], &row, &last_row);
        for (int64_t x = 0; x < w->output[1]; x++) {
            uint8_t *y = job->y + (line * w->output[1] + x) * w->bytes;
            int64_t left = taps_inside(w, 1, x, &column, &last_column);
            bool is_first = true;
            for (int64_t i = row; i < last_row; i++)
                for (int64_t k = column; k < last_column; k++) {
                    const uint8_t *source = image + ((top + i * w->dilation[0]) * w->input[1] + left + k * w->dilation[1]) * w->bytes;
                    if (is_first) memcpy(y, source, (size_t)w->bytes);
                    else largest(y, source, w->bytes);
                    is_first = false;
                }
            if (is_first) memset(y, 0, (size_t)w->bytes);
        }
    }
}

void ck_pool_byte_maxima(const ck_byte_window *window, const uint8_t *x, uint8_t *y) {
    window_job job = {window, 0, x, y};
    if (window->images * window->output[0] * window->output[1] * window->bytes < SERIAL_COUNT) maxima_part(&job, 0, 1);
    else ck_parallel(maxima_part, &job);
}

enum { SPAN = 256 };

/* Means of `count` channels of one window. */
CK_CLONES static void mean_span(
    const window_job *job, const uint8_t *image, const int64_t *start, const int64_t *range, int64_t count, int64_t taps, uint8_t *y) {
#pragma STDC FP_CONTRACT OFF
    const ck_byte_window *w = job->w;
    const ck_byte_mean *m = job->mean;
    float sums[SPAN] = {0};
    float scale = m->is_integer ? 1 : m->scale, zero = (float)(m->result_zero - m->offset);
    float low = (float)(m->low - m->offset), high = (float)(m->high - m->offset);
    for (int64_t i = range[0]; i < range[1]; i++)
        for (int64_t k = range[2]; k < range[3]; k++) {
            const uint8_t *x = image + ((start[0] + i * w->dilation[0]) * w->input[1] + start[1] + k * w->dilation[1]) * w->bytes;
            for (int64_t c = 0; c < count; c++) sums[c] += (float)(x[c] - m->zero) * scale;
        }
    if (m->is_integer) {
        for (int64_t c = 0; c < count; c++) {
            double mean = taps > 0 ? (double)sums[c] / (double)taps : 0;
            y[c] = (uint8_t)limited((int64_t)(mean < 0 ? -floor(0.5 - mean) : floor(mean + 0.5)) + m->zero, m->low, m->high);
        }
        return;
    }
    for (int64_t c = 0; c < count; c++)
        y[c] = (uint8_t)(rounded((taps > 0 ? sums[c] / (float)taps / m->result_scale : 0) + zero, low, high) + m->offset);
}

static void means_part(void *context, int index, int threads) {
    const window_job *job = context;
    const ck_byte_window *w = job->w;
    int64_t begin, end, range[4], start[2];
    ck_share(w->images * w->output[0], index, threads, &begin, &end);
    for (int64_t line = begin; line < end; line++) {
        const uint8_t *image = job->x + line / w->output[0] * w->input[0] * w->input[1] * w->bytes;
        start[0] = taps_inside(w, 0, line % w->output[0], &range[0], &range[1]);
        for (int64_t x = 0; x < w->output[1]; x++) {
            start[1] = taps_inside(w, 1, x, &range[2], &range[3]);
            int64_t taps = job->mean->counts[0][line % w->output[0]] * job->mean->counts[1][x];
            uint8_t *y = job->y + (line * w->output[1] + x) * w->bytes;
            for (int64_t c = 0; c < w->bytes; c += SPAN)
                mean_span(job, image + c, start, range, w->bytes - c < SPAN ? w->bytes - c : SPAN, taps, y + c);
        }
    }
}

void ck_pool_byte_means(const ck_byte_window *window, const ck_byte_mean *mean, const uint8_t *x, uint8_t *y) {
    window_job job = {window, mean, x, y};
    if (window->images * window->output[0] * window->output[1] * window->bytes < SERIAL_COUNT) means_part(&job, 0, 1);
    else ck_parallel(means_part, &job);
}

typedef struct {
    const ck_byte_global_mean *mean;
    int64_t images, pixels, bytes;
    const uint8_t *x;
    uint8_t *y;
} global_job;

CK_CLONES static void global_span(const global_job *job, const uint8_t *x, uint8_t *y, int64_t count) {
#pragma STDC FP_CONTRACT OFF
    const ck_byte_global_mean *m = job->mean;
    uint32_t sums[SPAN] = {0};
    for (int64_t pixel = 0; pixel < job->pixels; pixel++)
        for (int64_t c = 0; c < count; c++) sums[c] += (uint32_t)(x[pixel * job->bytes + c] - m->zero);
    float low = (float)(m->low - m->result_zero), high = (float)(m->high - m->result_zero);
    if (m->is_fixed) {
        for (int64_t c = 0; c < count; c++) {
            int64_t value = fixed_point((int32_t)sums[c], m->multiplier, m->shift);
            y[c] = (uint8_t)limited(value + m->result_zero, m->low, m->high);
        }
        return;
    }
    for (int64_t c = 0; c < count; c++) y[c] = (uint8_t)(rounded((float)(int32_t)sums[c] * m->factor, low, high) + m->result_zero);
}

static void global_part(void *context, int index, int threads) {
    const global_job *job = context;
    int64_t spans = quotient_up(job->bytes, SPAN), begin, end;
    ck_share(job->images * spans, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t image = item / spans, c = item % spans * SPAN;
        global_span(
            job, job->x + image * job->pixels * job->bytes + c, job->y + image * job->bytes + c,
            job->bytes - c < SPAN ? job->bytes - c : SPAN);
    }
}

void ck_average_bytes(const ck_byte_global_mean *mean, int64_t images, int64_t pixels, int64_t bytes, const uint8_t *x, uint8_t *y) {
    global_job job = {mean, images, pixels, bytes, x, y};
    if (images * pixels * bytes < SERIAL_COUNT) global_part(&job, 0, 1);
    else ck_parallel(global_part, &job);
}
