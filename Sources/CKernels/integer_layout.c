#include "integer.h"

/* Bytes from and to numbers, and from one layout to another. */

typedef struct {
    const void *x;
    void *y;
    int64_t images, channels, pixels;
    float scale;
    int32_t zero;
    uint8_t flip;
    int32_t nan;
} layout_job;

static inline uint8_t quantized(float x, float scale, float low, float high, int32_t zero, int32_t nan) {
    float quotient = x / scale;
    return (uint8_t)(quotient == quotient ? rounded(quotient, low, high) + zero : nan);
}

CK_CLONES static void quantize_span(const layout_job *job, const float *x, uint8_t *y, int64_t step, int64_t count) {
    float low = (float)-job->zero, high = (float)(255 - job->zero), scale = job->scale;
    int32_t zero = job->zero, nan = job->nan;
    uint8_t flip = job->flip;
    if (step == 1) {
        for (int64_t i = 0; i < count; i++) y[i] = quantized(x[i], scale, low, high, zero, nan) ^ flip;
    } else {
        for (int64_t i = 0; i < count; i++) y[i * step] = quantized(x[i], scale, low, high, zero, nan) ^ flip;
    }
}

static void quantize_flat(void *context, int index, int threads) {
    const layout_job *job = context;
    int64_t begin, end;
    ck_share(job->images * job->channels * job->pixels, index, threads, &begin, &end);
    quantize_span(job, (const float *)job->x + begin, (uint8_t *)job->y + begin, 1, end - begin);
}

enum { TILE = 64 };

/* Pixels in tiles, whose bytes are rounded channel by channel and then stored pixel by pixel. */
static void quantize_pixels(void *context, int index, int threads) {
    const layout_job *job = context;
    int64_t tiles = quotient_up(job->pixels, TILE), bytes = ck_pixel_bytes(job->channels), begin, end;
    ck_share(job->images * tiles, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t image = item / tiles, first = item % tiles * TILE;
        int64_t count = job->pixels - first < TILE ? job->pixels - first : TILE;
        const float *x = (const float *)job->x + image * job->channels * job->pixels + first;
        uint8_t *y = (uint8_t *)job->y + (image * job->pixels + first) * bytes, row[TILE];
        for (int64_t channel = 0; channel < job->channels; channel++) {
            quantize_span(job, x + channel * job->pixels, row, 1, count);
            for (int64_t i = 0; i < count; i++) y[i * bytes + channel] = row[i];
        }
    }
}

void ck_quantize(
    const float *x, uint8_t *y, int64_t images, int64_t channels, int64_t pixels, float scale, int32_t zero, int32_t nan, uint8_t flip,
    bool channels_first) {
    layout_job job = {x, y, images, channels, pixels, scale, zero, flip, nan};
    void (*body)(void *, int, int) = channels_first ? quantize_flat : quantize_pixels;
    if (images * channels * pixels < SERIAL_COUNT) body(&job, 0, 1);
    else ck_parallel(body, &job);
}

CK_CLONES static void dequantize_span(const layout_job *job, const uint8_t *x, float *y, int64_t step, int64_t count) {
    int32_t zero = job->zero;
    float scale = job->scale;
    uint8_t flip = job->flip;
    for (int64_t i = 0; i < count; i++) y[i] = (float)((x[i * step] ^ flip) - zero) * scale;
}

static void dequantize_flat(void *context, int index, int threads) {
    const layout_job *job = context;
    int64_t begin, end;
    ck_share(job->images * job->channels * job->pixels, index, threads, &begin, &end);
    dequantize_span(job, (const uint8_t *)job->x + begin, (float *)job->y + begin, 1, end - begin);
}

static void dequantize_pixels(void *context, int index, int threads) {
    const layout_job *job = context;
    int64_t bytes = ck_pixel_bytes(job->channels), begin, end;
    ck_share(job->images * job->channels, index, threads, &begin, &end);
    for (int64_t plane = begin; plane < end; plane++) {
        int64_t image = plane / job->channels, channel = plane % job->channels;
        const uint8_t *x = (const uint8_t *)job->x + image * job->pixels * bytes + channel;
        dequantize_span(job, x, (float *)job->y + plane * job->pixels, bytes, job->pixels);
    }
}

void ck_dequantize(
    const uint8_t *x, float *y, int64_t images, int64_t channels, int64_t pixels, float scale, int32_t zero, uint8_t flip,
    bool channels_first) {
    layout_job job = {x, y, images, channels, pixels, scale, zero, flip, 0};
    void (*body)(void *, int, int) = channels_first ? dequantize_flat : dequantize_pixels;
    if (images * channels * pixels < SERIAL_COUNT) body(&job, 0, 1);
    else ck_parallel(body, &job);
}

static void to_pixels_part(void *context, int index, int threads) {
    const layout_job *job = context;
    int64_t bytes = ck_pixel_bytes(job->channels), begin, end;
    ck_share(job->images * job->pixels, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        const uint8_t *x = (const uint8_t *)job->x + item / job->pixels * job->channels * job->pixels + item % job->pixels;
        uint8_t *y = (uint8_t *)job->y + item * bytes;
        for (int64_t channel = 0; channel < job->channels; channel++) y[channel] = x[channel * job->pixels] ^ job->flip;
    }
}

void ck_bytes_to_pixels(const uint8_t *x, uint8_t *y, int64_t images, int64_t channels, int64_t pixels, uint8_t flip) {
    layout_job job = {x, y, images, channels, pixels, 0, 0, flip, 0};
    if (images * channels * pixels < SERIAL_COUNT) to_pixels_part(&job, 0, 1);
    else ck_parallel(to_pixels_part, &job);
}

