#ifndef CLEAVE_TRAINING_H
#define CLEAVE_TRAINING_H

/* Kernels that only training needs. As those of kernels.h: on all threads, and the same result from run to run with as many. */

#include "kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Batch normalization ---------------------------------------------------------------------------------------- */

/* Of a tensor [batch, channels / block, spatial, block]; block is 1, 8 or 16, the last one padded. */
typedef struct {
    int64_t batch, channels, spatial, block;
    float epsilon;
    /* Whether y = max(y, 0) follows. */
    bool relu;
} ck_batch_norm;

/* Elements of the statistics that the gradient reads: mean and 1/√(variance + ε) per channel, padded. */
int64_t ck_batch_norm_statistics_count(const ck_batch_norm *norm);
/* Bytes that the functions below need as `scratch` with the current number of threads. */
int64_t ck_batch_norm_scratch_size(const ck_batch_norm *norm);

/* new = momentum·old + (1 − momentum)·batch, where `new_mean` is not NULL. */
typedef struct {
    const float *mean, *variance;
    float *new_mean, *new_variance;
    float momentum;
} ck_running_statistics;

/* y = scale[c]·(x − mean)/√(variance + ε) + shift[c] with the batch's moments, the variance being the population's. In place is
 * allowed. Without `y`, only the statistics are computed. */
void ck_batch_norm_train(
    const ck_batch_norm *norm, const float *x, const float *scale, const float *shift, float *statistics,
    const ck_running_statistics *running, float *y, void *scratch);
/* The statistics that belong to given moments. */
void ck_batch_norm_fixed_statistics(const ck_batch_norm *norm, const float *mean, const float *variance, float *statistics);

/* The gradients of `ck_batch_norm_train`, or with `fixed` those where the statistics are constants. With `relu`, what was cut off is
 * found again from x. `addend` is added to dx, where it is there; dx may be dy, x or `addend`. dscale, dshift and dx may be NULL. */
void ck_batch_norm_gradient(
    const ck_batch_norm *norm, bool fixed, const float *x, const float *dy, const float *scale, const float *shift,
    const float *statistics, const float *addend, float *dx, float *dscale, float *dshift, void *scratch);

/* --- Other gradients -------------------------------------------------------------------------------------------- */

typedef enum {
    /* From the output: dx = y > 0 ? dy : 0, dy·y·(1 − y), dy·(1 − y²). */
    CK_RELU_GRADIENT, CK_SIGMOID_GRADIENT, CK_TANH_GRADIENT,
    /* From the input: x > 0 ? dy : alpha·dy. */
    CK_LEAKY_GRADIENT,
    /* dx = alpha ≤ x ≤ beta ? dy : 0 */
    CK_CLAMP_GRADIENT,
    CK_HARD_SIGMOID_GRADIENT, CK_HARD_SWISH_GRADIENT, CK_SOFTPLUS_GRADIENT, CK_ELU_GRADIENT, CK_CELU_GRADIENT, CK_GELU_GRADIENT,
} ck_gradient_kind;

/* dx may be dy or `value`. */
void ck_activation_gradient(
    ck_gradient_kind kind, float alpha, float beta, const float *value, const float *dy, float *dx, int64_t count);

/* The gradients of the weights of a depthwise convolution, in the layout that `ck_convolve_depthwise` reads, channels in blocks of 16,
 * and of its bias where `db` is not NULL. */
void ck_depthwise_weight_gradient(const ck_convolution *c, const float *source, const float *dy, float *dw, float *db);

/* The gradients of the weights of a convolution of one group, and of its bias where `db` is not NULL, for processors that
 * `ck_convolution_available` says yes to. Channels of `source` and `dy` lie in blocks of 16; `dw` is [output blocks][input
 * blocks][taps][16 input channels][16 output channels], padded likewise. Made for few pixels: batch times output pixels below 2¹⁶. */
void ck_weight_gradient(const ck_convolution *c, const float *source, const float *dy, float *dw, float *db, void *scratch);
/* Bytes that it needs as `scratch`. */
int64_t ck_weight_gradient_scratch_size(const ck_convolution *c);

/* The gradient of the input of such a convolution, from weights that lie as `dw` above. Made for few pixels, too. */
void ck_input_gradient(const ck_convolution *c, const float *weights, const float *dy, float *dx, void *scratch);
/* Bytes that it needs as `scratch` with the current number of threads. */
int64_t ck_input_gradient_scratch_size(const ck_convolution *c);

/* --- Optimizers ------------------------------------------------------------------------------------------------- */

typedef enum { CK_SGD, CK_ADAM, CK_ADAMW } ck_optimizer_kind;

/* One step of an optimizer, as Cleave's OptimizerStep defines it. */
typedef struct {
    ck_optimizer_kind kind;
    bool nesterov;
    float rate, decay, momentum, beta1, beta2, epsilon;
    /* 1 − beta and 1/(1 − betaᵗ), which float32 would round too much. */
    float rest1, rest2, correction1, correction2;
    /* What gradients are multiplied by first. */
    float scale;
    /* Of the moving average, and 1 − that. */
    float average_decay, average_rest;
} ck_optimizer_step;

/* A stretch of parameters that lie one after the other: `count` elements from `first` on. */
typedef struct {
    int64_t first, count;
    bool decays;
} ck_parameter_range;

/* Updates parameters, moments and, where there is one, the moving average in one pass. `first` and `second` are the moments that the
 * optimizer has. */
void ck_update(
    const ck_optimizer_step *step, const ck_parameter_range *ranges, int64_t range_count, float *parameters, const float *gradients,
    float *first, float *second, float *average);

/* sum = scale·x, or with `adds` sum += scale·x. */
void ck_accumulate(const float *x, float scale, bool adds, float *sum, int64_t count);
/* Σ x², the same for any number of threads. */
double ck_sum_of_squares(const float *x, int64_t count);

#ifdef __cplusplus
}
#endif

#endif
