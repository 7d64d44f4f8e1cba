#include "internal.h"
#include "training.h"

#include <string.h>

/* The gradient of a convolution's weights for AVX-512, for images so small that oneDNN's kernel spends its time around the sums.
 *
 * For every tap the gradient is a product of matrices over pixels: [output channels, pixels of all images] · [pixels, input channels].
 * Both operands are brought into block-major order first, so that the pixels of a block follow each other and do not fall into the
 * same cache sets; which pixels meet at a tap is listed once for all blocks. A tile of 8 input channels times 2 blocks of output
 * channels stays in registers while the kernel runs over the pixels. */

#if defined(__x86_64__)

#include "tile.h"

enum { ROWS = 8 /* input channels per tile */ };

typedef struct {
    int32_t source, dy;
} meeting;

typedef struct {
    const ck_convolution *c;
    const float *source, *dy;
    float *dw, *db;
    float *packed_source, *packed_dy;
    meeting *meetings;
    int64_t *counts;
    int64_t input_blocks, output_blocks, input_plane, output_plane, taps;
} gradient_job;

static void describe(gradient_job *job, const ck_convolution *c) {
    memset(job, 0, sizeof *job);
    job->c = c;
    job->input_blocks = ceiling(c->input_channels, BLOCK);
    job->output_blocks = ceiling(c->output_channels, BLOCK);
    job->input_plane = c->input_height * c->input_width;
    job->output_plane = c->output_height * c->output_width;
    job->taps = c->kernel_height * c->kernel_width;
}

int64_t ck_weight_gradient_scratch_size(const ck_convolution *c) {
    gradient_job job;
    describe(&job, c);
    int64_t floats = c->batch * BLOCK * (job.input_blocks * job.input_plane + job.output_blocks * job.output_plane);
    int64_t meetings = job.taps * c->batch * job.output_plane;
    return floats * (int64_t)sizeof(float) + meetings * (int64_t)sizeof(meeting) + job.taps * (int64_t)sizeof(int64_t) + 128;
}

/* [image][block][pixels] to [block][image][pixels]. */
static void pack_blocks(const float *x, float *packed, int64_t images, int64_t blocks, int64_t length, int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; block++)
        for (int64_t n = 0; n < images; n++)
            memcpy(packed + (block * images + n) * length, x + (n * blocks + block) * length, (size_t)length * sizeof *x);
}

/* Where in the packed operands the pixels are that meet at each tap. */
static void list_meetings(gradient_job *job) {
    const ck_convolution *c = job->c;
    for (int64_t tap = 0; tap < job->taps; tap++) {
        int64_t row = tap / c->kernel_width * c->dilation_height - c->pad_height;
        int64_t column = tap % c->kernel_width * c->dilation_width - c->pad_width;
        meeting *list = job->meetings + tap * c->batch * job->output_plane;
        int64_t count = 0;
        for (int64_t n = 0; n < c->batch; n++)
            for (int64_t y = 0; y < c->output_height; y++) {
                int64_t from_y = y * c->stride_height + row;
                if (from_y < 0 || from_y >= c->input_height) continue;
                for (int64_t x = 0; x < c->output_width; x++) {
                    int64_t from_x = x * c->stride_width + column;
                    if (from_x < 0 || from_x >= c->input_width) continue;
                    list[count].source = (int32_t)((n * job->input_plane + from_y * c->input_width + from_x) * BLOCK);
                    list[count++].dy = (int32_t)((n * job->output_plane + y * c->output_width + x) * BLOCK);
                }
            }
        job->counts[tap] = count;
    }
}

static void pack_part(void *context, int index, int threads) {
    gradient_job *job = context;
    const ck_convolution *c = job->c;
    int64_t begin, end;
    ck_share(job->input_blocks, index, threads, &begin, &end);
    pack_blocks(job->source, job->packed_source, c->batch, job->input_blocks, job->input_plane * BLOCK, begin, end);
    ck_share(job->output_blocks, index, threads, &begin, &end);
    pack_blocks(job->dy, job->packed_dy, c->batch, job->output_blocks, job->output_plane * BLOCK, begin, end);
    if (index == threads - 1) list_meetings(job);
}

