#include "functions.h"

CK_CLONES void ck_activate_span(const float *x, float *y, int64_t count, ck_activation activation) {
    activate_inline(x, y, count, activation);
}

typedef struct {
    const float *x;
    float *y;
    int64_t count;
    ck_activation activation;
} activate_job;

static void activate_part(void *context, int index, int threads) {
    activate_job *job = context;
    int64_t begin, end;
    ck_share((job->count + 15) / 16, index, threads, &begin, &end);
    begin *= 16;
    end = end * 16 < job->count ? end * 16 : job->count;
    if (begin < end) ck_activate_span(job->x + begin, job->y + begin, end - begin, job->activation);
}

void ck_activate(const float *x, float *y, int64_t count, ck_activation activation) {
    activate_job job = {x, y, count, activation};
    if (count < SERIAL_COUNT) activate_part(&job, 0, 1); else ck_parallel(activate_part, &job);
}

/* For functions of the C library, which no vector instructions compute. */
#define CALL(expression)                                                                                                         \
    for (int64_t i = 0; i < count; i++) { float v = x[i]; y[i] = (expression); }                                                 \
    break;

CK_CLONES static void unary_span(ck_unary_kind kind, float alpha, const float *x, float *y, int64_t count) {
    switch (kind) {
    case CK_LOG: CALL(logf(v))
    case CK_FLOOR: EACH(floorf(v))
    case CK_CEIL: EACH(ceilf(v))
    case CK_RECIPROCAL: EACH(1.0f / v)
    case CK_SIGN: EACH(v > 0 ? 1.0f : v < 0 ? -1.0f : v == 0 ? 0.0f : v)
    case CK_SIN: CALL(sinf(v))
    case CK_COS: CALL(cosf(v))
    case CK_TAN: CALL(tanf(v))
    case CK_ASIN: CALL(asinf(v))
    case CK_ACOS: CALL(acosf(v))
    case CK_ATAN: CALL(atanf(v))
    case CK_SINH: CALL(sinhf(v))
    case CK_COSH: CALL(coshf(v))
    case CK_ASINH: CALL(asinhf(v))
    case CK_ACOSH: CALL(acoshf(v))
    case CK_ATANH: CALL(atanhf(v))
    case CK_THRESHOLDED_RELU: EACH(v > alpha ? v : 0.0f)
    }
}

typedef struct {
    ck_unary_kind kind;
    float alpha;
    const float *x;
    float *y;
    int64_t count;
} unary_job;

static void unary_part(void *context, int index, int threads) {
    unary_job *job = context;
    int64_t begin, end;
    ck_share(job->count, index, threads, &begin, &end);
    unary_span(job->kind, job->alpha, job->x + begin, job->y + begin, end - begin);
}

void ck_unary(ck_unary_kind kind, float alpha, const float *x, float *y, int64_t count) {
    unary_job job = {kind, alpha, x, y, count};
    if (count < SERIAL_COUNT / 8) unary_part(&job, 0, 1); else ck_parallel(unary_part, &job);
}

#define ROW(expression)                                                                                                          \
    if (sa == 1 && sb == 1) {                                                                                                    \
        INDEPENDENT for (int64_t i = 0; i < count; i++) { float p = a[i], q = b[i]; out[i] = (expression); }                     \
    } else if (sa == 1 && sb == 0) {                                                                                             \
        float q = b[0];                                                                                                          \
        INDEPENDENT for (int64_t i = 0; i < count; i++) { float p = a[i]; out[i] = (expression); }                               \
    } else if (sa == 0 && sb == 1) {                                                                                             \
        float p = a[0];                                                                                                          \
        INDEPENDENT for (int64_t i = 0; i < count; i++) { float q = b[i]; out[i] = (expression); }                               \
    } else {                                                                                                                     \
        for (int64_t i = 0; i < count; i++) { float p = a[i * sa], q = b[i * sb]; out[i] = (expression); }                       \
    }                                                                                                                            \
    break;

