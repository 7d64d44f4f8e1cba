#include "integer.h"

/* Depthwise convolutions of bytes, 64 channels of one output pixel at a time. */

enum { CHANNELS = 64 };

int64_t ck_integer_depthwise_lanes(const ck_convolution *c) { return quotient_up(c->groups, CHANNELS) * CHANNELS; }

static int64_t tap_quads(const ck_convolution *c) { return quotient_up(c->kernel_height * c->kernel_width, QUAD); }

int64_t ck_integer_depthwise_weight_bytes(const ck_convolution *c, ck_integer_kernel kernel) {
    int64_t lanes = ck_integer_depthwise_lanes(c);
    return kernel == CK_VNNI ? lanes * tap_quads(c) * QUAD : lanes * c->kernel_height * c->kernel_width * 2;
}

/* Where a weight lies: VNNI has [block][4 taps][4][channel with that number in its four][4], so that unpacking bytes of four taps meets
 * it; else [block][tap][channel]. */
static int64_t weight_place(const ck_convolution *c, ck_integer_kernel kernel, int64_t channel, int64_t tap) {
    int64_t block = channel / CHANNELS, lane = channel % CHANNELS;
    if (kernel == CK_PORTABLE) return (block * c->kernel_height * c->kernel_width + tap) * CHANNELS + lane;
    int64_t vector = lane % 16 / 4, place = lane / 16 * 4 + lane % 4;
    return ((block * tap_quads(c) + tap / QUAD) * 4 + vector) * 64 + place * QUAD + tap % QUAD;
}

void ck_integer_depthwise_pack(
    const ck_convolution *c, ck_integer_kernel kernel, int32_t input_zero, const int16_t *weights, const int32_t *bias, void *packed,
    int32_t *packed_bias) {
    int64_t taps = c->kernel_height * c->kernel_width, lanes = ck_integer_depthwise_lanes(c);
    memset(packed, 0, (size_t)ck_integer_depthwise_weight_bytes(c, kernel));
    memset(packed_bias, 0, (size_t)lanes * sizeof *packed_bias);
    for (int64_t channel = 0; channel < c->groups; channel++) {
        uint32_t total = bias ? (uint32_t)bias[channel] : 0;
        for (int64_t tap = 0; tap < taps; tap++) {
            int16_t weight = weights[channel * taps + tap];
            int64_t place = weight_place(c, kernel, channel, tap);
            if (kernel == CK_PORTABLE) {
                ((int16_t *)packed)[place] = weight;
            } else {
                ((int8_t *)packed)[place] = (int8_t)weight;
                total -= (uint32_t)input_zero * (uint32_t)(int32_t)weight;
            }
        }
        packed_bias[channel] = (int32_t)total;
    }
}

typedef struct {
    const ck_convolution *c;
    int32_t input_zero;
    const uint8_t *source;
    const void *weights;
    const int32_t *bias;
    uint8_t *output;
    const ck_requantization *to;
    int64_t pixel;          /* bytes */
    const uint8_t *padding; /* zero points */
} depthwise_job;

/* Where a tap reads for an output pixel; NULL in the padding. */
static inline const uint8_t *tap_source(const depthwise_job *job, int64_t image, int64_t y, int64_t x, int64_t tap) {
    const ck_convolution *c = job->c;
    int64_t row = y * c->stride_height - c->pad_height + tap / c->kernel_width * c->dilation_height;
    int64_t column = x * c->stride_width - c->pad_width + tap % c->kernel_width * c->dilation_width;
    if (row < 0 || row >= c->input_height || column < 0 || column >= c->input_width) return 0;
    return job->source + ((image * c->input_height + row) * c->input_width + column) * job->pixel;
}

static void finish(const depthwise_job *job, const int32_t *sums, int64_t line, int64_t x, int64_t first) {
    int64_t pixel = line * job->c->output_width + x, left = job->c->groups - first;
    ck_finish_lanes(
        job->to, sums, first, left < CHANNELS ? left : CHANNELS, pixel * job->pixel + first, pixel * job->c->groups + first, job->output);
}

CK_CLONES static void portable_row(const depthwise_job *job, int64_t line, int64_t first) {
    const ck_convolution *c = job->c;
    int64_t taps = c->kernel_height * c->kernel_width;
    const int16_t *weights = (const int16_t *)job->weights + first * taps;
    int64_t count = c->groups - first < CHANNELS ? c->groups - first : CHANNELS;
    for (int64_t x = 0; x < c->output_width; x++) {
        uint32_t sums[CHANNELS];
        memcpy(sums, job->bias + first, sizeof sums);
        for (int64_t tap = 0; tap < taps; tap++) {
            const uint8_t *source = tap_source(job, line / c->output_height, line % c->output_height, x, tap);
            if (!source) continue;
            for (int64_t i = 0; i < count; i++) sums[i] += (uint32_t)((source[first + i] - job->input_zero) * weights[tap * CHANNELS + i]);
        }
        finish(job, (const int32_t *)sums, line, x, first);
    }
}

#if defined(__x86_64__)

#include <immintrin.h>

#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

/* Four vectors of 16 numbers, of which the j-th belongs to channels 16·i + 4·j …, from and to the order of channels. */
VNNI static inline __m512i channels_in(const void *numbers, int j) {
    const int32_t *n = (const int32_t *)numbers + 4 * j;
    __m512i all = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)n));
    all = _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)(n + 16)), 1);
    all = _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)(n + 32)), 2);
    return _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)(n + 48)), 3);
}

