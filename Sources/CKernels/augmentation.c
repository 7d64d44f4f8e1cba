#include "images.h"
#include "internal.h"

#include <math.h>

/* One row of one channel on its way into the network. */
typedef struct {
    float *values;
    int64_t stride;
    int32_t count;
} row;

#define SHIFTED(type)                                                                                                           \
    const type *from = (const type *)image->samples + offset;                                                                    \
    if (step == 1 && out.stride == 1) {                                                                                          \
        for (int32_t x = 0; x < shown; x++) to[x] = from[x];                                                                     \
    } else {                                                                                                                     \
        for (int32_t x = 0; x < shown; x++) to[x * out.stride] = from[x * step];                                                 \
    }

static inline int32_t within(int32_t value, int32_t low, int32_t high) { return value < low ? low : value > high ? high : value; }

static inline void shift_row(const ck_image *image, const ck_augmentation *a, int32_t channel, int32_t y, row out) {
    int32_t source_y = y + a->shift_y;
    /* Output column x shows source column first + direction·x. */
    int32_t direction = a->flips ? -1 : 1;
    int32_t first = (a->flips ? image->width - 1 : 0) + a->shift_x;
    int32_t begin = within(a->flips ? first - image->width + 1 : -first, 0, out.count);
    int32_t end = within(a->flips ? first + 1 : image->width - first, begin, out.count);
    if (source_y < 0 || source_y >= image->height) begin = end = 0;
    for (int32_t x = 0; x < begin; x++) out.values[x * out.stride] = 0;
    for (int32_t x = end; x < out.count; x++) out.values[x * out.stride] = 0;
    if (begin == end) return;
    int64_t step = direction * image->column_stride;
    int64_t offset = channel * image->channel_stride + source_y * image->row_stride + first * image->column_stride + begin * step;
    float *to = out.values + begin * out.stride;
    int32_t shown = end - begin;
    if (image->is_float) { SHIFTED(float) } else { SHIFTED(uint8_t) }
}

#define BILINEAR(type)                                                                                                          \
    const type *plane = (const type *)image->samples + channel * image->channel_stride;                                          \
    const type *upper = plane + top * image->row_stride, *lower = plane + bottom * image->row_stride;                            \
    float over = upper[left * image->column_stride] * (1 - fraction_x) + upper[right * image->column_stride] * fraction_x;       \
    float under = lower[left * image->column_stride] * (1 - fraction_x) + lower[right * image->column_stride] * fraction_x;      \
    value = over * (1 - fraction_y) + under * fraction_y;

static inline void rotate_row(const ck_image *image, const ck_augmentation *a, int32_t channel, int32_t y, row out) {
    int32_t width = image->width, height = image->height;
    float centre_x = 0.5f * (float)(width - 1), centre_y = 0.5f * (float)(height - 1);
    int32_t canvas_y = y + a->shift_y;
    float dy = (float)canvas_y - centre_y;
    for (int32_t x = 0; x < out.count; x++) {
        int32_t canvas_x = (a->flips ? width - 1 - x : x) + a->shift_x;
        float dx = (float)canvas_x - centre_x;
        float source_x = a->cosine * dx - a->sine * dy + centre_x, source_y = a->sine * dx + a->cosine * dy + centre_y;
        float value = 0;
        /* A pixel covers half a unit to each side of its centre. */
        if (canvas_x >= 0 && canvas_x < width && canvas_y >= 0 && canvas_y < height && source_x >= -0.5f &&
            source_x < (float)width - 0.5f && source_y >= -0.5f && source_y < (float)height - 0.5f) {
            float floor_x = floorf(source_x), floor_y = floorf(source_y);
            float fraction_x = source_x - floor_x, fraction_y = source_y - floor_y;
            int64_t left = within((int32_t)floor_x, 0, width - 1), right = within((int32_t)floor_x + 1, 0, width - 1);
            int64_t top = within((int32_t)floor_y, 0, height - 1), bottom = within((int32_t)floor_y + 1, 0, height - 1);
            if (image->is_float) { BILINEAR(float) } else { BILINEAR(uint8_t) }
        }
        out.values[x * out.stride] = value;
    }
}

static inline void normalize_row(const ck_augmentation *a, int32_t channel, int32_t y, row out) {
    float mean = a->mean[channel], deviation = a->deviation[channel];
    if (out.stride == 1) {
        for (int32_t x = 0; x < out.count; x++) out.values[x] = (out.values[x] - mean) / deviation;
    } else {
        for (int32_t x = 0; x < out.count; x++) out.values[x * out.stride] = (out.values[x * out.stride] - mean) / deviation;
    }
    if (y < a->cut_top || y >= a->cut_bottom) return;
    for (int32_t x = a->cut_left; x < a->cut_right; x++) out.values[x * out.stride] = 0;
}

static inline float grey(const float *pixel, int32_t channels, int64_t stride) {
    if (channels == 3) return 0.299f * pixel[0] + 0.587f * pixel[stride] + 0.114f * pixel[2 * stride];
    float sum = 0;
    for (int32_t c = 0; c < channels; c++) sum += pixel[c * stride];
    return sum / (float)channels;
}

static inline float limited(float value, float low, float high) { return value < low ? low : value > high ? high : value; }

CK_CLONES static void jitter(
    const ck_image *image, const ck_augmentation *a, float *out, int64_t channel_stride, int64_t row_stride, int64_t column_stride) {
    float low = image->is_float ? -INFINITY : 0, high = image->is_float ? INFINITY : 255;
    double sum = 0;
    for (int32_t y = 0; y < image->height; y++) {
        for (int32_t x = 0; x < image->width; x++) {
            float *pixel = out + y * row_stride + x * column_stride;
            for (int32_t c = 0; c < image->channels; c++) {
                pixel[c * channel_stride] = limited(pixel[c * channel_stride] * a->brightness, low, high);
            }
            sum += grey(pixel, image->channels, channel_stride);
        }
    }
    float mean = (float)(sum / ((double)image->height * image->width));
    for (int32_t y = 0; y < image->height; y++) {
        for (int32_t x = 0; x < image->width; x++) {
            float *pixel = out + y * row_stride + x * column_stride;
            for (int32_t c = 0; c < image->channels; c++) {
                float value = a->contrast * pixel[c * channel_stride] + (1 - a->contrast) * mean;
                pixel[c * channel_stride] = limited(value, low, high);
            }
            float level = grey(pixel, image->channels, channel_stride);
            for (int32_t c = 0; c < image->channels; c++) {
                float value = a->saturation * pixel[c * channel_stride] + (1 - a->saturation) * level;
                pixel[c * channel_stride] = limited(value, low, high);
            }
        }
    }
}

CK_CLONES void ck_augment(
    const ck_image *image, const ck_augmentation *a, float *out, int64_t channel_stride, int64_t row_stride, int64_t column_stride) {
    for (int32_t channel = 0; channel < image->channels; channel++) {
        for (int32_t y = 0; y < image->height; y++) {
            row target = {out + channel * channel_stride + y * row_stride, column_stride, image->width};
            if (a->rotates) rotate_row(image, a, channel, y, target); else shift_row(image, a, channel, y, target);
            if (!a->jitters) normalize_row(a, channel, y, target);
        }
    }
    if (!a->jitters) return;
    jitter(image, a, out, channel_stride, row_stride, column_stride);
    for (int32_t channel = 0; channel < image->channels; channel++) {
        for (int32_t y = 0; y < image->height; y++) {
            normalize_row(a, channel, y, (row){out + channel * channel_stride + y * row_stride, column_stride, image->width});
        }
    }
}