CK_CLONES static void binary_row(
    ck_binary_kind kind, int64_t count, const float *a, int64_t sa, const float *b, int64_t sb, float *out) {
    switch (kind) {
    case CK_ADD: ROW(p + q)
    case CK_SUB: ROW(p - q)
    case CK_MUL: ROW(p * q)
    case CK_DIV: ROW(p / q)
    case CK_MAX: ROW(p != p ? p : (p < q || q != q ? q : p))
    case CK_MIN: ROW(p != p ? p : (p > q || q != q ? q : p))
    case CK_PRELU: ROW(p < 0 ? p * q : p)
    case CK_POW:
        for (int64_t i = 0; i < count; i++) out[i] = powf(a[i * sa], b[i * sb]);
        break;
    }
}

typedef struct {
    ck_binary_kind kind;
    ck_activation activation;
    int rank;
    int64_t lengths[CK_MAX_RANK], a_strides[CK_MAX_RANK], b_strides[CK_MAX_RANK];
    const float *a, *b;
    float *out;
    int64_t rows;
} binary_job;

/* Rows are split into pieces, so that one long row still occupies all threads. */
enum { PIECE = 4096 };

static void binary_part(void *context, int index, int threads) {
    binary_job *job = context;
    int64_t count = job->lengths[job->rank - 1], pieces = (count + PIECE - 1) / PIECE, begin, end;
    ck_share(job->rows * pieces, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t row = item / pieces, first = item % pieces * PIECE, rest = row, a = 0, b = 0;
        for (int d = job->rank - 2; d >= 0; d--) {
            int64_t position = rest % job->lengths[d];
            rest /= job->lengths[d];
            a += position * job->a_strides[d];
            b += position * job->b_strides[d];
        }
        int64_t sa = job->a_strides[job->rank - 1], sb = job->b_strides[job->rank - 1];
        int64_t length = count - first < PIECE ? count - first : PIECE;
        float *out = job->out + row * count + first;
        binary_row(job->kind, length, job->a + a + first * sa, sa, job->b + b + first * sb, sb, out);
        if (job->activation.kind != CK_NO_ACTIVATION) ck_activate_span(out, out, length, job->activation);
    }
}

void ck_binary(
    ck_binary_kind kind, ck_activation activation, int rank, const int64_t *lengths, const float *a, const int64_t *a_strides,
    const float *b, const int64_t *b_strides, float *out) {
    binary_job job = {.kind = kind, .activation = activation, .rank = rank, .a = a, .b = b, .out = out, .rows = 1};
    for (int d = 0; d < rank; d++) {
        job.lengths[d] = lengths[d];
        job.a_strides[d] = a_strides[d];
        job.b_strides[d] = b_strides[d];
        if (d < rank - 1) job.rows *= lengths[d];
    }
    if (job.rows * lengths[rank - 1] < SERIAL_COUNT) binary_part(&job, 0, 1); else ck_parallel(binary_part, &job);
}

typedef struct {
    const float *x, *scale, *shift;
    float *y;
    int64_t outer, channels, inner, block;
    ck_activation activation;
} affine_job;

CK_CLONES static void affine_plain(
    const float *x, float *y, int64_t count, const float *center, const float *scale, const float *shift, float low, float high) {
    float origin = *center, factor = *scale, term = *shift;
    INDEPENDENT for (int64_t i = 0; i < count; i++) y[i] = clamp((x[i] - origin) * factor + term, low, high);
}

/* Lanes are channels: 16 of them fill a register, 8 half of one, 4 a quarter. */
#define BLOCKED(name, LANES)                                                                                                     \
    CK_CLONES static void name(                                                                                                  \
        const float *x, float *y, int64_t count, const float *center, const float *scale, const float *shift, float low,         \
        float high) {                                                                                                            \
        float origins[LANES], factors[LANES], terms[LANES];                                                                      \
        memcpy(origins, center, sizeof origins);                                                                                 \
        memcpy(factors, scale, sizeof factors);                                                                                  \
        memcpy(terms, shift, sizeof terms);                                                                                      \
        for (int64_t i = 0; i < count; i++)                                                                                      \
            INDEPENDENT for (int l = 0; l < LANES; l++)                                                                          \
                y[i * LANES + l] = clamp((x[i * LANES + l] - origins[l]) * factors[l] + terms[l], low, high);                    \
    }

