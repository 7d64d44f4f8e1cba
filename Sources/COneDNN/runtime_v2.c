#include "internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* OpenMP's interface, declared here because clang ships no omp.h. */
extern void omp_set_num_threads(int count);
extern int omp_get_max_threads(void);

void onednn_set_threads(int count) { omp_set_num_threads(count); }
int onednn_threads(void) { return omp_get_max_threads(); }

static pthread_once_t once = PTHREAD_ONCE_INIT;
static dnnl_engine_t engine;
static dnnl_stream_t stream;
static char version[32];

static void initialize(void) {
    const dnnl_version_t *v = dnnl_version();
    snprintf(version, sizeof version, "%d.%d.%d", v->major, v->minor, v->patch);
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success) engine = NULL;
    if (!engine || dnnl_stream_create(&stream, engine, dnnl_stream_in_order) != dnnl_success) stream = NULL;
}

dnnl_engine_t onednn_engine(void) {
    pthread_once(&once, initialize);
    return engine;
}

dnnl_stream_t onednn_stream(void) {
    pthread_once(&once, initialize);
    return stream;
}

const char *onednn_version(void) {
    pthread_once(&once, initialize);
    return version;
}

onednn_status onednn_from_dnnl(dnnl_status_t status) {
    switch (status) {
    case dnnl_success: return ONEDNN_OK;
    case dnnl_out_of_memory: return ONEDNN_OUT_OF_MEMORY;
    case dnnl_invalid_arguments: return ONEDNN_INVALID_ARGUMENTS;
    case dnnl_unimplemented:
    case dnnl_iterator_ends: return ONEDNN_UNIMPLEMENTED;
    case dnnl_runtime_error:
    case dnnl_not_required: return ONEDNN_RUNTIME_ERROR;
    }
    return ONEDNN_RUNTIME_ERROR;
}

const char *onednn_status_text(onednn_status status) {
    switch (status) {
    case ONEDNN_OK: return "no error";
    case ONEDNN_OUT_OF_MEMORY: return "memory ran out";
    case ONEDNN_INVALID_ARGUMENTS: return "the primitive does not accept these shapes or parameters";
    case ONEDNN_UNIMPLEMENTED: return "the primitive does not support this combination of shapes, types and layouts";
    case ONEDNN_RUNTIME_ERROR: return "the primitive failed while it ran";
    }
    return "unknown status";
}

dnnl_data_type_t onednn_dnnl_type(onednn_type type) {
    switch (type) {
    case ONEDNN_F32: return dnnl_f32;
    case ONEDNN_BF16: return dnnl_bf16;
    case ONEDNN_S32: return dnnl_s32;
    case ONEDNN_S8: return dnnl_s8;
    case ONEDNN_U8: return dnnl_u8;
    }
    return dnnl_data_type_undef;
}

int onednn_dnnl_argument(int role) {
    if (role >= ONEDNN_POST_OP) return DNNL_ARG_ATTR_MULTIPLE_POST_OP(role - ONEDNN_POST_OP) | DNNL_ARG_SRC_1;
    switch ((onednn_role)role) {
    case ONEDNN_SOURCE: return DNNL_ARG_SRC_0;
    case ONEDNN_SOURCE_1: return DNNL_ARG_SRC_1;
    case ONEDNN_WEIGHTS: return DNNL_ARG_WEIGHTS;
    case ONEDNN_BIAS: return DNNL_ARG_BIAS;
    case ONEDNN_DESTINATION: return DNNL_ARG_DST;
    case ONEDNN_SCRATCHPAD: return DNNL_ARG_SCRATCHPAD;
    case ONEDNN_SCALE: return DNNL_ARG_SCALE;
    case ONEDNN_SHIFT: return DNNL_ARG_SHIFT;
    case ONEDNN_MEAN: return DNNL_ARG_MEAN;
    case ONEDNN_VARIANCE: return DNNL_ARG_VARIANCE;
    case ONEDNN_DIFF_SOURCE: return DNNL_ARG_DIFF_SRC;
    case ONEDNN_DIFF_WEIGHTS: return DNNL_ARG_DIFF_WEIGHTS;
    case ONEDNN_DIFF_BIAS: return DNNL_ARG_DIFF_BIAS;
    case ONEDNN_DIFF_DESTINATION: return DNNL_ARG_DIFF_DST;
    case ONEDNN_WORKSPACE: return DNNL_ARG_WORKSPACE;
    case ONEDNN_POST_OP: break;
    }
    return 0;
}

onednn_status onednn_memory_create(onednn_memory **out, const onednn_layout *layout, void *address) {
    onednn_memory *memory = malloc(sizeof *memory);
    if (!memory || !onednn_engine()) {
        free(memory);
        return ONEDNN_OUT_OF_MEMORY;
    }
    dnnl_status_t status = dnnl_memory_create(&memory->handle, &layout->desc, onednn_engine(), address);
    if (status != dnnl_success) {
        free(memory);
        return onednn_from_dnnl(status);
    }
    *out = memory;
    return ONEDNN_OK;
}

onednn_status onednn_memory_set_address(onednn_memory *memory, void *address) {
    return onednn_from_dnnl(dnnl_memory_set_data_handle_v2(memory->handle, address, onednn_stream()));
}

void onednn_memory_destroy(onednn_memory *memory) {
    dnnl_memory_destroy(memory->handle);
    free(memory);
}

onednn_status onednn_execute(const onednn_primitive *primitive, const onednn_argument *arguments, int count) {
    if (count > ONEDNN_MAX_ARGUMENTS || !onednn_stream()) return ONEDNN_INVALID_ARGUMENTS;
    dnnl_exec_arg_t list[ONEDNN_MAX_ARGUMENTS];
    for (int i = 0; i < count; i++) {
        list[i].arg = onednn_dnnl_argument(arguments[i].role);
        list[i].memory = arguments[i].memory->handle;
    }
    dnnl_status_t status = dnnl_primitive_execute(primitive->handle, onednn_stream(), count, list);
    if (status == dnnl_success) status = dnnl_stream_wait(onednn_stream());
    return onednn_from_dnnl(status);
}
