#include "internal.h"

#include <math.h>

typedef struct {
    bool maximum;
    int64_t channels, plane, boxes;
    const ck_box *box;
    const ck_tap *taps;
    int64_t height, width;
    const float *x;
    float *y;
} align_job;

/* The mean, or the largest weighted neighbour, of the samples of one bin. */
CK_CLONES static float align_bin(
    bool maximum, const float *plane, const ck_tap *rows, int64_t row_count, const ck_tap *columns, int64_t column_count) {
    float result = maximum ? -INFINITY : 0;
    for (int64_t i = 0; i < row_count; i++) {
        for (int64_t j = 0; j < column_count; j++) {
            const ck_tap *r = rows + i, *c = columns + j;
            float values[4] = {0, 0, 0, 0};
            if (r->first >= 0 && c->first >= 0) {
                values[0] = r->first_weight * c->first_weight * plane[r->first + c->first];
                values[1] = r->first_weight * c->second_weight * plane[r->first + c->second];
                values[2] = r->second_weight * c->first_weight * plane[r->second + c->first];
                values[3] = r->second_weight * c->second_weight * plane[r->second + c->second];
            }
            if (maximum) {
                for (int k = 0; k < 4; k++) if (values[k] > result || isnan(values[k])) result = values[k];
            } else {
                result += (values[0] + values[1]) + (values[2] + values[3]);
            }
        }
    }
    if (row_count * column_count == 0) return 0;
    return maximum ? result : result / (float)(row_count * column_count);
}

static void align_part(void *context, int index, int threads) {
    const align_job *job = context;
    int64_t begin, end;
    ck_share(job->boxes * job->channels, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        const ck_box *box = job->box + item / job->channels;
        const float *plane = job->x + (box->image * job->channels + item % job->channels) * job->plane;
        float *y = job->y + item * job->height * job->width;
        for (int64_t row = 0; row < job->height; row++) {
            const ck_tap *rows = job->taps + box->rows + row * box->row_samples;
            for (int64_t column = 0; column < job->width; column++) {
                const ck_tap *columns = job->taps + box->columns + column * box->column_samples;
                *y++ = align_bin(job->maximum, plane, rows, box->row_samples, columns, box->column_samples);
            }
        }
    }
}

void ck_align_boxes(
    bool maximum, int64_t channels, int64_t plane, int64_t boxes, const ck_box *box, const ck_tap *taps, int64_t height, int64_t width,
    const float *x, float *y) {
    align_job job = {maximum, channels, plane, boxes, box, taps, height, width, x, y};
    if (boxes * channels * height * width < SERIAL_COUNT / 8) align_part(&job, 0, 1); else ck_parallel(align_part, &job);
}