BLOCKED(affine_16, 16)
BLOCKED(affine_8, 8)
BLOCKED(affine_4, 4)

void ck_affine_span(
    const float *x, const float *center, const float *scale, const float *shift, float *y, int64_t blocks, int64_t inner, int64_t block,
    ck_activation activation) {
    bool clamps = activation.kind == CK_CLAMP;
    float low = clamps ? activation.low : -INFINITY, high = clamps ? activation.high : INFINITY;
    static const float zeros[16] = {0};
    /* A piece stays in the first-level cache until its activation is done. */
    int64_t piece = PIECE / block;
    for (int64_t item = 0; item < blocks; item++, scale += block, shift += block) {
        const float *origin = center ? center + item * block : zeros;
        for (int64_t first = 0; first < inner; first += piece) {
            int64_t count = inner - first < piece ? inner - first : piece, offset = (item * inner + first) * block;
            switch (block) {
            case 16: affine_16(x + offset, y + offset, count, origin, scale, shift, low, high); break;
            case 8: affine_8(x + offset, y + offset, count, origin, scale, shift, low, high); break;
            case 4: affine_4(x + offset, y + offset, count, origin, scale, shift, low, high); break;
            default: affine_plain(x + offset, y + offset, count, origin, scale, shift, low, high); break;
            }
            if (!clamps && activation.kind != CK_NO_ACTIVATION) ck_activate_span(y + offset, y + offset, count * block, activation);
        }
    }
}

static void affine_part(void *context, int index, int threads) {
    affine_job *job = context;
    int64_t begin, end, size = job->inner * job->block;
    ck_share(job->outer * job->channels, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t channel = item % job->channels * job->block;
        ck_affine_span(
            job->x + item * size, 0, job->scale + channel, job->shift + channel, job->y + item * size, 1, job->inner, job->block,
            job->activation);
    }
}

void ck_affine(
    const float *x, const float *scale, const float *shift, float *y, int64_t outer, int64_t channels, int64_t inner, int64_t block,
    ck_activation activation) {
    affine_job job = {x, scale, shift, y, outer, channels, inner, block, activation};
    if (outer * channels * inner * block < SERIAL_COUNT) affine_part(&job, 0, 1); else ck_parallel(affine_part, &job);
}

typedef struct {
    const float *x;
    float *y;
    int64_t outer, height, width, inner, top, bottom, left, right;
    float value;
} pad_job;

static void fill(float *y, int64_t count, float value) {
    for (int64_t i = 0; i < count; i++) y[i] = value;
}

static void pad_part(void *context, int index, int threads) {
    pad_job *job = context;
    int64_t rows = job->height + job->top + job->bottom, columns = job->width + job->left + job->right, begin, end;
    int64_t skipped = job->left < 0 ? -job->left : 0, before = job->left > 0 ? job->left : 0;
    int64_t kept = job->width - skipped + (job->right < 0 ? job->right : 0);
    ck_share(job->outer * rows, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++) {
        int64_t plane = item / rows, row = item % rows - job->top;
        float *y = job->y + item * columns * job->inner;
        if (row < 0 || row >= job->height || kept <= 0) {
            fill(y, columns * job->inner, job->value);
            continue;
        }
        const float *x = job->x + ((plane * job->height + row) * job->width + skipped) * job->inner;
        fill(y, before * job->inner, job->value);
        memcpy(y + before * job->inner, x, (size_t)(kept * job->inner) * sizeof *x);
        fill(y + (before + kept) * job->inner, (columns - before - kept) * job->inner, job->value);
    }
}

void ck_pad(
    const float *x, float *y, int64_t outer, int64_t height, int64_t width, int64_t inner, int64_t top, int64_t bottom, int64_t left,
    int64_t right, float value) {
    pad_job job = {x, y, outer, height, width, inner, top, bottom, left, right, value};
    if (outer * (height + top + bottom) * (width + left + right) * inner < SERIAL_COUNT) pad_part(&job, 0, 1);
    else ck_parallel(pad_part, &job);
}
