#include "integer.h"

/* Depthwise convolutions of bytes, 64 output channels at a time. */

enum { CHANNELS = CK_DEPTHWISE_LANES };

static int64_t outputs_of(const ck_convolution *c) { return c->groups * c->output_channels; }

int64_t ck_integer_depthwise_lanes(const ck_convolution *c) { return quotient_up(outputs_of(c), CHANNELS) * CHANNELS; }

bool ck_integer_depthwise_has_vnni(const ck_convolution *c) { return c->kernel_height * c->kernel_width <= CK_DEPTHWISE_TAPS; }

static int64_t tap_quads(const ck_convolution *c) { return quotient_up(c->kernel_height * c->kernel_width, QUAD); }

int64_t ck_integer_depthwise_weight_bytes(const ck_convolution *c, ck_integer_kernel kernel) {
    int64_t lanes = ck_integer_depthwise_lanes(c);
    return kernel == CK_VNNI ? lanes * tap_quads(c) * QUAD : lanes * c->kernel_height * c->kernel_width * 2;
}

/* Neighbouring pixels that VNNI computes at once: a vector of bytes, or as many parts of one, can be loaded. */
static int64_t pixels_per_vector(const ck_convolution *c, ck_integer_kernel kernel) {
    int64_t bytes = ck_pixel_bytes(outputs_of(c));
    if (kernel != CK_VNNI || bytes >= CHANNELS || CHANNELS % bytes != 0) return 1;
    return c->stride_width == 1 || (c->output_channels == 1 && bytes >= 16) ? CHANNELS / bytes : 1;
}

/* Where a weight lies: VNNI has [block][4 taps][4][channel with that number in its four][4], so that unpacking bytes of four taps meets
 * it; else [block][tap][channel]. */
static int64_t weight_place(const ck_convolution *c, ck_integer_kernel kernel, int64_t lane, int64_t tap) {
    int64_t block = lane / CHANNELS, place = lane % CHANNELS;
    if (kernel == CK_PORTABLE) return (block * c->kernel_height * c->kernel_width + tap) * CHANNELS + place;
    int64_t vector = place % 16 / 4, number = place / 16 * 4 + place % 4;
    return ((block * tap_quads(c) + tap / QUAD) * 4 + vector) * 64 + number * QUAD + tap % QUAD;
}

void ck_integer_depthwise_pack(
    const ck_convolution *c, ck_integer_kernel kernel, int32_t input_zero, const int16_t *weights, const int32_t *bias, void *packed,
    int32_t *packed_bias) {
    int64_t taps = c->kernel_height * c->kernel_width, lanes = ck_integer_depthwise_lanes(c), outputs = outputs_of(c);
    int64_t period = lanes / pixels_per_vector(c, kernel);
    memset(packed, 0, (size_t)ck_integer_depthwise_weight_bytes(c, kernel));
    memset(packed_bias, 0, (size_t)lanes * sizeof *packed_bias);
    for (int64_t lane = 0; lane < lanes; lane++) {
        int64_t output = lane % period;
        if (output >= outputs) continue;
        uint32_t total = bias ? (uint32_t)bias[output] : 0;
        for (int64_t tap = 0; tap < taps; tap++) {
            int16_t weight = weights[output * taps + tap];
            int64_t place = weight_place(c, kernel, lane, tap);
            if (kernel == CK_PORTABLE) {
                ((int16_t *)packed)[place] = weight;
            } else {
                ((int8_t *)packed)[place] = (int8_t)weight;
                total -= (uint32_t)input_zero * (uint32_t)(int32_t)weight;
            }
        }
        packed_bias[lane] = (int32_t)total;
    }
}

/* Every byte `multiplier` times, of the first one only what is left after `phase`. */
static void spread_bytes(const uint8_t *source, int64_t phase, int64_t multiplier, int64_t count, uint8_t *spread) {
    int64_t left = multiplier - phase;
    for (int64_t i = 0; i < count; source++, left = multiplier)
        for (; left > 0 && i < count; left--) spread[i++] = *source;
}

