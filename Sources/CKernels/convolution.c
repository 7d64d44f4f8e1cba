#include "internal.h"

/* Convolution of tensors with channels in blocks of 16, for AVX-512.
 *
 * A tile of up to 6 output pixels times a panel of up to 4 blocks of output channels stays in 24 registers while the kernel
 * runs over (tap, input channel); every step broadcasts one input value per pixel and multiplies it with 64 weights. Each pixel
 * has its own pointer, so that tiles need not lie in one row; a pixel whose tap falls into the padding points to zeros, and a
 * tap that no pixel of the tile needs is skipped.
 *
 * The sum is cut into chunks whose weights stay in the second-level cache; a group of tiles passes through one chunk before the
 * next one is touched, with partial sums kept in the output. */

#if defined(__x86_64__)

#include "tile.h"

enum {
    CHUNK = 32,          /* blocks of the sum per chunk at most: 32·16·64·4 bytes = 128 KiB of weights */
    GROUP = 16,          /* tiles per group */
    AHEAD = 512,         /* how many weights ahead those that come from memory are asked for */
};

bool ck_convolution_available(void) { return __builtin_cpu_supports("avx512f"); }

int64_t ck_convolution_weight_count(const ck_convolution *c) {
    return ceiling(c->output_channels, BLOCK) * BLOCK * c->groups * ceiling(c->input_channels, BLOCK) * BLOCK * c->kernel_height
        * c->kernel_width;
}

typedef struct {
    const ck_convolution *c;
    const float *weights;
    float *packed;
} pack_job;

/* A share of the panels. Filters are read in order, a stretch of taps at a time, and spread over the panel. */
static void pack_part(void *context, int index, int threads) {
    const pack_job *job = context;
    const ck_convolution *c = job->c;
    int64_t input_blocks = ceiling(c->input_channels, BLOCK), output_blocks = ceiling(c->output_channels, BLOCK);
    int64_t taps = c->kernel_height * c->kernel_width, inputs = input_blocks * BLOCK, panels = ceiling(output_blocks, PANEL);
    int64_t begin, end;
    ck_share(c->groups * panels, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t group = item / panels, first = item % panels * PANEL;
        int64_t lanes = (output_blocks - first < PANEL ? output_blocks - first : PANEL) * BLOCK;
        float *panel = job->packed + (group * output_blocks + first) * BLOCK * inputs * taps;
        memset(panel, 0, (size_t)(lanes * inputs * taps) * sizeof *panel);
        for (int64_t input = 0; input < c->input_channels; input++)
            for (int64_t lane = 0; lane < lanes && first * BLOCK + lane < c->output_channels; lane++) {
                int64_t filter = group * c->output_channels + first * BLOCK + lane;
                const float *source = job->weights + (filter * c->input_channels + input) * taps;
                for (int64_t tap = 0; tap < taps; tap++) panel[(tap * inputs + input) * lanes + lane] = source[tap];
            }
    }
}

/* [group][panel][tap][input block][16 input channels][panel's blocks × 16]. */
void ck_convolution_pack(const ck_convolution *c, const float *weights, float *packed) {
    pack_job job = {c, weights, packed};
    ck_parallel(pack_part, &job);
}

typedef struct {
    const ck_convolution *c;
    const float *source, *weights;
    tile_target target;
    int64_t input_blocks, output_blocks, blocks;     /* per group; blocks of the whole sum */
    int64_t chunk;                                   /* blocks per chunk */
    int64_t input_plane;                             /* elements of one block's image */
    int64_t input_image, output_image;               /* elements of one image */
    int64_t panels;
    /* Pixels come in segments, which tiles do not cross: `longer` tiles of `shorter_length` + 1 pixels, then the shorter ones. */
    int64_t segments, segment_length, tiles_per_segment, shorter_length, longer;
    bool by_position;
    int panel_threads, tile_threads;
} convolution_job;

/* The pixels of a tile: where they read (top left tap, in elements and in rows and columns) and write. */
typedef struct {
    int64_t input[PIXELS], output[PIXELS];
    int64_t row[PIXELS], column[PIXELS];
} tile_pixels;

/* The next tile's place. */
typedef struct {
    int64_t part, image, y, x;
} cursor;

