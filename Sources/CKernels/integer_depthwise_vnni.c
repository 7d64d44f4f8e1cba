#include "integer.h"

/* Lines of a depthwise convolution of bytes on AVX-512 VNNI.
 *
 * A vector has the bytes of 64 output channels under one tap, or, of tensors with few channels, those of some neighbouring pixels. The
 * vectors of four taps are unpacked until the four bytes of every channel lie together, and multiplied at once. */

#if defined(__x86_64__)

#include <immintrin.h>

#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define INLINED VNNI static inline __attribute__((always_inline))

enum { CHANNELS = CK_DEPTHWISE_LANES };

/* How a vector is loaded. */
typedef enum {
    WHOLE,    /* as it lies in memory */
    JOINED,   /* pixel by pixel, which the stride sets apart */
    SPREAD,   /* with every byte as often as an input channel has outputs */
} load_mode;

/* Where a tap reads along a line of the output. */
typedef struct {
    const uint8_t *pixel;   /* for the line's first output */
    int64_t column;         /* of the input, for the same */
    bool is_inside;         /* whether the input has the row */
} tap_view;

/* How one block of channels is computed. */
typedef struct {
    const ck_depthwise_job *job;
    const tap_view *views;
    const int8_t *weights;
    int64_t first, input_first;   /* channels */
    bool sees_edge, is_plain;     /* of rows above or below the line; of results that need nothing but a factor */
    __m512i words, bytes;         /* of SPREAD: in each quarter, the words that hold its channels, and the byte of those for each */
    __m512i padding, zero, bias[4];
    __m512 factors[4], low, high;
} block_job;

/* Four vectors of 16 numbers, of which the j-th belongs to channels 16·i + 4·j …, from and to the order of channels. */
INLINED __m512i channels_in(const void *numbers, int j) {
    const int32_t *n = (const int32_t *)numbers + 4 * j;
    __m512i all = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)n));
    all = _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)(n + 16)), 1);
    all = _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)(n + 32)), 2);
    return _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)(n + 48)), 3);
}

INLINED void channels_out(int32_t *numbers, int j, __m512i all) {
    _mm_storeu_si128((__m128i *)(numbers + 4 * j), _mm512_extracti32x4_epi32(all, 0));
    _mm_storeu_si128((__m128i *)(numbers + 16 + 4 * j), _mm512_extracti32x4_epi32(all, 1));
    _mm_storeu_si128((__m128i *)(numbers + 32 + 4 * j), _mm512_extracti32x4_epi32(all, 2));
    _mm_storeu_si128((__m128i *)(numbers + 48 + 4 * j), _mm512_extracti32x4_epi32(all, 3));
}

/* Returns whether all rows are inside. */
static bool view_taps(const ck_depthwise_job *job, int64_t line, tap_view *views) {
    const ck_convolution *c = job->c;
    int64_t top = line % c->output_height * c->stride_height - c->pad_height, image = line / c->output_height * c->input_height, tap = 0;
    bool are_inside = true;
    for (int64_t i = 0; i < c->kernel_height; i++) {
        int64_t y = top + i * c->dilation_height;
        bool is_inside = y >= 0 && y < c->input_height;
        are_inside = are_inside && is_inside;
        for (int64_t j = 0; j < c->kernel_width; j++, tap++) {
            int64_t column = j * c->dilation_width - c->pad_width;
            views[tap] = (tap_view){job->source + ((image + y) * c->input_width + column) * job->input_pixel, column, is_inside};
        }
    }
    /* Weights of further taps are 0. */
    for (; tap < job->quads * QUAD; tap++) views[tap] = views[0];
    return are_inside;
}

VNNI static void set_spread(block_job *block) {
    const ck_depthwise_job *job = block->job;
    int64_t multiplier = job->c->output_channels, period = CHANNELS / job->vector_pixels;
    int32_t words[16];
    uint8_t bytes[CHANNELS];
    int64_t byte = 0, base = 0, phase = block->first % multiplier;
    for (int64_t lane = 0; lane < CHANNELS; lane++) {
        if (job->vector_pixels > 1 && lane % period == 0) {
            phase = 0;
            byte = lane / period * job->input_pixel;
        }
        if (lane % 16 == 0) {
            base = byte / 4;
            for (int i = 0; i < 4; i++) words[lane / 4 + i] = (int32_t)(base + i < 15 ? base + i : 15);
        }
        bytes[lane] = (uint8_t)(byte - 4 * base);
        if (++phase == multiplier) {
            phase = 0;
            byte++;
        }
    }
    block->words = _mm512_loadu_si512(words);
    block->bytes = _mm512_loadu_si512(bytes);
}

