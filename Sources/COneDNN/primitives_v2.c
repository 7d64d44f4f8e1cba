#include "internal.h"

#include <stdlib.h>

/* Attributes of every primitive: scratchpads belong to the caller, post-ops as given. */
static dnnl_status_t make_attributes(dnnl_primitive_attr_t *out, onednn_post_ops post_ops) {
    dnnl_primitive_attr_t attributes;
    dnnl_post_ops_t list = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attributes);
    if (status != dnnl_success) return status;
    status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (status == dnnl_success) status = dnnl_post_ops_create(&list);
    for (int i = 0; i < post_ops.count && status == dnnl_success; i++) {
        const onednn_post_op *op = &post_ops.ops[i];
        switch (op->kind) {
        case ONEDNN_POST_SUM: status = dnnl_post_ops_append_sum(list, 1.0f); break;
        case ONEDNN_POST_ADD: status = dnnl_post_ops_append_binary(list, dnnl_binary_add, &op->layout->desc); break;
        }
    }
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, list);
    if (list) dnnl_post_ops_destroy(list);
    if (status != dnnl_success) {
        dnnl_primitive_attr_destroy(attributes);
        return status;
    }
    *out = attributes;
    return dnnl_success;
}

static const onednn_post_ops no_post_ops = {NULL, 0};

/* Compiles a primitive descriptor, which this function destroys. */
static onednn_status compile(onednn_primitive **out, dnnl_primitive_desc_t desc) {
    onednn_primitive *primitive = malloc(sizeof *primitive);
    dnnl_status_t status = primitive ? dnnl_primitive_create(&primitive->handle, desc) : dnnl_out_of_memory;
    dnnl_primitive_desc_destroy(desc);
    if (status != dnnl_success) {
        free(primitive);
        return onednn_from_dnnl(status);
    }
    *out = primitive;
    return ONEDNN_OK;
}

onednn_status onednn_make_primitive(
    onednn_primitive **out, dnnl_status_t status, const_dnnl_op_desc_t operation, onednn_post_ops post_ops, dnnl_primitive_desc_t forward) {
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_attr_t attributes = NULL;
    if (status == dnnl_success && !onednn_engine()) status = dnnl_runtime_error;
    if (status == dnnl_success) status = make_attributes(&attributes, post_ops);
    if (status == dnnl_success) status = dnnl_primitive_desc_create(&desc, operation, attributes, onednn_engine(), forward);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    if (forward) dnnl_primitive_desc_destroy(forward);
    return status == dnnl_success ? compile(out, desc) : onednn_from_dnnl(status);
}

dnnl_primitive_desc_t onednn_forward_desc(dnnl_status_t status, const_dnnl_op_desc_t operation) {
    dnnl_primitive_desc_t desc;
    if (status != dnnl_success || !onednn_engine()) return NULL;
    return dnnl_primitive_desc_create(&desc, operation, NULL, onednn_engine(), NULL) == dnnl_success ? desc : NULL;
}

static onednn_status create(onednn_primitive **out, dnnl_status_t status, const_dnnl_op_desc_t operation, onednn_post_ops post_ops) {
    return onednn_make_primitive(out, status, operation, post_ops, NULL);
}

static const dnnl_memory_desc_t *desc_of(const onednn_layout *layout) { return layout ? &layout->desc : NULL; }

void onednn_gaps(const onednn_window *window, dnnl_dims_t gaps) {
    for (int i = 0; i < window->rank; i++) gaps[i] = window->dilations[i] - 1;
}

onednn_status onednn_convolution(
    onednn_primitive **out, const onednn_layout *source, const onednn_layout *weights, const onednn_layout *bias,
    const onednn_layout *destination, const onednn_window *window, onednn_post_ops post_ops) {
    dnnl_convolution_desc_t desc;
    dnnl_dims_t gaps;
    onednn_gaps(window, gaps);
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &desc, dnnl_forward_inference, dnnl_convolution_direct, &source->desc, &weights->desc, desc_of(bias), &destination->desc,
        window->strides, gaps, window->begin, window->end);
    return create(out, status, &desc, post_ops);
}

onednn_status onednn_deconvolution(
    onednn_primitive **out, const onednn_layout *source, const onednn_layout *weights, const onednn_layout *bias,
    const onednn_layout *destination, const onednn_window *window, onednn_post_ops post_ops) {
    dnnl_deconvolution_desc_t desc;
    dnnl_dims_t gaps;
    onednn_gaps(window, gaps);
    dnnl_status_t status = dnnl_dilated_deconvolution_forward_desc_init(
        &desc, dnnl_forward_inference, dnnl_deconvolution_direct, &source->desc, &weights->desc, desc_of(bias), &destination->desc,
        window->strides, gaps, window->begin, window->end);
    return create(out, status, &desc, post_ops);
}