static cursor cursor_at(const convolution_job *job, int64_t tile) {
    const ck_convolution *c = job->c;
    int64_t segment = tile / job->tiles_per_segment, part = tile % job->tiles_per_segment;
    int64_t pixel = part * job->shorter_length + (part < job->longer ? part : job->longer);
    int64_t plane = c->output_height * c->output_width, position = job->by_position ? segment : pixel % plane;
    cursor at = {part, job->by_position ? pixel : pixel / plane, position / c->output_width, position % c->output_width};
    return at;
}

static inline void next_position(const ck_convolution *c, cursor *at) {
    if (++at->x < c->output_width) return;
    at->x = 0;
    at->y++;
}

/* Fills in a tile and moves on; returns its number of pixels. */
static int take_tile(const convolution_job *job, cursor *at, tile_pixels *pixels) {
    const ck_convolution *c = job->c;
    int count = (int)(job->shorter_length + (at->part < job->longer));
    for (int i = 0; i < count; i++) {
        int64_t row = at->y * c->stride_height - c->pad_height, column = at->x * c->stride_width - c->pad_width;
        pixels->row[i] = row;
        pixels->column[i] = column;
        pixels->input[i] = at->image * job->input_image + (row * c->input_width + column) * BLOCK;
        pixels->output[i] = at->image * job->output_image + (at->y * c->output_width + at->x) * BLOCK;
        if (job->by_position) {
            at->image++;
        } else {
            next_position(c, at);
            if (at->y == c->output_height) {
                at->y = 0;
                at->image++;
            }
        }
    }
    if (++at->part == job->tiles_per_segment) {
        at->part = 0;
        if (job->by_position) {
            at->image = 0;
            next_position(c, at);
        }
    }
    return count;
}

static const float zeros[BLOCK] __attribute__((aligned(64)));

/* Adds `count` blocks of the sum to the accumulators. Input blocks are `step[i]` elements apart for pixel i; with `streams`,
 * the weights come from beyond the caches. */
AVX512 static inline __attribute__((always_inline)) void accumulate(
    int pixels, int blocks, bool streams, const float **source, const int64_t *step, const float *weights, int64_t count,
    __m512 sums[PIXELS][PANEL]) {
    const float *p[PIXELS];
#pragma clang loop unroll(full)
    for (int i = 0; i < pixels; i++) p[i] = source[i];
    for (int64_t block = 0; block < count; block++) {
#pragma clang loop unroll(full)
        for (int k = 0; k < BLOCK; k++) {
            __m512 w[PANEL];
            if (streams) {
#pragma clang loop unroll(full)
                for (int b = 0; b < blocks; b++)
                    _mm_prefetch((const char *)(weights + (k * blocks + b) * BLOCK + AHEAD), _MM_HINT_T0);
            }
#pragma clang loop unroll(full)
            for (int b = 0; b < blocks; b++) w[b] = _mm512_loadu_ps(weights + (k * blocks + b) * BLOCK);
#pragma clang loop unroll(full)
            for (int i = 0; i < pixels; i++) {
                __m512 x = _mm512_set1_ps(p[i][k]);
#pragma clang loop unroll(full)
                for (int b = 0; b < blocks; b++) sums[i][b] = _mm512_fmadd_ps(x, w[b], sums[i][b]);
            }
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) p[i] += step[i];
        weights += BLOCK * blocks * BLOCK;
    }
}

