#include "integer.h"

/* Convolution of bytes with int8 weights: how it is cut into tiles and threads. The tiles themselves are computed by
 * integer_vnni.c or integer_portable.c.
 *
 * A tile is up to 6 output pixels times a panel of up to 64 output channels, as in convolution.c. In batches of small images it takes
 * the same position of several images, whose taps in the padding are skipped; what they would have added is known beforehand. */

enum { JOINED_BYTES = 16 }; /* pixels up to this size have the taps of a row joined */

ck_integer_geometry ck_integer_describe(const ck_convolution *c) {
    ck_integer_geometry g = {.c = *c};
    g.input_pixel = ck_pixel_bytes(c->groups * c->input_channels);
    g.output_pixel = ck_pixel_bytes(c->groups * c->output_channels);
    g.output_blocks = quotient_up(c->output_channels, LANES);
    g.kernel_width = c->kernel_width;
    g.is_joined = c->groups == 1 && g.input_pixel <= JOINED_BYTES && c->kernel_width > 1 && c->dilation_width == 1;
    if (g.is_joined) {
        g.c.input_channels = c->kernel_width * g.input_pixel;
        g.c.kernel_width = 1;
        g.c.input_height = (c->output_height - 1) * c->stride_height + (c->kernel_height - 1) * c->dilation_height + 1;
        g.c.input_width = (c->output_width - 1) * c->stride_width + c->kernel_width;
        g.c.pad_height = g.c.pad_width = 0;
    }
    g.quads = quotient_up(g.c.input_channels, QUAD);
    g.taps = g.c.kernel_height * g.c.kernel_width;
    return g;
}

int64_t ck_integer_lanes(const ck_convolution *c) { return c->groups * quotient_up(c->output_channels, LANES) * LANES; }

int64_t ck_integer_weight_bytes(const ck_convolution *c, ck_integer_kernel kernel) {
    ck_integer_geometry g = ck_integer_describe(c);
    return ck_integer_lanes(c) * g.taps * g.quads * QUAD * (kernel == CK_VNNI ? 1 : 2);
}

int64_t ck_integer_tap_sums(const ck_convolution *c) { return ck_integer_lanes(c) * ck_integer_describe(c).taps; }

static int64_t padding_bytes(const ck_integer_geometry *g) { return quotient_up(g->quads * QUAD, 64) * 64; }

int64_t ck_integer_scratch_bytes(const ck_convolution *c) {
    ck_integer_geometry g = ck_integer_describe(c);
    int64_t image = g.is_joined ? g.c.batch * g.c.input_height * g.c.input_width * g.input_pixel : 0;
    return padding_bytes(&g) + image + CK_BYTE_SLACK;
}

int16_t ck_integer_weight(
    const ck_integer_geometry *g, const ck_convolution *c, const int16_t *weights, int64_t group, int64_t output, int64_t tap,
    int64_t byte) {
    int64_t channel = byte, row = tap / g->c.kernel_width, column = tap % g->c.kernel_width;
    if (g->is_joined) {
        column = byte / g->input_pixel;
        channel = byte % g->input_pixel;
    }
    if (output >= c->output_channels || channel >= c->input_channels || column >= g->kernel_width) return 0;
    int64_t filter = group * c->output_channels + output;
    return weights[((filter * c->input_channels + channel) * c->kernel_height + row) * g->kernel_width + column];
}

/* --- Weights ----------------------------------------------------------------------------------------------------- */

typedef struct {
    const ck_convolution *c;
    ck_integer_geometry g;
    ck_integer_kernel kernel;
    int32_t input_zero;
    const int16_t *weights;
    const int32_t *bias;
    void *packed;
    int32_t *packed_bias, *tap_sums;
} pack_job;

