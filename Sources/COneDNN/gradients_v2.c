#include "internal.h"

/* A gradient's primitive is made with the descriptor of the forward one, from which oneDNN takes over what both must agree on. */

static dnnl_status_t convolution_desc(
    dnnl_convolution_desc_t *out, const dnnl_memory_desc_t *source, const dnnl_memory_desc_t *weights, const dnnl_memory_desc_t *bias,
    const dnnl_memory_desc_t *destination, const onednn_window *window) {
    dnnl_dims_t gaps;
    onednn_gaps(window, gaps);
    return dnnl_dilated_convolution_forward_desc_init(
        out, dnnl_forward_training, dnnl_convolution_direct, source, weights, bias, destination, window->strides, gaps, window->begin,
        window->end);
}

onednn_status onednn_convolution_source_gradient(
    onednn_primitive **out, const onednn_layout *diff_source, const onednn_layout *weights, const onednn_layout *diff_destination,
    const onednn_window *window) {
    dnnl_convolution_desc_t forward, desc;
    dnnl_dims_t gaps;
    onednn_gaps(window, gaps);
    dnnl_primitive_desc_t hint = onednn_forward_desc(
        convolution_desc(&forward, &diff_source->desc, &weights->desc, NULL, &diff_destination->desc, window), &forward);
    if (!hint) return ONEDNN_UNIMPLEMENTED;
    dnnl_status_t status = dnnl_dilated_convolution_backward_data_desc_init(
        &desc, dnnl_convolution_direct, &diff_source->desc, &weights->desc, &diff_destination->desc, window->strides, gaps, window->begin,
        window->end);
    return onednn_make_primitive(out, status, &desc, (onednn_post_ops){NULL, 0}, hint);
}

onednn_status onednn_convolution_weights_gradient(
    onednn_primitive **out, const onednn_layout *source, const onednn_layout *diff_weights, const onednn_layout *diff_bias,
    const onednn_layout *diff_destination, const onednn_window *window) {
    dnnl_convolution_desc_t forward, desc;
    dnnl_dims_t gaps;
    onednn_gaps(window, gaps);
    const dnnl_memory_desc_t *bias = diff_bias ? &diff_bias->desc : NULL;
    dnnl_primitive_desc_t hint = onednn_forward_desc(
        convolution_desc(&forward, &source->desc, &diff_weights->desc, bias, &diff_destination->desc, window), &forward);
    if (!hint) return ONEDNN_UNIMPLEMENTED;
    dnnl_status_t status = dnnl_dilated_convolution_backward_weights_desc_init(
        &desc, dnnl_convolution_direct, &source->desc, &diff_weights->desc, bias, &diff_destination->desc, window->strides, gaps,
        window->begin, window->end);
    return onednn_make_primitive(out, status, &desc, (onednn_post_ops){NULL, 0}, hint);
}

static dnnl_status_t pooling_desc(
    dnnl_pooling_v2_desc_t *out, onednn_pool_kind kind, const onednn_layout *source, const onednn_layout *destination,
    const onednn_window *window) {
    dnnl_dims_t gaps;
    onednn_gaps(window, gaps);
    return dnnl_pooling_v2_forward_desc_init(
        out, dnnl_forward_training, onednn_dnnl_pool(kind), &source->desc, &destination->desc, window->strides, window->kernel, gaps,
        window->begin, window->end);
}

onednn_status onednn_pooling_training(
    onednn_primitive **out, onednn_pool_kind kind, const onednn_layout *source, const onednn_layout *destination,
    const onednn_window *window) {
    dnnl_pooling_v2_desc_t desc;
    dnnl_status_t status = pooling_desc(&desc, kind, source, destination, window);
    return onednn_make_primitive(out, status, &desc, (onednn_post_ops){NULL, 0}, NULL);
}

onednn_status onednn_pooling_gradient(
    onednn_primitive **out, onednn_pool_kind kind, const onednn_layout *diff_source, const onednn_layout *diff_destination,
    const onednn_window *window) {
    dnnl_pooling_v2_desc_t forward, desc;
    dnnl_dims_t gaps;
    onednn_gaps(window, gaps);
    dnnl_primitive_desc_t hint = onednn_forward_desc(pooling_desc(&forward, kind, diff_source, diff_destination, window), &forward);
    if (!hint) return ONEDNN_UNIMPLEMENTED;
    dnnl_status_t status = dnnl_pooling_v2_backward_desc_init(
        &desc, onednn_dnnl_pool(kind), &diff_source->desc, &diff_destination->desc, window->strides, window->kernel, gaps, window->begin,
        window->end);
    return onednn_make_primitive(out, status, &desc, (onednn_post_ops){NULL, 0}, hint);
}