/* One tile through the blocks [begin, end) of the sum. */
AVX512 static inline __attribute__((always_inline)) void run_tile(
    int pixels, int blocks, bool streams, const convolution_job *job, int64_t group, int64_t first, const tile_pixels *at,
    const float *panel, int64_t begin, int64_t end) {
    const ck_convolution *c = job->c;
    __m512 sums[PIXELS][PANEL];
    int64_t channel = (group * job->output_blocks + first) * BLOCK, base = channel / BLOCK * job->target.plane;
    float *output = job->target.output + base;
    if (begin == 0) {
        start_tile(pixels, blocks, &job->target, base, channel, at->output, sums);
    } else {
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++)
#pragma clang loop unroll(full)
            for (int b = 0; b < blocks; b++) sums[i][b] = _mm512_loadu_ps(output + at->output[i] + b * job->target.plane);
    }
    const float *image = job->source + group * job->input_blocks * job->input_plane;
    for (int64_t block = begin; block < end;) {
        int64_t tap = 0, input = block;
        if (input >= job->input_blocks) {
            tap = block / job->input_blocks;
            input = block % job->input_blocks;
        }
        int64_t count = job->input_blocks - input < end - block ? job->input_blocks - input : end - block;
        int64_t row = tap ? tap / c->kernel_width * c->dilation_height : 0;
        int64_t column = tap ? tap % c->kernel_width * c->dilation_width : 0;
        int64_t offset = (row * c->input_width + column) * BLOCK + input * job->input_plane;
        const float *source[PIXELS];
        int64_t step[PIXELS];
        bool any = false;
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) {
            bool inside = (uint64_t)(at->row[i] + row) < (uint64_t)c->input_height
                && (uint64_t)(at->column[i] + column) < (uint64_t)c->input_width;
            source[i] = inside ? image + at->input[i] + offset : zeros;
            step[i] = inside ? job->input_plane : 0;
            any |= inside;
        }
        if (any) accumulate(pixels, blocks, streams, source, step, panel + block * BLOCK * blocks * BLOCK, count, sums);
        block += count;
    }
    if (end == job->blocks) {
        finish_tile(pixels, blocks, &job->target, base, channel, at->output, sums);
        return;
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < pixels; i++)
#pragma clang loop unroll(full)
        for (int b = 0; b < blocks; b++) _mm512_storeu_ps(output + at->output[i] + b * job->target.plane, sums[i][b]);
}

typedef void tile_function(
    const convolution_job *job, int64_t group, int64_t first, const tile_pixels *at, const float *panel, int64_t begin, int64_t end);

#define DEFINE_TILE(P, B, S, NAME)                                                                                               \
    AVX512 static void NAME##_##P##_##B(                                                                                         \
        const convolution_job *job, int64_t group, int64_t first, const tile_pixels *at, const float *panel, int64_t begin,      \
        int64_t end) {                                                                                                           \
        run_tile(P, B, S, job, group, first, at, panel, begin, end);                                                             \
    }
TILE_FUNCTIONS(DEFINE_TILE, false, tile)
TILE_FUNCTIONS(DEFINE_TILE, true, only_tile)

static tile_function *const tile_functions[PIXELS][PANEL] = TILE_TABLE(tile);
/* For a thread that has a single tile and thus uses every weight once. */
static tile_function *const only_tile_functions[PIXELS][PANEL] = TILE_TABLE(only_tile);

/* Asks for a part of the weights that the next chunk needs. */
static inline void prefetch(const float *address, int64_t bytes) {
    for (int64_t offset = 0; offset < bytes; offset += 64) _mm_prefetch((const char *)address + offset, _MM_HINT_T1);
}

static void run_panel(const convolution_job *job, int64_t group, int64_t panel_index, int64_t begin_tile, int64_t end_tile) {
    int64_t first = panel_index * PANEL, left = job->output_blocks - first;
    int blocks = (int)(left < PANEL ? left : PANEL);
    int64_t block_size = BLOCK * blocks * BLOCK;
    const float *panel = job->weights + (group * job->output_blocks + first) * BLOCK * job->blocks * BLOCK;
    tile_function *const(*functions)[PANEL] = end_tile - begin_tile == 1 ? only_tile_functions : tile_functions;
    cursor at = cursor_at(job, begin_tile);
    for (int64_t start = begin_tile; start < end_tile; start += GROUP) {
        int64_t tiles = end_tile - start < GROUP ? end_tile - start : GROUP;
        tile_pixels pixels[GROUP];
        int counts[GROUP];
        for (int64_t t = 0; t < tiles; t++) counts[t] = take_tile(job, &at, &pixels[t]);
        for (int64_t begin = 0; begin < job->blocks; begin += job->chunk) {
            int64_t end = begin + job->chunk < job->blocks ? begin + job->chunk : job->blocks;
            int64_t next = end + job->chunk < job->blocks ? job->chunk : job->blocks - end;
            int64_t share = next * block_size * 4 / tiles / 64 * 64;
            for (int64_t t = 0; t < tiles; t++) {
                if (next > 0 && tiles >= 4 && start == begin_tile) prefetch(panel + end * block_size + t * share / 4, share);
                functions[counts[t] - 1][blocks - 1](job, group, first, &pixels[t], panel, begin, end);
            }
        }
    }
}