/* Weights of a panel: [tap][quad][lane][4] int8 for VNNI, [tap][pair of bytes][lane][2] int16 otherwise. */
static void pack_panel(const pack_job *job, int64_t group, int64_t first, int64_t lanes) {
    const ck_integer_geometry *g = &job->g;
    int64_t start = (group * g->output_blocks + first) * LANES, bytes = g->quads * QUAD, all = ck_integer_lanes(job->c);
    for (int64_t lane = 0; lane < lanes; lane++) {
        int64_t output = first * LANES + lane;
        bool exists = output < job->c->output_channels;
        uint32_t total = job->bias && exists ? (uint32_t)job->bias[group * job->c->output_channels + output] : 0;
        for (int64_t tap = 0; tap < g->taps; tap++) {
            uint32_t sum = 0;
            for (int64_t byte = 0; byte < bytes; byte++) {
                int16_t weight = ck_integer_weight(g, job->c, job->weights, group, output, tap, byte);
                int64_t place = start * g->taps * bytes;
                if (job->kernel == CK_VNNI)
                    ((int8_t *)job->packed)[place + ((tap * g->quads + byte / QUAD) * lanes + lane) * QUAD + byte % QUAD] = (int8_t)weight;
                else
                    ((int16_t *)job->packed)[place + ((tap * bytes + byte) / 2 * lanes + lane) * 2 + byte % 2] = weight;
                sum += (uint32_t)(int32_t)weight;
            }
            job->tap_sums[tap * all + start + lane] = (int32_t)(sum * (uint32_t)job->input_zero);
            if (job->kernel == CK_VNNI) total -= sum * (uint32_t)job->input_zero;
        }
        job->packed_bias[start + lane] = (int32_t)total;
    }
}

static void pack_part(void *context, int index, int threads) {
    const pack_job *job = context;
    int64_t panels = quotient_up(job->g.output_blocks, PANEL), begin, end;
    ck_share(job->c->groups * panels, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t first = item % panels * PANEL, left = job->g.output_blocks - first;
        pack_panel(job, item / panels, first, (left < PANEL ? left : PANEL) * LANES);
    }
}

void ck_integer_pack(
    const ck_convolution *c, ck_integer_kernel kernel, int32_t input_zero, const int16_t *weights, const int32_t *bias, void *packed,
    int32_t *packed_bias, int32_t *tap_sums) {
    pack_job job = {c, ck_integer_describe(c), kernel, input_zero, weights, bias, packed, packed_bias, tap_sums};
    ck_parallel(pack_part, &job);
}

/* --- Tiles ------------------------------------------------------------------------------------------------------- */

/* The next tile's place. */
typedef struct {
    int64_t part, image, y, x;
} cursor;

static cursor cursor_at(const ck_integer_job *job, int64_t tile) {
    const ck_convolution *c = &job->g.c;
    int64_t segment = tile / job->tiles_per_segment, part = tile % job->tiles_per_segment;
    int64_t pixel = part * job->shorter_length + (part < job->longer ? part : job->longer);
    int64_t plane = c->output_height * c->output_width, position = job->by_position ? segment : pixel % plane;
    return (cursor){part, job->by_position ? pixel : pixel / plane, position / c->output_width, position % c->output_width};
}

static void next_position(const ck_convolution *c, cursor *at) {
    if (++at->x < c->output_width) return;
    at->x = 0;
    at->y++;
}