VNNI static void set_block(block_job *block, int64_t first, load_mode mode) {
    const ck_depthwise_job *job = block->job;
    float factors[CHANNELS] = {0};
    if (block->is_plain) {
        int64_t period = CHANNELS / job->vector_pixels;
        for (int64_t lane = 0; lane < CHANNELS; lane += period)
            memcpy(factors + lane, job->to->factors + first, (size_t)period * sizeof *factors);
    }
    for (int j = 0; j < 4; j++) {
        block->bias[j] = channels_in(job->bias + first, j);
        block->factors[j] = _mm512_castsi512_ps(channels_in(factors, j));
    }
    block->weights = (const int8_t *)job->weights + first * job->quads * QUAD;
    block->first = first;
    block->input_first = first / job->c->output_channels;
    if (mode == SPREAD) set_spread(block);
}

/* The bytes of neighbouring pixels from `column` on that the input has. */
INLINED __mmask64 inside_mask(const ck_depthwise_job *job, int64_t column) {
    int64_t first = column < 0 ? -column : 0, last = job->c->input_width - column;
    if (last > job->vector_pixels) last = job->vector_pixels;
    if (first >= last) return 0;
    if (job->vector_pixels == 1) return ~(__mmask64)0;
    return ~(__mmask64)0 >> (64 - (last - first) * job->input_pixel) << first * job->input_pixel;
}

INLINED __m512i join(const ck_depthwise_job *job, const uint8_t *const *pixels) {
    if (job->vector_pixels == 2) {
        __m512i all = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)pixels[0]));
        return _mm512_inserti64x4(all, _mm256_loadu_si256((const __m256i *)pixels[1]), 1);
    }
    __m512i all = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)pixels[0]));
    all = _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)pixels[1]), 1);
    all = _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)pixels[2]), 2);
    return _mm512_inserti32x4(all, _mm_loadu_si128((const __m128i *)pixels[3]), 3);
}

INLINED __m512i load_tap(const block_job *block, const tap_view *view, int64_t column, int64_t at, bool checks, load_mode mode) {
    const ck_depthwise_job *job = block->job;
    if (checks && !view->is_inside) return block->padding;
    if (mode == JOINED) {
        const uint8_t *pixels[4];
        int64_t stride = job->c->stride_width;
        for (int64_t i = 0; i < job->vector_pixels; i++) {
            bool is_inside = !checks || (uint64_t)(column + view->column + i * stride) < (uint64_t)job->c->input_width;
            pixels[i] = is_inside ? view->pixel + at + i * stride * job->input_pixel : job->padding;
        }
        return join(job, pixels);
    }
    const uint8_t *source = view->pixel + at;
    __m512i bytes = checks ? _mm512_mask_loadu_epi8(block->padding, inside_mask(job, column + view->column), source)
                           : _mm512_loadu_si512(source);
    return mode == SPREAD ? _mm512_shuffle_epi8(_mm512_permutexvar_epi32(block->words, bytes), block->bytes) : bytes;
}

INLINED void add_taps(const block_job *block, int64_t quads, int64_t x, bool checks, load_mode mode, __m512i sums[4]) {
    int64_t column = x * block->job->c->stride_width, at = column * block->job->input_pixel + block->input_first;
    const int8_t *w = block->weights;
    const tap_view *view = block->views;
    for (int j = 0; j < 4; j++) sums[j] = block->bias[j];
    for (int64_t quad = 0; quad < quads; quad++, view += QUAD, w += QUAD * CHANNELS) {
        __m512i a = load_tap(block, view, column, at, checks, mode), b = load_tap(block, view + 1, column, at, checks, mode);
        __m512i d = load_tap(block, view + 2, column, at, checks, mode), e = load_tap(block, view + 3, column, at, checks, mode);
        __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
        __m512i de_low = _mm512_unpacklo_epi8(d, e), de_high = _mm512_unpackhi_epi8(d, e);
        sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_unpacklo_epi16(ab_low, de_low), _mm512_loadu_si512(w));
        sums[1] = _mm512_dpbusd_epi32(sums[1], _mm512_unpackhi_epi16(ab_low, de_low), _mm512_loadu_si512(w + 64));
        sums[2] = _mm512_dpbusd_epi32(sums[2], _mm512_unpacklo_epi16(ab_high, de_high), _mm512_loadu_si512(w + 128));
        sums[3] = _mm512_dpbusd_epi32(sums[3], _mm512_unpackhi_epi16(ab_high, de_high), _mm512_loadu_si512(w + 192));
    }
}