static void convolution_part(void *context, int index, int threads) {
    convolution_job *job = context;
    if (threads < job->panel_threads * job->tile_threads) {
        /* Fewer threads than asked for: each takes several parts. */
        for (int part = index; part < job->panel_threads * job->tile_threads; part += threads)
            convolution_part(context, part, job->panel_threads * job->tile_threads);
        return;
    }
    if (index >= job->panel_threads * job->tile_threads) return;
    int64_t panel, last_panel, tile, last_tile;
    ck_share(job->panels * job->c->groups, index / job->tile_threads, job->panel_threads, &panel, &last_panel);
    ck_share(job->segments * job->tiles_per_segment, index % job->tile_threads, job->tile_threads, &tile, &last_tile);
    for (; panel < last_panel; panel++) run_panel(job, panel / job->panels, panel % job->panels, tile, last_tile);
}

/* Cuts the work into `threads` equal parts along panels and tiles, such that little is read twice. */
static void divide(convolution_job *job, int threads) {
    const ck_convolution *c = job->c;
    int64_t panels = job->panels * c->groups, tiles = job->segments * job->tiles_per_segment;
    double weights = (double)ck_convolution_weight_count(c);
    double inputs = (double)c->batch * c->groups * job->input_blocks * job->input_plane;
    double best = -1;
    for (int across = 1; across <= threads; across++) {
        if (threads % across) continue;
        double longest = (double)ceiling(panels, across) * across / panels * ceiling(tiles, threads / across) * (threads / across) / tiles;
        double traffic = (weights * (threads / across) + inputs * across) / (weights + inputs);
        double cost = longest + 0.05 * traffic;
        if (best < 0 || cost < best) {
            best = cost;
            job->panel_threads = across;
            job->tile_threads = threads / across;
        }
    }
}

void ck_convolve(
    const ck_convolution *c, const float *source, const float *weights, const float *bias, const float *residual, float *output,
    const ck_convolution_epilogue *epilogue) {
    convolution_job job = {
        .c = c, .source = source, .weights = weights,
        .target = {bias, residual, output, epilogue, c->output_height * c->output_width * BLOCK, c->groups * c->output_channels}};
    job.input_blocks = ceiling(c->input_channels, BLOCK);
    job.output_blocks = ceiling(c->output_channels, BLOCK);
    job.blocks = job.input_blocks * c->kernel_height * c->kernel_width;
    job.input_plane = c->input_height * c->input_width * BLOCK;
    job.input_image = c->groups * job.input_blocks * job.input_plane;
    job.output_image = c->groups * job.output_blocks * job.target.plane;
    job.panels = ceiling(job.output_blocks, PANEL);
    job.chunk = ceiling(job.blocks, ceiling(job.blocks, CHUNK));
    int64_t plane = c->output_height * c->output_width;
    /* Small images in a batch: pixels at the same position see the same padding, whose taps are then skipped for all of them. */
    bool has_padding = c->kernel_height * c->kernel_width > 1 && (c->pad_height > 0 || c->pad_width > 0
        || (c->output_height - 1) * c->stride_height + (c->kernel_height - 1) * c->dilation_height >= c->input_height
        || (c->output_width - 1) * c->stride_width + (c->kernel_width - 1) * c->dilation_width >= c->input_width);
    job.by_position = has_padding && c->batch >= 4 && plane <= 64;
    job.segments = job.by_position ? plane : 1;
    job.segment_length = job.by_position ? c->batch : c->batch * plane;
    job.tiles_per_segment = ceiling(job.segment_length, PIXELS);
    job.shorter_length = job.segment_length / job.tiles_per_segment;
    job.longer = job.segment_length % job.tiles_per_segment;
    divide(&job, ck_threads());
    ck_parallel(convolution_part, &job);
}

#else

bool ck_convolution_available(void) { return false; }
int64_t ck_convolution_weight_count(const ck_convolution *c) { return 0; }
void ck_convolution_pack(const ck_convolution *c, const float *weights, float *packed) {}
void ck_convolve(
    const ck_convolution *c, const float *source, const float *weights, const float *bias, const float *residual, float *output,
    const ck_convolution_epilogue *epilogue) {}

#endif
