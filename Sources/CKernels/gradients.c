#include "functions.h"
#include "training.h"

/* Gradients of activation functions, as ActivationGradient defines them: at a corner, the slope left of it. */

typedef struct {
    ck_gradient_kind kind;
    float alpha, beta;
    const float *value, *dy;
    float *dx;
    int64_t count;
} gradient_job;

#define SLOPE(expression)                                                                                                        \
    INDEPENDENT for (int64_t i = 0; i < count; i++) { float v = value[i], d = dy[i]; dx[i] = (expression); }                     \
    break;

/* x·Φ(x): Φ(x) + x·φ(x). */
static inline float gelu_slope(float x) {
    return 0.5f * (1.0f + fast_erf(x * 0.707106769f)) + x * 0.398942292f * fast_exp(-0.5f * x * x);
}

static inline float hard_swish_slope(float x) {
    float middle = x * 0.333333343f + 0.5f;
    return x <= -3.0f ? 0.0f : x < 3.0f ? middle : 1.0f;
}

CK_CLONES static void gradient_span(
    ck_gradient_kind kind, float alpha, float beta, const float *value, const float *dy, float *dx, int64_t count) {
    switch (kind) {
    case CK_RELU_GRADIENT: SLOPE(v > 0 ? d : 0.0f)
    case CK_SIGMOID_GRADIENT: SLOPE(d * v * (1.0f - v))
    case CK_TANH_GRADIENT: SLOPE(d * (1.0f - v * v))
    case CK_LEAKY_GRADIENT: SLOPE(v > 0 ? d : alpha * d)
    case CK_CLAMP_GRADIENT: SLOPE(((v >= alpha) & (v <= beta)) ? d : 0.0f)
    case CK_HARD_SIGMOID_GRADIENT: SLOPE(((alpha * v + beta > 0) & (alpha * v + beta < 1)) ? alpha * d : 0.0f)
    case CK_HARD_SWISH_GRADIENT: SLOPE(d * hard_swish_slope(v))
    case CK_SOFTPLUS_GRADIENT: SLOPE(d * logistic(v))
    case CK_ELU_GRADIENT: SLOPE(v > 0 ? beta * d : alpha * fast_exp(v) * d)
    case CK_CELU_GRADIENT: SLOPE(v > 0 ? d : fast_exp(v / alpha) * d)
    case CK_GELU_GRADIENT: SLOPE(d * gelu_slope(v))
    }
}

static void gradient_part(void *context, int index, int threads) {
    const gradient_job *job = context;
    int64_t begin, end;
    ck_share((job->count + 15) / 16, index, threads, &begin, &end);
    begin *= 16;
    end = end * 16 < job->count ? end * 16 : job->count;
    if (begin < end)
        gradient_span(job->kind, job->alpha, job->beta, job->value + begin, job->dy + begin, job->dx + begin, end - begin);
}

void ck_activation_gradient(
    ck_gradient_kind kind, float alpha, float beta, const float *value, const float *dy, float *dx, int64_t count) {
    gradient_job job = {kind, alpha, beta, value, dy, dx, count};
    if (count < SERIAL_COUNT) gradient_part(&job, 0, 1); else ck_parallel(gradient_part, &job);
}

/* --- Depthwise convolutions ------------------------------------------------------------------------------------- */

enum { LANES = 16 };

typedef float lanes __attribute__((vector_size(64), aligned(4)));

typedef struct {
    const ck_convolution *c;
    const float *source, *dy;
    float *dw, *db;
    int64_t blocks;
} depthwise_job;

/* Outputs whose window's tap lies inside: those o in 0 ..< outputs with 0 ≤ o·stride + offset < inputs. */
static void outputs_inside(int64_t offset, int64_t stride, int64_t inputs, int64_t outputs, int64_t *first, int64_t *last) {
    *first = offset < 0 ? (-offset + stride - 1) / stride : 0;
    *last = offset < inputs ? (inputs - 1 - offset) / stride + 1 : 0;
    if (*last > outputs) *last = outputs;
    if (*first > *last) *first = *last;
}