/* Fills in a tile and moves on; returns its number of pixels. */
static int take_tile(const ck_integer_job *job, cursor *at, ck_integer_tile *tile) {
    const ck_convolution *c = &job->g.c;
    int64_t last_row = c->input_height - 1 - (c->kernel_height - 1) * c->dilation_height;
    int64_t last_column = c->input_width - 1 - (c->kernel_width - 1) * c->dilation_width;
    int count = (int)(job->shorter_length + (at->part < job->longer));
    tile->is_interior = true;
    for (int i = 0; i < count; i++) {
        int64_t row = at->y * c->stride_height - c->pad_height, column = at->x * c->stride_width - c->pad_width;
        tile->row[i] = row;
        tile->column[i] = column;
        tile->is_interior = tile->is_interior && row >= 0 && row <= last_row && column >= 0 && column <= last_column;
        tile->input[i] = ((at->image * c->input_height + row) * c->input_width + column) * job->g.input_pixel;
        tile->output[i] = (at->image * c->output_height + at->y) * c->output_width + at->x;
        if (job->by_position) {
            at->image++;
            continue;
        }
        next_position(c, at);
        if (at->y == c->output_height) {
            at->y = 0;
            at->image++;
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

typedef struct {
    const ck_integer_job *job;
    ck_integer_tile_function *run;
} convolution_call;

static void convolution_part(void *context, int index, int threads) {
    const convolution_call *call = context;
    const ck_integer_job *job = call->job;
    int parts = job->panel_threads * job->tile_threads;
    int64_t panels = quotient_up(job->g.output_blocks, PANEL);
    /* With fewer threads than asked for, each takes several parts. */
    for (int part = index; part < parts; part += threads) {
        int64_t panel, last_panel, first_tile, last_tile;
        ck_share(panels * job->g.c.groups, part / job->tile_threads, job->panel_threads, &panel, &last_panel);
        ck_share(job->segments * job->tiles_per_segment, part % job->tile_threads, job->tile_threads, &first_tile, &last_tile);
        for (; panel < last_panel; panel++) {
            int64_t first = panel % panels * PANEL, left = job->g.output_blocks - first;
            cursor at = cursor_at(job, first_tile);
            for (int64_t index = first_tile; index < last_tile; index++) {
                ck_integer_tile tile;
                int count = take_tile(job, &at, &tile);
                call->run(job, panel / panels, first, (int)(left < PANEL ? left : PANEL), &tile, count);
            }
        }
    }
}

/* Cuts the work into `threads` equal parts along panels and tiles, such that little is read twice. */
static void divide(ck_integer_job *job, int threads) {
    const ck_convolution *c = &job->g.c;
    int64_t panels = quotient_up(job->g.output_blocks, PANEL) * c->groups, tiles = job->segments * job->tiles_per_segment;
    double weights = (double)(c->groups * job->g.output_blocks * LANES) * (double)(job->g.taps * job->g.quads * QUAD);
    double inputs = (double)(c->batch * c->input_height * c->input_width) * (double)job->g.input_pixel;
    double best = -1;
    for (int across = 1; across <= threads; across++) {
        if (threads % across) continue;
        double longest = (double)quotient_up(panels, across) * across / (double)panels
            * (double)quotient_up(tiles, threads / across) * (threads / across) / (double)tiles;
        double traffic = (weights * (threads / across) + inputs * across) / (weights + inputs);
        double cost = longest + 0.05 * traffic;
        if (best < 0 || cost < best) {
            best = cost;
            job->panel_threads = across;
            job->tile_threads = threads / across;
        }
    }
}

static void cut(ck_integer_job *job) {
    const ck_convolution *c = &job->g.c;
    int64_t plane = c->output_height * c->output_width;
    bool has_padding = job->g.taps > 1 && !job->g.is_joined && (c->pad_height > 0 || c->pad_width > 0
        || (c->output_height - 1) * c->stride_height + (c->kernel_height - 1) * c->dilation_height >= c->input_height
        || (c->output_width - 1) * c->stride_width + (c->kernel_width - 1) * c->dilation_width >= c->input_width);
    job->by_position = has_padding && c->batch >= 4 && plane <= 64;
    job->segments = job->by_position ? plane : 1;
    int64_t length = job->by_position ? c->batch : c->batch * plane;
    job->tiles_per_segment = quotient_up(length, INTEGER_PIXELS);
    job->shorter_length = length / job->tiles_per_segment;
    job->longer = length % job->tiles_per_segment;
    divide(job, ck_threads());
}

void ck_integer_convolve(
    const ck_convolution *c, ck_integer_kernel kernel, int32_t input_zero, const uint8_t *source, const void *packed,
    const int32_t *packed_bias, const int32_t *tap_sums, uint8_t *output, const ck_requantization *to, uint8_t *scratch) {
    ck_integer_job job = {
        .g = ck_integer_describe(c), .source = source, .padding = scratch, .weights = packed, .bias = packed_bias, .tap_sums = tap_sums,
        .input_zero = input_zero, .output = output, .to = to};
    memset(scratch, input_zero, (size_t)padding_bytes(&job.g));
    if (job.g.is_joined) {
        uint8_t *padded = scratch + padding_bytes(&job.g);
        int64_t bottom = job.g.c.input_height - c->pad_height - c->input_height;
        int64_t right = job.g.c.input_width - c->pad_width - c->input_width;
        ck_pad_bytes(
            source, padded, c->batch, c->input_height, c->input_width, job.g.input_pixel, c->pad_height, bottom, c->pad_width, right,
            (uint8_t)input_zero);
        job.source = padded;
    }
    cut(&job);
    convolution_call call = {&job, kernel == CK_VNNI ? ck_integer_tile_vnni : ck_integer_tile_portable};
    ck_parallel(convolution_part, &call);
}
