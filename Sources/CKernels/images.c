#include "images.h"
#include "internal.h"

#include <math.h>
#include <stdlib.h>

CK_CLONES void ck_add_channel_sums(const ck_image *image, double *sums, double *squares) {
    for (int32_t c = 0; c < image->channels; c++) {
        double channel_sum = 0, channel_squares = 0;
        for (int32_t y = 0; y < image->height; y++) {
            int64_t offset = c * image->channel_stride + y * image->row_stride;
            if (image->is_float) {
                const float *from = (const float *)image->samples + offset;
                for (int32_t x = 0; x < image->width; x++) {
                    double value = from[x * image->column_stride];
                    channel_sum += value;
                    channel_squares += value * value;
                }
            } else {
                const uint8_t *from = (const uint8_t *)image->samples + offset;
                uint64_t sum = 0, square_sum = 0;
                for (int32_t x = 0; x < image->width; x++) {
                    uint32_t value = from[x * image->column_stride];
                    sum += value;
                    square_sum += value * value;
                }
                channel_sum += (double)sum;
                channel_squares += (double)square_sum;
            }
        }
        sums[c] += channel_sum;
        squares[c] += channel_squares;
    }
}

/* Which source samples make up each target sample along one axis. */
typedef struct {
    int32_t taps;
    int32_t *first;
    float *weights;
} resampling;

static void release(resampling *r) {
    free(r->first);
    free(r->weights);
}

/* Target sample i covers source [start + i·scale, start + (i + 1)·scale); weights past the image's edge go to none. */
static bool prepare(resampling *r, int32_t source, int32_t target, double start, double scale) {
    double support = scale > 1 ? scale : 1;
    r->taps = (int32_t)ceil(2 * support) + 1;
    if (r->taps > source) r->taps = source;
    r->first = malloc((size_t)target * sizeof *r->first);
    r->weights = malloc((size_t)target * (size_t)r->taps * sizeof *r->weights);
    if (!r->first || !r->weights) return false;
    for (int32_t i = 0; i < target; i++) {
        double centre = start + (i + 0.5) * scale;
        int32_t first = (int32_t)floor(centre - support + 0.5);
        if (first > source - r->taps) first = source - r->taps;
        if (first < 0) first = 0;
        float *weights = r->weights + (int64_t)i * r->taps;
        double sum = 0;
        for (int32_t tap = 0; tap < r->taps; tap++) {
            double distance = fabs(first + tap + 0.5 - centre) / support;
            weights[tap] = distance < 1 ? (float)(1 - distance) : 0;
            sum += weights[tap];
        }
        for (int32_t tap = 0; tap < r->taps; tap++) weights[tap] = (float)(weights[tap] / sum);
        r->first[i] = first;
    }
    return true;
}

static void resample_columns(const ck_image *image, int32_t channel, const resampling *r, int32_t width, float *rows) {
    for (int32_t y = 0; y < image->height; y++) {
        const uint8_t *from = (const uint8_t *)image->samples + channel * image->channel_stride + y * image->row_stride;
        for (int32_t x = 0; x < width; x++) {
            const float *weights = r->weights + (int64_t)x * r->taps;
            const uint8_t *first = from + r->first[x] * image->column_stride;
            float sum = 0;
            for (int32_t tap = 0; tap < r->taps; tap++) sum += weights[tap] * first[tap * image->column_stride];
            rows[(int64_t)y * width + x] = sum;
        }
    }
}

CK_CLONES static void resample_rows(const float *rows, const resampling *r, int32_t height, int32_t width, float *plane) {
    for (int32_t y = 0; y < height; y++) {
        const float *weights = r->weights + (int64_t)y * r->taps;
        float *out = plane + (int64_t)y * width;
        for (int32_t x = 0; x < width; x++) out[x] = 0;
        for (int32_t tap = 0; tap < r->taps; tap++) {
            const float *from = rows + (int64_t)(r->first[y] + tap) * width;
            for (int32_t x = 0; x < width; x++) out[x] += weights[tap] * from[x];
        }
    }
}

static void round_plane(const float *plane, int64_t count, uint8_t *out) {
    for (int64_t i = 0; i < count; i++) {
        float value = plane[i] + 0.5f;
        out[i] = value >= 255 ? 255 : (uint8_t)value;
    }
}

/* `planes` holds the source's channels as floats. */
static void convert(float *planes, int32_t source, int32_t target, int64_t count, uint8_t *out) {
    if (source == 3 && target == 1) {
        for (int64_t i = 0; i < count; i++) {
            planes[i] = 0.299f * planes[i] + 0.587f * planes[count + i] + 0.114f * planes[2 * count + i];
        }
    }
    for (int32_t c = 0; c < target; c++) round_plane(planes + (source == target ? c * count : 0), count, out + c * count);
}

bool ck_fit(const ck_image *image, uint8_t *out, int32_t channels, int32_t height, int32_t width) {
    bool convertible = image->channels == channels || (image->channels == 1 && channels == 3) || (image->channels == 3 && channels == 1);
    if (image->is_float || !convertible) return false;
    double scale_x = (double)image->width / width, scale_y = (double)image->height / height;
    double scale = scale_x < scale_y ? scale_x : scale_y;
    resampling columns = {0}, rows = {0};
    int64_t count = (int64_t)height * width;
    float *narrowed = malloc((size_t)image->height * (size_t)width * sizeof *narrowed);
    float *planes = malloc((size_t)image->channels * (size_t)count * sizeof *planes);
    bool ready = narrowed && planes && prepare(&columns, image->width, width, (image->width - scale * width) / 2, scale) &&
        prepare(&rows, image->height, height, (image->height - scale * height) / 2, scale);
    if (ready) {
        for (int32_t c = 0; c < image->channels; c++) {
            resample_columns(image, c, &columns, width, narrowed);
            resample_rows(narrowed, &rows, height, width, planes + c * count);
        }
        convert(planes, image->channels, channels, count, out);
    }
    release(&columns);
    release(&rows);
    free(narrowed);
    free(planes);
    return ready;
}