/* Σ over pixels of ROWS input channels times `blocks` blocks of output channels. */
AVX512 static inline __attribute__((always_inline)) void sum_tile(
    int blocks, const meeting *list, int64_t count, const float *source, const float *dy, int64_t dy_distance, float *dw,
    int64_t dw_distance) {
    __m512 sums[ROWS][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < ROWS; i++)
#pragma clang loop unroll(full)
        for (int b = 0; b < blocks; b++) sums[i][b] = _mm512_setzero_ps();
    for (int64_t k = 0; k < count; k++) {
        const float *x = source + list[k].source, *d = dy + list[k].dy;
        __m512 slope[2];
#pragma clang loop unroll(full)
        for (int b = 0; b < blocks; b++) slope[b] = _mm512_loadu_ps(d + b * dy_distance);
#pragma clang loop unroll(full)
        for (int i = 0; i < ROWS; i++) {
            __m512 value = _mm512_set1_ps(x[i]);
#pragma clang loop unroll(full)
            for (int b = 0; b < blocks; b++) sums[i][b] = _mm512_fmadd_ps(value, slope[b], sums[i][b]);
        }
    }
#pragma clang loop unroll(full)
    for (int b = 0; b < blocks; b++)
#pragma clang loop unroll(full)
        for (int i = 0; i < ROWS; i++) _mm512_storeu_ps(dw + b * dw_distance + i * BLOCK, sums[i][b]);
}

AVX512 static void sum_pair(
    const meeting *list, int64_t count, const float *source, const float *dy, int64_t dy_distance, float *dw, int64_t dw_distance) {
    sum_tile(2, list, count, source, dy, dy_distance, dw, dw_distance);
}

AVX512 static void sum_single(const meeting *list, int64_t count, const float *source, const float *dy, float *dw) {
    sum_tile(1, list, count, source, dy, 0, dw, 0);
}

AVX512 static void sum_bias(const float *dy, int64_t pixels, float *db, int64_t channels) {
    __m512 a = _mm512_setzero_ps(), b = a;
    int64_t k = 0;
    for (; k + 2 <= pixels; k += 2) {
        a = _mm512_add_ps(a, _mm512_loadu_ps(dy + k * BLOCK));
        b = _mm512_add_ps(b, _mm512_loadu_ps(dy + (k + 1) * BLOCK));
    }
    if (k < pixels) a = _mm512_add_ps(a, _mm512_loadu_ps(dy + k * BLOCK));
    __mmask16 valid = (__mmask16)(channels < BLOCK ? (1 << channels) - 1 : 0xffff);
    _mm512_mask_storeu_ps(db, valid, _mm512_add_ps(a, b));
}

static void gradient_part(void *context, int index, int threads) {
    const gradient_job *job = context;
    const ck_convolution *c = job->c;
    int64_t pairs = ceiling(job->output_blocks, 2), pixels = c->batch * job->output_plane, begin, end;
    int64_t filter = job->input_blocks * job->taps * BLOCK * BLOCK;
    ck_share(pairs * job->input_blocks, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t first = item / job->input_blocks * 2, input = item % job->input_blocks;
        bool isPair = first + 1 < job->output_blocks;
        const float *source = job->packed_source + input * c->batch * job->input_plane * BLOCK;
        const float *dy = job->packed_dy + first * pixels * BLOCK;
        if (input == 0 && job->db)
            for (int64_t block = first; block < first + 1 + isPair; block++)
                sum_bias(job->packed_dy + block * pixels * BLOCK, pixels, job->db + block * BLOCK, c->output_channels - block * BLOCK);
        for (int64_t tap = 0; tap < job->taps; tap++) {
            const meeting *list = job->meetings + tap * pixels;
            for (int64_t row = 0; row < BLOCK; row += ROWS) {
                float *dw = job->dw + first * filter + ((input * job->taps + tap) * BLOCK + row) * BLOCK;
                if (isPair)
                    sum_pair(list, job->counts[tap], source + row, dy, pixels * BLOCK, dw, filter);
                else
                    sum_single(list, job->counts[tap], source + row, dy, dw);
            }
        }
    }
}

void ck_weight_gradient(const ck_convolution *c, const float *source, const float *dy, float *dw, float *db, void *scratch) {
    gradient_job job;
    describe(&job, c);
    job.source = source;
    job.dy = dy;
    job.dw = dw;
    job.db = db;
    job.counts = scratch;
    job.packed_source = (float *)((char *)scratch + ceiling(job.taps * (int64_t)sizeof(int64_t), 64) * 64);
    job.packed_dy = job.packed_source + c->batch * BLOCK * job.input_blocks * job.input_plane;
    job.meetings = (meeting *)(job.packed_dy + c->batch * BLOCK * job.output_blocks * job.output_plane);
    ck_parallel(pack_part, &job);
    ck_parallel(gradient_part, &job);
}

#else

int64_t ck_weight_gradient_scratch_size(const ck_convolution *c) { return 0; }
void ck_weight_gradient(const ck_convolution *c, const float *source, const float *dy, float *dw, float *db, void *scratch) {}

#endif