VNNI static inline void channels_out(int32_t *numbers, int j, __m512i all) {
    _mm_storeu_si128((__m128i *)(numbers + 4 * j), _mm512_extracti32x4_epi32(all, 0));
    _mm_storeu_si128((__m128i *)(numbers + 16 + 4 * j), _mm512_extracti32x4_epi32(all, 1));
    _mm_storeu_si128((__m128i *)(numbers + 32 + 4 * j), _mm512_extracti32x4_epi32(all, 2));
    _mm_storeu_si128((__m128i *)(numbers + 48 + 4 * j), _mm512_extracti32x4_epi32(all, 3));
}

VNNI static inline __m512i load_tap(const depthwise_job *job, int64_t line, int64_t x, int64_t tap, int64_t first) {
    const ck_convolution *c = job->c;
    const uint8_t *source = 0;
    if (tap < c->kernel_height * c->kernel_width) source = tap_source(job, line / c->output_height, line % c->output_height, x, tap);
    return _mm512_loadu_si512(source ? source + first : job->padding);
}

VNNI static void vnni_row(const depthwise_job *job, int64_t line, int64_t first) {
    const ck_convolution *c = job->c;
    const ck_requantization *to = job->to;
    const int8_t *weights = (const int8_t *)job->weights + first * tap_quads(c) * QUAD;
    int64_t quads = tap_quads(c), left = c->groups - first;
    __mmask64 mask = left >= CHANNELS ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
    __m512 low = _mm512_set1_ps((float)(to->low - to->zero)), high = _mm512_set1_ps((float)(to->high - to->zero));
    __m512i zero = _mm512_set1_epi32(to->zero), bias[4];
    __m512 factors[4];
    bool is_plain = !to->floats && !to->multipliers;
    for (int j = 0; j < 4; j++) {
        bias[j] = channels_in(job->bias + first, j);
        factors[j] = is_plain ? _mm512_castsi512_ps(channels_in(to->factors + first, j)) : _mm512_setzero_ps();
    }
    for (int64_t x = 0; x < c->output_width; x++) {
        __m512i sums[4] = {bias[0], bias[1], bias[2], bias[3]};
        for (int64_t quad = 0; quad < quads; quad++) {
            __m512i a = load_tap(job, line, x, 4 * quad, first), b = load_tap(job, line, x, 4 * quad + 1, first);
            __m512i d = load_tap(job, line, x, 4 * quad + 2, first), e = load_tap(job, line, x, 4 * quad + 3, first);
            __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
            __m512i de_low = _mm512_unpacklo_epi8(d, e), de_high = _mm512_unpackhi_epi8(d, e);
            const int8_t *w = weights + quad * 4 * 64;
            sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_unpacklo_epi16(ab_low, de_low), _mm512_loadu_si512(w));
            sums[1] = _mm512_dpbusd_epi32(sums[1], _mm512_unpackhi_epi16(ab_low, de_low), _mm512_loadu_si512(w + 64));
            sums[2] = _mm512_dpbusd_epi32(sums[2], _mm512_unpacklo_epi16(ab_high, de_high), _mm512_loadu_si512(w + 128));
            sums[3] = _mm512_dpbusd_epi32(sums[3], _mm512_unpackhi_epi16(ab_high, de_high), _mm512_loadu_si512(w + 192));
        }
        if (!is_plain) {
            int32_t values[CHANNELS];
            for (int j = 0; j < 4; j++) channels_out(values, j, sums[j]);
            finish(job, values, line, x, first);
            continue;
        }
        for (int j = 0; j < 4; j++) {
            __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[j]), factors[j]);
            sums[j] = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(value, low), high)), zero);
        }
        __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(sums[0], sums[1]), _mm512_packs_epi32(sums[2], sums[3]));
        _mm512_mask_storeu_epi8(job->output + (line * c->output_width + x) * job->pixel + first, mask, bytes);
    }
}

#else

static void vnni_row(const depthwise_job *job, int64_t line, int64_t first) { portable_row(job, line, first); }

#endif

typedef struct {
    const depthwise_job *job;
    void (*row)(const depthwise_job *job, int64_t line, int64_t first);
} depthwise_call;

static void depthwise_part(void *context, int index, int threads) {
    const depthwise_call *call = context;
    const ck_convolution *c = call->job->c;
    int64_t begin, end;
    ck_share(c->batch * c->output_height, index, threads, &begin, &end);
    for (int64_t line = begin; line < end; line++)
        for (int64_t first = 0; first < c->groups; first += CHANNELS) call->row(call->job, line, first);
}

void ck_integer_depthwise(
    const ck_convolution *c, ck_integer_kernel kernel, int32_t input_zero, const uint8_t *source, const void *packed,
    const int32_t *packed_bias, uint8_t *output, const ck_requantization *to) {
    uint8_t padding[CHANNELS];
    memset(padding, input_zero, sizeof padding);
    depthwise_job job = {c, input_zero, source, packed, packed_bias, output, to, ck_pixel_bytes(c->groups), padding};
    depthwise_call call = {&job, kernel == CK_VNNI ? vnni_row : portable_row};
    ck_parallel(depthwise_part, &call);
}
