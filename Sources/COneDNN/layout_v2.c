#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* oneDNN counts "undefined" as a dimension-less descriptor, so scalars are vectors of length 1 here. */
static bool fits(int rank) { return rank >= 1 && rank <= DNNL_MAX_NDIMS; }

static onednn_status wrap(onednn_layout **out, dnnl_status_t status, const dnnl_memory_desc_t *desc) {
    if (status != dnnl_success) return onednn_from_dnnl(status);
    onednn_layout *layout = malloc(sizeof *layout);
    if (!layout) return ONEDNN_OUT_OF_MEMORY;
    layout->desc = *desc;
    *out = layout;
    return ONEDNN_OK;
}

onednn_status onednn_layout_create(onednn_layout **out, int rank, const int64_t *dims, const int64_t *strides, onednn_type type) {
    if (!fits(rank)) return ONEDNN_INVALID_ARGUMENTS;
    dnnl_dims_t plain;
    if (!strides) {
        int64_t stride = 1;
        for (int i = rank - 1; i >= 0; i--) {
            plain[i] = stride;
            stride *= dims[i] > 0 ? dims[i] : 1;
        }
        strides = plain;
    }
    dnnl_memory_desc_t desc;
    return wrap(out, dnnl_memory_desc_init_by_strides(&desc, rank, dims, onednn_dnnl_type(type), strides), &desc);
}

onednn_status onednn_layout_create_any(onednn_layout **out, int rank, const int64_t *dims, onednn_type type) {
    if (!fits(rank)) return ONEDNN_INVALID_ARGUMENTS;
    dnnl_memory_desc_t desc;
    return wrap(out, dnnl_memory_desc_init_by_tag(&desc, rank, dims, onednn_dnnl_type(type), dnnl_format_tag_any), &desc);
}

onednn_status onednn_layout_create_channel_blocked(onednn_layout **out, int rank, const int64_t *dims, int block, onednn_type type) {
    static const dnnl_format_tag_t by16[] = {dnnl_aBc16b, dnnl_aBcd16b, dnnl_aBcde16b};
    static const dnnl_format_tag_t by8[] = {dnnl_aBc8b, dnnl_aBcd8b, dnnl_aBcde8b};
    static const dnnl_format_tag_t by4[] = {dnnl_aBc4b, dnnl_aBcd4b, dnnl_aBcde4b};
    if (rank < 3 || rank > 5 || (block != 16 && block != 8 && block != 4)) return ONEDNN_INVALID_ARGUMENTS;
    dnnl_format_tag_t tag = (block == 16 ? by16 : block == 8 ? by8 : by4)[rank - 3];
    dnnl_memory_desc_t desc;
    return wrap(out, dnnl_memory_desc_init_by_tag(&desc, rank, dims, onednn_dnnl_type(type), tag), &desc);
}

void onednn_layout_destroy(onednn_layout *layout) { free(layout); }

bool onednn_layout_equal(const onednn_layout *left, const onednn_layout *right) {
    return dnnl_memory_desc_equal(&left->desc, &right->desc) != 0;
}

size_t onednn_layout_size(const onednn_layout *layout) { return dnnl_memory_desc_get_size(&layout->desc); }

static onednn_type type_of(dnnl_data_type_t type) {
    switch (type) {
    case dnnl_bf16: return ONEDNN_BF16;
    case dnnl_s32: return ONEDNN_S32;
    case dnnl_s8: return ONEDNN_S8;
    case dnnl_u8: return ONEDNN_U8;
    default: return ONEDNN_F32;
    }
}

void onednn_layout_describe(const onednn_layout *layout, onednn_description *out) {
    const dnnl_memory_desc_t *desc = &layout->desc;
    const dnnl_blocking_desc_t *blocking = &desc->format_desc.blocking;
    memset(out, 0, sizeof *out);
    out->rank = desc->ndims;
    out->type = type_of(desc->data_type);
    out->is_blocked = desc->format_kind == dnnl_blocked && desc->extra.flags == 0 && desc->offset0 == 0;
    for (int i = 0; i < desc->ndims; i++) {
        out->dims[i] = desc->dims[i];
        out->padded[i] = desc->padded_dims[i];
    }
    if (desc->format_kind != dnnl_blocked) return;
    for (int i = 0; i < desc->ndims; i++) out->strides[i] = blocking->strides[i];
    out->inner_count = blocking->inner_nblks;
    for (int i = 0; i < blocking->inner_nblks; i++) {
        out->inner_blocks[i] = blocking->inner_blks[i];
        out->inner_dims[i] = blocking->inner_idxs[i];
    }
}