onednn_status onednn_inner_product(
    onednn_primitive **out, const onednn_layout *source, const onednn_layout *weights, const onednn_layout *bias,
    const onednn_layout *destination, onednn_post_ops post_ops) {
    dnnl_inner_product_desc_t desc;
    dnnl_status_t status = dnnl_inner_product_forward_desc_init(
        &desc, dnnl_forward_inference, &source->desc, &weights->desc, desc_of(bias), &destination->desc);
    return create(out, status, &desc, post_ops);
}

onednn_status onednn_matmul(
    onednn_primitive **out, const onednn_layout *source, const onednn_layout *weights, const onednn_layout *bias,
    const onednn_layout *destination, onednn_post_ops post_ops) {
    dnnl_matmul_desc_t desc;
    dnnl_status_t status = dnnl_matmul_desc_init(&desc, &source->desc, &weights->desc, desc_of(bias), &destination->desc);
    return create(out, status, &desc, post_ops);
}

dnnl_alg_kind_t onednn_dnnl_pool(onednn_pool_kind kind) {
    switch (kind) {
    case ONEDNN_MAX_POOL: return dnnl_pooling_max;
    case ONEDNN_AVERAGE_POOL_WITH_PADDING: return dnnl_pooling_avg_include_padding;
    case ONEDNN_AVERAGE_POOL_WITHOUT_PADDING: return dnnl_pooling_avg_exclude_padding;
    }
    return dnnl_alg_kind_undef;
}

onednn_status onednn_pooling(
    onednn_primitive **out, onednn_pool_kind kind, const onednn_layout *source, const onednn_layout *destination,
    const onednn_window *window) {
    dnnl_pooling_v2_desc_t desc;
    dnnl_dims_t gaps;
    onednn_gaps(window, gaps);
    dnnl_status_t status = dnnl_pooling_v2_forward_desc_init(
        &desc, dnnl_forward_inference, onednn_dnnl_pool(kind), &source->desc, &destination->desc, window->strides, window->kernel, gaps,
        window->begin, window->end);
    return create(out, status, &desc, no_post_ops);
}

onednn_status onednn_lrn(onednn_primitive **out, const onednn_layout *data, int64_t size, float alpha, float beta, float k) {
    dnnl_lrn_desc_t desc;
    dnnl_status_t status = dnnl_lrn_forward_desc_init(
        &desc, dnnl_forward_inference, dnnl_lrn_across_channels, &data->desc, size, alpha, beta, k);
    return create(out, status, &desc, no_post_ops);
}

onednn_status onednn_reorder(onednn_primitive **out, const onednn_layout *source, const onednn_layout *destination) {
    dnnl_primitive_attr_t attributes;
    dnnl_status_t status = make_attributes(&attributes, no_post_ops);
    if (status != dnnl_success) return onednn_from_dnnl(status);
    dnnl_primitive_desc_t desc;
    status = dnnl_reorder_primitive_desc_create(
        &desc, &source->desc, onednn_engine(), &destination->desc, onednn_engine(), attributes);
    dnnl_primitive_attr_destroy(attributes);
    return status == dnnl_success ? compile(out, desc) : onednn_from_dnnl(status);
}

void onednn_primitive_destroy(onednn_primitive *primitive) {
    dnnl_primitive_destroy(primitive->handle);
    free(primitive);
}

static const_dnnl_primitive_desc_t desc_of_primitive(const onednn_primitive *primitive) {
    const_dnnl_primitive_desc_t desc = NULL;
    return dnnl_primitive_get_primitive_desc(primitive->handle, &desc) == dnnl_success ? desc : NULL;
}

onednn_status onednn_primitive_layout(const onednn_primitive *primitive, onednn_role role, onednn_layout **out) {
    const dnnl_memory_desc_t *desc =
        dnnl_primitive_desc_query_md(desc_of_primitive(primitive), dnnl_query_exec_arg_md, onednn_dnnl_argument((int)role));
    if (!desc || desc->ndims == 0) return ONEDNN_INVALID_ARGUMENTS;
    onednn_layout *layout = malloc(sizeof *layout);
    if (!layout) return ONEDNN_OUT_OF_MEMORY;
    layout->desc = *desc;
    *out = layout;
    return ONEDNN_OK;
}

size_t onednn_primitive_scratchpad(const onednn_primitive *primitive) {
    const dnnl_memory_desc_t *desc = dnnl_primitive_desc_query_md(desc_of_primitive(primitive), dnnl_query_scratchpad_md, 0);
    return desc ? dnnl_memory_desc_get_size(desc) : 0;
}

const char *onednn_primitive_implementation(const onednn_primitive *primitive) {
    const char *text = NULL;
    dnnl_status_t status = dnnl_primitive_desc_query(desc_of_primitive(primitive), dnnl_query_impl_info_str, 0, &text);
    return status == dnnl_success && text ? text : "unknown";
}