/* One tap of one block: Σ over images and outputs of dy · x. */
CK_CLONES static void depthwise_tap(const depthwise_job *job, int64_t block, int64_t row, int64_t column) {
    const ck_convolution *c = job->c;
    int64_t offset_y = row * c->dilation_height - c->pad_height, offset_x = column * c->dilation_width - c->pad_width;
    int64_t top, bottom, left, right, step = c->stride_width * LANES;
    outputs_inside(offset_y, c->stride_height, c->input_height, c->output_height, &top, &bottom);
    outputs_inside(offset_x, c->stride_width, c->input_width, c->output_width, &left, &right);
    lanes a = {0}, b = {0}, e = {0}, f = {0};
    for (int64_t n = 0; n < c->batch; n++) {
        const float *image = job->source + (n * job->blocks + block) * c->input_height * c->input_width * LANES;
        const float *gradient = job->dy + (n * job->blocks + block) * c->output_height * c->output_width * LANES;
        for (int64_t y = top; y < bottom; y++) {
            const float *x = image + ((y * c->stride_height + offset_y) * c->input_width + left * c->stride_width + offset_x) * LANES;
            const float *d = gradient + (y * c->output_width + left) * LANES;
            int64_t i = 0, count = right - left;
            for (; i + 4 <= count; i += 4, x += 4 * step, d += 4 * LANES) {
                a += *(const lanes *)x * *(const lanes *)d;
                b += *(const lanes *)(x + step) * *(const lanes *)(d + LANES);
                e += *(const lanes *)(x + 2 * step) * *(const lanes *)(d + 2 * LANES);
                f += *(const lanes *)(x + 3 * step) * *(const lanes *)(d + 3 * LANES);
            }
            for (; i < count; i++, x += step, d += LANES) a += *(const lanes *)x * *(const lanes *)d;
        }
    }
    *(lanes *)(job->dw + ((block * c->kernel_height + row) * c->kernel_width + column) * LANES) = (a + b) + (e + f);
}

/* The bias' gradient of one block: Σ dy. */
CK_CLONES static void depthwise_bias(const depthwise_job *job, int64_t block) {
    const ck_convolution *c = job->c;
    int64_t area = c->output_height * c->output_width, channels = c->groups - block * LANES < LANES ? c->groups - block * LANES : LANES;
    double sums[LANES] = {0};
    for (int64_t n = 0; n < c->batch; n++) {
        const float *d = job->dy + (n * job->blocks + block) * area * LANES;
        lanes sum = {0};
        for (int64_t i = 0; i < area; i++) sum += *(const lanes *)(d + i * LANES);
        for (int l = 0; l < LANES; l++) sums[l] += sum[l];
    }
    for (int64_t l = 0; l < channels; l++) job->db[block * LANES + l] = (float)sums[l];
}

static void depthwise_part(void *context, int index, int threads) {
    const depthwise_job *job = context;
    int64_t taps = job->c->kernel_height * job->c->kernel_width, begin, end;
    if (job->db) {
        ck_share(job->blocks, index, threads, &begin, &end);
        for (int64_t block = begin; block < end; block++) depthwise_bias(job, block);
    }
    ck_share(job->blocks * taps, index, threads, &begin, &end);
    for (int64_t item = begin; item < end; item++)
        depthwise_tap(job, item / taps, item % taps / job->c->kernel_width, item % job->c->kernel_width);
}

void ck_depthwise_weight_gradient(const ck_convolution *c, const float *source, const float *dy, float *dw, float *db) {
    depthwise_job job = {c, source, dy, dw, db, (c->groups + LANES - 1) / LANES};
    if (c->batch * c->groups * c->output_height * c->output_width * c->kernel_height * c->kernel_width < SERIAL_COUNT)
        depthwise_part(&job, 0, 1);
    else
        ck_parallel(depthwise_part, &job);
}