/* The sums of a block's channels at one pixel. */
CK_CLONES static void add_taps(
    const ck_depthwise_job *job, int64_t line, int64_t x, int64_t first, int64_t count, const int16_t *weights, uint32_t *sums) {
    const ck_convolution *c = job->c;
    int64_t top = line % c->output_height * c->stride_height - c->pad_height, left = x * c->stride_width - c->pad_width;
    int64_t image = line / c->output_height * c->input_height, multiplier = c->output_channels;
    for (int64_t row = 0; row < c->kernel_height; row++) {
        int64_t y = top + row * c->dilation_height;
        if (y < 0 || y >= c->input_height) continue;
        for (int64_t column = 0; column < c->kernel_width; column++) {
            int64_t at = left + column * c->dilation_width;
            if (at < 0 || at >= c->input_width) continue;
            const uint8_t *source = job->source + ((image + y) * c->input_width + at) * job->input_pixel;
            const int16_t *w = weights + (row * c->kernel_width + column) * CHANNELS;
            uint8_t spread[CHANNELS];
            const uint8_t *bytes = source + first;
            if (multiplier > 1) {
                spread_bytes(source + first / multiplier, first % multiplier, multiplier, count, spread);
                bytes = spread;
            }
            for (int64_t i = 0; i < count; i++) sums[i] += (uint32_t)((bytes[i] - job->input_zero) * w[i]);
        }
    }
}

void ck_depthwise_finish(const ck_depthwise_job *job, const int32_t *sums, int64_t line, int64_t x, int64_t first) {
    int64_t pixel = line * job->c->output_width + x, left = job->outputs - first;
    ck_finish_lanes(
        job->to, sums, first, left < CHANNELS ? left : CHANNELS, pixel * job->output_pixel + first, pixel * job->outputs + first,
        job->output);
}

static void portable_lines(const ck_depthwise_job *job, int64_t begin, int64_t end) {
    const ck_convolution *c = job->c;
    int64_t taps = c->kernel_height * c->kernel_width, width = c->output_width;
    for (int64_t first = 0; first < job->outputs; first += CHANNELS) {
        int64_t left = job->outputs - first, count = left < CHANNELS ? left : CHANNELS;
        for (int64_t pixel = begin * width; pixel < end * width; pixel++) {
            uint32_t sums[CHANNELS];
            memcpy(sums, job->bias + first, sizeof sums);
            add_taps(job, pixel / width, pixel % width, first, count, (const int16_t *)job->weights + first * taps, sums);
            ck_depthwise_finish(job, (const int32_t *)sums, pixel / width, pixel % width, first);
        }
    }
}

typedef struct {
    const ck_depthwise_job *job;
    void (*lines)(const ck_depthwise_job *job, int64_t begin, int64_t end);
} depthwise_call;

static void depthwise_part(void *context, int index, int threads) {
    const depthwise_call *call = context;
    const ck_convolution *c = call->job->c;
    int64_t begin, end;
    ck_share(c->batch * c->output_height, index, threads, &begin, &end);
    call->lines(call->job, begin, end);
}

void ck_integer_depthwise(
    const ck_convolution *c, ck_integer_kernel kernel, int32_t input_zero, const uint8_t *source, const void *packed,
    const int32_t *packed_bias, uint8_t *output, const ck_requantization *to) {
    uint8_t padding[CHANNELS];
    memset(padding, input_zero, sizeof padding);
    ck_depthwise_job job = {
        .c = c, .input_zero = input_zero, .source = source, .weights = packed, .bias = packed_bias, .output = output, .to = to,
        .outputs = outputs_of(c), .input_pixel = ck_pixel_bytes(c->groups), .output_pixel = ck_pixel_bytes(outputs_of(c)),
        .quads = tap_quads(c), .vector_pixels = pixels_per_vector(c, kernel), .padding = padding};
    depthwise_call call = {&job, kernel == CK_VNNI ? ck_depthwise_lines_vnni : portable_lines};
    ck_parallel(depthwise_part, &call);
}
