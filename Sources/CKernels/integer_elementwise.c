#include "integer.h"

/* Functions of one or two tensors of bytes, element by element. */

typedef struct {
    const ck_byte_binary *binary;
    int64_t images, pixels, bytes;
    const uint8_t *a, *b;
    int64_t a_image, a_pixel, b_image, b_pixel;
    uint8_t *out;
} binary_job;

FUSED_CLONES static void combine_span(const ck_byte_binary *p, const uint8_t *a, const uint8_t *b, uint8_t *out, int64_t count) {
#pragma STDC FP_CONTRACT OFF
    int32_t first_zero = p->first_zero, second_zero = p->second_zero, offset = p->offset;
    float first = p->first, second = p->second, shift = p->shift;
    float low = (float)(p->low - offset), high = (float)(p->high - offset);
    if (p->is_product) {
        for (int64_t i = 0; i < count; i++)
            out[i] = (uint8_t)(rounded((float)((a[i] - first_zero) * (b[i] - second_zero)) * first + shift, low, high) + offset);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        float value = fmaf((float)(a[i] - first_zero), first, fmaf((float)(b[i] - second_zero), second, shift));
        out[i] = (uint8_t)(rounded(value, low, high) + offset);
    }
}

static void combine_fixed(const ck_byte_binary *p, const uint8_t *a, const uint8_t *b, uint8_t *out, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        int32_t x = a[i] - p->first_zero, y = b[i] - p->second_zero, value;
        if (p->is_product) {
            value = fixed_point(x * y, p->multipliers[2], p->shifts[2]);
        } else {
            int32_t first = fixed_point(x * (1 << 20), p->multipliers[0], p->shifts[0]);
            int32_t second = fixed_point(y * (1 << 20), p->multipliers[1], p->shifts[1]);
            value = fixed_point(first + second, p->multipliers[2], p->shifts[2]);
        }
        out[i] = (uint8_t)limited((int64_t)value + p->zero, p->low, p->high);
    }
}

static void binary_part(void *context, int index, int threads) {
    const binary_job *job = context;
    int64_t begin, end;
    ck_share(job->images * job->pixels, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t image = item / job->pixels, pixel = item % job->pixels;
        const uint8_t *a = job->a + image * job->a_image + pixel * job->a_pixel;
        const uint8_t *b = job->b + image * job->b_image + pixel * job->b_pixel;
        uint8_t *out = job->out + item * job->bytes;
        if (job->binary->is_fixed) combine_fixed(job->binary, a, b, out, job->bytes);
        else combine_span(job->binary, a, b, out, job->bytes);
    }
}

void ck_combine_bytes(
    const ck_byte_binary *binary, int64_t images, int64_t pixels, int64_t bytes, const uint8_t *a, int64_t a_image, int64_t a_pixel,
    const uint8_t *b, int64_t b_image, int64_t b_pixel, uint8_t *out) {
    binary_job job = {binary, images, pixels, bytes, a, b, a_image, a_pixel, b_image, b_pixel, out};
    /* One operand after the other without a step in between: longer spans, whatever the channels. */
    int64_t image = pixels * bytes;
    if (a_pixel == bytes && b_pixel == bytes && (images == 1 || (a_image == image && b_image == image))) {
        enum { SPAN = 4096 };
        int64_t all = images * image, whole = all / SPAN;
        job = (binary_job){binary, 1, whole, SPAN, a, b, 0, SPAN, 0, SPAN, out};
        if (all < SERIAL_COUNT) binary_part(&job, 0, 1);
        else ck_parallel(binary_part, &job);
        int64_t done = whole * SPAN;
        job = (binary_job){binary, 1, 1, all - done, a + done, b + done, 0, 0, 0, 0, out + done};
        if (all > done) binary_part(&job, 0, 1);
        return;
    }
    if (images * image < SERIAL_COUNT) binary_part(&job, 0, 1);
    else ck_parallel(binary_part, &job);
}

typedef struct {
    const uint8_t *table, *x;
    uint8_t *y;
    int64_t count;
} table_job;

static void table_part(void *context, int index, int threads) {
    const table_job *job = context;
    int64_t begin, end;
    ck_share(job->count, index, threads, &begin, &end);
    for (int64_t i = begin; i < end; i++) job->y[i] = job->table[job->x[i]];
}

void ck_look_up_bytes(const uint8_t *table, const uint8_t *x, uint8_t *y, int64_t count) {
    table_job job = {table, x, y, count};
    if (count < SERIAL_COUNT) table_part(&job, 0, 1);
    else ck_parallel(table_part, &job);
}