/* The results of `pixels` neighbours. */
INLINED void finish(const block_job *block, int64_t line, int64_t x, int64_t pixels, __m512i sums[4]) {
    const ck_depthwise_job *job = block->job;
    if (!block->is_plain) {
        int32_t values[CHANNELS];
        for (int j = 0; j < 4; j++) channels_out(values, j, sums[j]);
        for (int64_t i = 0; i < pixels; i++) ck_depthwise_finish(job, values + i * job->output_pixel, line, x + i, block->first);
        return;
    }
    for (int j = 0; j < 4; j++) {
        __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[j]), block->factors[j]);
        sums[j] = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(value, block->low), block->high)), block->zero);
    }
    int64_t left = job->vector_pixels > 1 ? pixels * job->output_pixel : job->outputs - block->first;
    __mmask64 mask = left >= CHANNELS ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
    __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(sums[0], sums[1]), _mm512_packs_epi32(sums[2], sums[3]));
    _mm512_mask_storeu_epi8(job->output + (line * job->c->output_width + x) * job->output_pixel + block->first, mask, bytes);
}

INLINED void run_line(const block_job *block, int64_t quads, int64_t line, load_mode mode) {
    const ck_depthwise_job *job = block->job;
    const ck_convolution *c = job->c;
    /* Outputs [inner, outer) see no edge. */
    int64_t room = c->input_width - 1 - (c->kernel_width - 1) * c->dilation_width + c->pad_width;
    int64_t inner = quotient_up(c->pad_width, c->stride_width), outer = room < 0 ? 0 : room / c->stride_width + 1;
    for (int64_t x = 0; x < c->output_width;) {
        __m512i sums[4];
        int64_t pixels = c->output_width - x < job->vector_pixels ? c->output_width - x : job->vector_pixels;
        if (block->sees_edge || x < inner || x + job->vector_pixels > outer) add_taps(block, quads, x, true, mode, sums);
        else add_taps(block, quads, x, false, mode, sums);
        finish(block, line, x, pixels, sums);
        x += pixels;
    }
}

VNNI static void run_block(const block_job *block, int64_t line, load_mode mode) {
    int64_t quads = block->job->quads;
    switch (mode) {
    case WHOLE:
        if (quads == 3) run_line(block, 3, line, WHOLE);
        else run_line(block, quads, line, WHOLE);
        return;
    case JOINED: run_line(block, quads, line, JOINED); return;
    case SPREAD: run_line(block, quads, line, SPREAD); return;
    }
}

VNNI void ck_depthwise_lines_vnni(const ck_depthwise_job *job, int64_t begin, int64_t end) {
    const ck_requantization *to = job->to;
    const ck_convolution *c = job->c;
    load_mode mode = c->output_channels > 1 ? SPREAD : job->vector_pixels > 1 && c->stride_width > 1 ? JOINED : WHOLE;
    tap_view views[CK_DEPTHWISE_TAPS + QUAD];
    block_job block = {
        .job = job, .views = views, .is_plain = !to->floats && !to->multipliers, .padding = _mm512_loadu_si512(job->padding),
        .zero = _mm512_set1_epi32(to->zero), .low = _mm512_set1_ps((float)(to->low - to->zero)),
        .high = _mm512_set1_ps((float)(to->high - to->zero))};
    for (int64_t first = 0; first < job->outputs; first += CHANNELS) {
        set_block(&block, first, mode);
        for (int64_t line = begin; line < end; line++) {
            block.sees_edge = !view_taps(job, line, views);
            run_block(&block, line, mode);
        }
    }
}

#else

void ck_depthwise_lines_vnni(const ck_depthwise_job *job, int64_t begin, int64_t end) {}

#endif
