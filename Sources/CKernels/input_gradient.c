#include "internal.h"
#include "training.h"

#include <string.h>

/* The gradient of a convolution's input for AVX-512, with the weights as they lie for the forward pass, for images so small that
 * bringing the weights into the order that oneDNN's kernel wants takes as long as the sums.
 *
 * In the weights, 16 output channels lie next to each other, and the sums run over these: a tile of 4 input channels times 4 pixels
 * is 16 registers of partial sums per lane, which are added up across the lanes at the end. The weights of a block of input channels
 * are copied together first, because blocks of output channels lie at distances that fall into the same cache sets. */

#if defined(__x86_64__)

#include "tile.h"

enum {
    QUAD = 4, /* input channels, and pixels, per tile */
};

typedef struct {
    const ck_convolution *c;
    const float *weights, *dy;
    float *dx, *panels;
    int64_t input_blocks, output_blocks, input_plane, output_plane, taps;
    /* Elements of the panel of one thread. */
    int64_t panel;
    int32_t *readers;
} input_job;

static const float zeros[BLOCK] __attribute__((aligned(64)));

/* One thread's part of the scratch memory: a block's weights as [quad][tap][output block][4 input channels][16 output channels]. */
static int64_t panel_count(const ck_convolution *c) {
    return ceiling(c->output_channels, BLOCK) * c->kernel_height * c->kernel_width * BLOCK * BLOCK;
}

int64_t ck_input_gradient_scratch_size(const ck_convolution *c) {
    int64_t readers = c->kernel_height * c->kernel_width * c->batch * c->input_height * c->input_width;
    return panel_count(c) * ck_threads() * (int64_t)sizeof(float) + readers * (int64_t)sizeof(int32_t);
}

static void pack_panel(const input_job *job, int64_t block, float *panel) {
    int64_t quad = job->taps * job->output_blocks * QUAD * BLOCK;
    for (int64_t output = 0; output < job->output_blocks; output++) {
        const float *source = job->weights + (output * job->input_blocks + block) * job->taps * BLOCK * BLOCK;
        for (int64_t tap = 0; tap < job->taps; tap++, source += BLOCK * BLOCK)
            for (int64_t q = 0; q < BLOCK / QUAD; q++)
                memcpy(
                    panel + q * quad + (tap * job->output_blocks + output) * QUAD * BLOCK, source + q * QUAD * BLOCK,
                    QUAD * BLOCK * sizeof *source);
    }
}

/* For every tap and input pixel, where in dy the output is that reads it there; −1 where there is none. */
static void find_readers(const input_job *job) {
    const ck_convolution *c = job->c;
    int32_t *place = job->readers;
    for (int64_t tap = 0; tap < job->taps; tap++) {
        int64_t row = tap / c->kernel_width * c->dilation_height, column = tap % c->kernel_width * c->dilation_width;
        for (int64_t n = 0; n < c->batch; n++)
            for (int64_t from_y = 0; from_y < c->input_height; from_y++)
                for (int64_t from_x = 0; from_x < c->input_width; from_x++) {
                    int64_t y = from_y + c->pad_height - row, x = from_x + c->pad_width - column;
                    bool reads = y >= 0 && x >= 0 && y % c->stride_height == 0 && x % c->stride_width == 0;
                    y /= c->stride_height;
                    x /= c->stride_width;
                    reads = reads && y < c->output_height && x < c->output_width;
                    *place++ = reads ? (int32_t)((n * job->output_blocks * job->output_plane + y * c->output_width + x) * BLOCK) : -1;
                }
    }
}

/* The sums over the lanes of 16 registers: those of registers 0…3, 8…11, 4…7, 12…15. */
AVX512 static inline __m512 sum_lanes(__m512 *v) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++)
        v[i] = _mm512_add_ps(_mm512_shuffle_f32x4(v[i], v[i + 8], 0x44), _mm512_shuffle_f32x4(v[i], v[i + 8], 0xee));
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++)
        v[i] = _mm512_add_ps(_mm512_shuffle_f32x4(v[i], v[i + 4], 0x88), _mm512_shuffle_f32x4(v[i], v[i + 4], 0xdd));
#pragma clang loop unroll(full)
    for (int i = 0; i < 2; i++) v[i] = _mm512_add_ps(_mm512_unpacklo_ps(v[i], v[i + 2]), _mm512_unpackhi_ps(v[i], v[i + 2]));
    return _mm512_add_ps(_mm512_unpacklo_ps(v[0], v[1]), _mm512_unpackhi_ps(v[0], v[1]));
}

