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

#endif
