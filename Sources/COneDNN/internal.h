#ifndef CLEAVE_ONEDNN_INTERNAL_H
#define CLEAVE_ONEDNN_INTERNAL_H

#include "onednn.h"

#include <oneapi/dnnl/dnnl.h>

/* The C API differs from one major version to the next: each needs its own layout_v*.c, primitives_v*.c and runtime_v*.c. */
#if DNNL_VERSION_MAJOR != 2
#error "only version 2 of oneDNN is supported"
#endif

struct onednn_layout {
    dnnl_memory_desc_t desc;
};

struct onednn_primitive {
    dnnl_primitive_t handle;
};

struct onednn_memory {
    dnnl_memory_t handle;
};

/* The one CPU engine and its stream, made on first use; NULL when oneDNN cannot make them. */
dnnl_engine_t onednn_engine(void);
dnnl_stream_t onednn_stream(void);

onednn_status onednn_from_dnnl(dnnl_status_t status);
dnnl_data_type_t onednn_dnnl_type(onednn_type type);
int onednn_dnnl_argument(int role);
dnnl_alg_kind_t onednn_dnnl_pool(onednn_pool_kind kind);

/* Makes the primitive of an operation descriptor, which `status` says whether there is one. The gradient of an operation names the
 * descriptor of that, which it then destroys. */
onednn_status onednn_make_primitive(
    onednn_primitive **out, dnnl_status_t status, const_dnnl_op_desc_t operation, onednn_post_ops post_ops, dnnl_primitive_desc_t forward);
/* The primitive descriptor of a forward operation, for its gradient; NULL when there is none. */
dnnl_primitive_desc_t onednn_forward_desc(dnnl_status_t status, const_dnnl_op_desc_t operation);
/* oneDNN counts the gaps between kernel elements, so that 0 is dense. */
void onednn_gaps(const onednn_window *window, dnnl_dims_t gaps);

#endif