static void from_pixels_part(void *context, int index, int threads) {
    const layout_job *job = context;
    int64_t bytes = ck_pixel_bytes(job->channels), begin, end;
    ck_share(job->images * job->channels, index, threads, &begin, &end);
    for (int64_t plane = begin; plane < end; plane++) {
        const uint8_t *x = (const uint8_t *)job->x + plane / job->channels * job->pixels * bytes + plane % job->channels;
        uint8_t *y = (uint8_t *)job->y + plane * job->pixels;
        for (int64_t pixel = 0; pixel < job->pixels; pixel++) y[pixel] = x[pixel * bytes] ^ job->flip;
    }
}

void ck_pixels_to_bytes(const uint8_t *x, uint8_t *y, int64_t images, int64_t channels, int64_t pixels, uint8_t flip) {
    layout_job job = {x, y, images, channels, pixels, 0, 0, flip, 0};
    if (images * channels * pixels < SERIAL_COUNT) from_pixels_part(&job, 0, 1);
    else ck_parallel(from_pixels_part, &job);
}

typedef struct {
    const uint8_t *x;
    uint8_t *y;
    int64_t images, height, width, bytes, top, bottom, left, right;
    uint8_t value;
} pad_job;

static void pad_part(void *context, int index, int threads) {
    const pad_job *job = context;
    int64_t height = job->top + job->height + job->bottom, width = job->left + job->width + job->right, begin, end;
    int64_t before = job->left < width ? job->left : width;
    int64_t inside = job->width < width - before ? job->width : width - before;
    ck_share(job->images * height, index, threads, &begin, &end);
    for (int64_t line = begin; line < end; line++) {
        uint8_t *row = job->y + line * width * job->bytes;
        int64_t y = line % height - job->top;
        if (y < 0 || y >= job->height) {
            memset(row, job->value, (size_t)(width * job->bytes));
            continue;
        }
        const uint8_t *source = job->x + (line / height * job->height + y) * job->width * job->bytes;
        memset(row, job->value, (size_t)(before * job->bytes));
        memcpy(row + before * job->bytes, source, (size_t)(inside * job->bytes));
        memset(row + (before + inside) * job->bytes, job->value, (size_t)((width - before - inside) * job->bytes));
    }
}

void ck_pad_bytes(
    const uint8_t *x, uint8_t *y, int64_t images, int64_t height, int64_t width, int64_t bytes, int64_t top, int64_t bottom,
    int64_t left, int64_t right, uint8_t value) {
    pad_job job = {x, y, images, height, width, bytes, top, bottom, left, right, value};
    ck_parallel(pad_part, &job);
}

typedef struct {
    const uint8_t *x;
    uint8_t *y;
    int64_t pixels, channels, before, result_channels;
    uint8_t value;
} channel_pad_job;

static void pad_channels_part(void *context, int index, int threads) {
    const channel_pad_job *job = context;
    int64_t x_bytes = ck_pixel_bytes(job->channels), y_bytes = ck_pixel_bytes(job->result_channels), begin, end;
    ck_share(job->pixels, index, threads, &begin, &end);
    memset(job->y + begin * y_bytes, job->value, (size_t)((end - begin) * y_bytes));
    for (int64_t pixel = begin; pixel < end; pixel++)
        memcpy(job->y + pixel * y_bytes + job->before, job->x + pixel * x_bytes, (size_t)job->channels);
}

void ck_pad_byte_channels(
    const uint8_t *x, uint8_t *y, int64_t pixels, int64_t channels, int64_t before, int64_t result_channels, uint8_t value) {
    channel_pad_job job = {x, y, pixels, channels, before, result_channels, value};
    if (pixels * result_channels < SERIAL_COUNT) pad_channels_part(&job, 0, 1);
    else ck_parallel(pad_channels_part, &job);
}

typedef struct {
    const uint8_t *x;
    int64_t x_step;
    uint8_t *y;
    int64_t y_step, rows, bytes;
} rows_job;

static void rows_part(void *context, int index, int threads) {
    const rows_job *job = context;
    int64_t begin, end;
    ck_share(job->rows, index, threads, &begin, &end);
    for (int64_t row = begin; row < end; row++) memcpy(job->y + row * job->y_step, job->x + row * job->x_step, (size_t)job->bytes);
}

void ck_copy_rows(const uint8_t *x, int64_t x_step, uint8_t *y, int64_t y_step, int64_t rows, int64_t bytes) {
    rows_job job = {x, x_step, y, y_step, rows, bytes};
    if (rows * bytes < SERIAL_COUNT) rows_part(&job, 0, 1);
    else ck_parallel(rows_part, &job);
}

void ck_gather_bytes(int rank, const int64_t *lengths, const int64_t *strides, const uint8_t *x, uint8_t *y) {
    int64_t place[16] = {0}, count = 1, inner = rank > 0 ? lengths[rank - 1] : 1, step = rank > 0 ? strides[rank - 1] : 1;
    for (int axis = 0; axis < rank - 1; axis++) count *= lengths[axis];
    for (int64_t row = 0; row < count; row++, y += inner) {
        const uint8_t *source = x;
        for (int axis = 0; axis < rank - 1; axis++) source += place[axis] * strides[axis];
        if (step == 1) memcpy(y, source, (size_t)inner);
        else
            for (int64_t i = 0; i < inner; i++) y[i] = source[i * step];
        for (int axis = rank - 2; axis >= 0 && ++place[axis] == lengths[axis]; axis--) place[axis] = 0;
    }
}
