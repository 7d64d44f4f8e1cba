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

/* Where the pixels of a piece of a row come from: the four neighbours and their weights, which are all 0 outside. */
enum { PIECE = 64 };

typedef struct {
    int64_t upper_left[PIECE], upper_right[PIECE], lower_left[PIECE], lower_right[PIECE];
    float weights[4][PIECE];
} neighbours;

static inline void find_neighbours(
    const ck_image *image, const ck_augmentation *a, int32_t y, int32_t begin, int32_t count, neighbours *n) {
    int32_t width = image->width, height = image->height;
    float centre_x = 0.5f * (float)(width - 1), centre_y = 0.5f * (float)(height - 1);
    int32_t canvas_y = y + a->shift_y;
    bool row_inside = canvas_y >= 0 && canvas_y < height;
    float dy = (float)canvas_y - centre_y;
    for (int32_t i = 0; i < count; i++) {
        int32_t x = begin + i;
        int32_t canvas_x = (a->flips ? width - 1 - x : x) + a->shift_x;
        float dx = (float)canvas_x - centre_x;
        float source_x = a->cosine * dx - a->sine * dy + centre_x, source_y = a->sine * dx + a->cosine * dy + centre_y;
        /* A pixel covers half a unit to each side of its centre. */
        bool inside = row_inside & (canvas_x >= 0) & (canvas_x < width) & (source_x >= -0.5f) & (source_x < (float)width - 0.5f) &
            (source_y >= -0.5f) & (source_y < (float)height - 0.5f);
        source_x = inside ? source_x : 0;
        source_y = inside ? source_y : 0;
        float floor_x = floorf(source_x), floor_y = floorf(source_y);
        float fraction_x = source_x - floor_x, fraction_y = source_y - floor_y;
        float total = inside ? 1 : 0;
        int64_t left = within((int32_t)floor_x, 0, width - 1), right = within((int32_t)floor_x + 1, 0, width - 1);
        int64_t upper = within((int32_t)floor_y, 0, height - 1), lower = within((int32_t)floor_y + 1, 0, height - 1);
        n->upper_left[i] = upper * image->row_stride + left * image->column_stride;
        n->upper_right[i] = upper * image->row_stride + right * image->column_stride;
        n->lower_left[i] = lower * image->row_stride + left * image->column_stride;
        n->lower_right[i] = lower * image->row_stride + right * image->column_stride;
        n->weights[0][i] = total * (1 - fraction_y) * (1 - fraction_x);
        n->weights[1][i] = total * (1 - fraction_y) * fraction_x;
        n->weights[2][i] = total * fraction_y * (1 - fraction_x);
        n->weights[3][i] = total * fraction_y * fraction_x;
    }
}

#define BILINEAR(type)                                                                                                          \
    const type *plane = (const type *)image->samples + channel * image->channel_stride;                                          \
    for (int32_t i = 0; i < count; i++) {                                                                                        \
        to[i * column_stride] = n.weights[0][i] * plane[n.upper_left[i]] + n.weights[1][i] * plane[n.upper_right[i]] +           \
            n.weights[2][i] * plane[n.lower_left[i]] + n.weights[3][i] * plane[n.lower_right[i]];                                \
    }

/* All channels of row `y`. */
static inline void rotate_rows(
    const ck_image *image, const ck_augmentation *a, int32_t y, float *out, int64_t channel_stride, int64_t column_stride) {
    neighbours n;
    for (int32_t begin = 0; begin < image->width; begin += PIECE) {
        int32_t count = image->width - begin < PIECE ? image->width - begin : PIECE;
        find_neighbours(image, a, y, begin, count, &n);
        for (int32_t channel = 0; channel < image->channels; channel++) {
            float *to = out + channel * channel_stride + begin * column_stride;
            if (image->is_float) { BILINEAR(float) } else { BILINEAR(uint8_t) }
        }
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
    for (int32_t y = 0; y < image->height; y++) {
        if (a->rotates) rotate_rows(image, a, y, out + y * row_stride, channel_stride, column_stride);
        for (int32_t channel = 0; channel < image->channels; channel++) {
            row target = {out + channel * channel_stride + y * row_stride, column_stride, image->width};
            if (!a->rotates) shift_row(image, a, channel, y, target);
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