/* Up to 4 pixels from `first` on, times 4 input channels. */
AVX512 static void sum_tile(const input_job *job, const float *quad, int64_t first, int64_t count, int64_t block, int64_t channel) {
    __m512 sums[QUAD * QUAD];
#pragma clang loop unroll(full)
    for (int i = 0; i < QUAD * QUAD; i++) sums[i] = _mm512_setzero_ps();
    int64_t pixels = job->c->batch * job->input_plane;
    for (int64_t tap = 0; tap < job->taps; tap++) {
        /* Addresses, and how far the next block's are; zeros where no output reads the pixel. */
        const float *from[QUAD];
        int64_t step[QUAD];
        bool any = false;
        for (int64_t p = 0; p < QUAD; p++) {
            int32_t place = p < count ? job->readers[tap * pixels + first + p] : -1;
            from[p] = place < 0 ? zeros : job->dy + place;
            step[p] = place < 0 ? 0 : job->output_plane * BLOCK;
            any |= place >= 0;
        }
        if (!any) continue;
        const float *w = quad + tap * job->output_blocks * QUAD * BLOCK;
        const float *a = from[0], *b = from[1], *c = from[2], *d = from[3];
        for (int64_t output = 0; output < job->output_blocks; output++) {
            __m512 slope[QUAD] = {_mm512_loadu_ps(a), _mm512_loadu_ps(b), _mm512_loadu_ps(c), _mm512_loadu_ps(d)};
#pragma clang loop unroll(full)
            for (int i = 0; i < QUAD; i++) {
                __m512 weight = _mm512_loadu_ps(w + i * BLOCK);
#pragma clang loop unroll(full)
                for (int p = 0; p < QUAD; p++) sums[p * QUAD + i] = _mm512_fmadd_ps(weight, slope[p], sums[p * QUAD + i]);
            }
            w += QUAD * BLOCK;
            a += step[0];
            b += step[1];
            c += step[2];
            d += step[3];
        }
    }
    float result[BLOCK] __attribute__((aligned(64)));
    _mm512_store_ps(result, sum_lanes(sums));
    static const int place[QUAD] = {0, 8, 4, 12};
    int64_t n = first / job->input_plane, at = first % job->input_plane;
    for (int64_t p = 0; p < count; p++) {
        float *dx = job->dx + ((n * job->input_blocks + block) * job->input_plane + at) * BLOCK + channel;
        memcpy(dx, result + place[p], QUAD * sizeof *dx);
        if (++at == job->input_plane) {
            at = 0;
            n++;
        }
    }
}

static void input_part(void *context, int index, int threads) {
    const input_job *job = context;
    int64_t pixels = job->c->batch * job->input_plane, quad = job->taps * job->output_blocks * QUAD * BLOCK, begin, end;
    float *panel = job->panels + index * job->panel;
    ck_share(job->input_blocks, index, threads, &begin, &end);
    for (int64_t block = begin; block < end; block++) {
        pack_panel(job, block, panel);
        for (int64_t q = 0; q < BLOCK / QUAD; q++)
            for (int64_t first = 0; first < pixels; first += QUAD)
                sum_tile(job, panel + q * quad, first, pixels - first < QUAD ? pixels - first : QUAD, block, q * QUAD);
    }
}

void ck_input_gradient(const ck_convolution *c, const float *weights, const float *dy, float *dx, void *scratch) {
    input_job job = {
        .c = c, .weights = weights, .dy = dy, .dx = dx, .panels = scratch, .input_blocks = ceiling(c->input_channels, BLOCK),
        .output_blocks = ceiling(c->output_channels, BLOCK), .input_plane = c->input_height * c->input_width,
        .output_plane = c->output_height * c->output_width, .taps = c->kernel_height * c->kernel_width, .panel = panel_count(c)};
    job.readers = (int32_t *)(job.panels + job.panel * ck_threads());
    find_readers(&job);
    ck_parallel(input_part, &job);
}

#else

int64_t ck_input_gradient_scratch_size(const ck_convolution *c) { return 0; }
void ck_input_gradient(const ck_convolution *c, const float *weights, const float *dy, float *dx, void *scratch) {}

#endif
