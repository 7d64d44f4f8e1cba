#ifndef CLEAVE_ONEDNN_H
#define CLEAVE_ONEDNN_H

/* oneDNN behind a small interface that does not depend on the version of its C API.
 *
 * A layout says how a tensor lies in memory, a primitive is a compiled kernel, a memory is a layout with an address. All
 * three are immutable after creation (only `onednn_memory_set_address` changes a memory) and may be used by several threads.
 * Every function that can fail returns a status; outputs are written only on success. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { ONEDNN_MAX_RANK = 12, ONEDNN_MAX_ARGUMENTS = 40 };

typedef enum {
    ONEDNN_OK,
    ONEDNN_OUT_OF_MEMORY,
    ONEDNN_INVALID_ARGUMENTS,
    ONEDNN_UNIMPLEMENTED,
    ONEDNN_RUNTIME_ERROR,
} onednn_status;

/* A sentence fragment for people: "the primitive does not support this combination of shapes and types". */
const char *onednn_status_text(onednn_status status);

/* The library's version as "2.6.3". */
const char *onednn_version(void);

/* Number of threads that primitives created and run by the calling thread use. */
void onednn_set_threads(int count);
int onednn_threads(void);

typedef enum { ONEDNN_F32, ONEDNN_BF16, ONEDNN_S32, ONEDNN_S8, ONEDNN_U8 } onednn_type;

/* --- Layouts ---------------------------------------------------------------------------------------------------- */

typedef struct onednn_layout onednn_layout;

/* How a layout lies in memory. Strides count elements; inner blocks go from the outermost to the innermost. */
typedef struct {
    int rank;
    onednn_type type;
    int64_t dims[ONEDNN_MAX_RANK];
    int64_t padded[ONEDNN_MAX_RANK];
    int64_t strides[ONEDNN_MAX_RANK];
    int inner_count;
    int64_t inner_blocks[ONEDNN_MAX_RANK];
    int64_t inner_dims[ONEDNN_MAX_RANK];
    /* Whether the fields above say everything (false for weights with appended compensation and the like). */
    bool is_blocked;
} onednn_description;

/* Row-major without strides, else with the given ones (in elements). */
onednn_status onednn_layout_create(onednn_layout **out, int rank, const int64_t *dims, const int64_t *strides, onednn_type type);
/* For the primitive to choose. */
onednn_status onednn_layout_create_any(onednn_layout **out, int rank, const int64_t *dims, onednn_type type);
/* [N, C/block, spatial …, block]: channels in blocks, the last one padded with zeros. */
onednn_status onednn_layout_create_channel_blocked(onednn_layout **out, int rank, const int64_t *dims, int block, onednn_type type);
void onednn_layout_destroy(onednn_layout *layout);
bool onednn_layout_equal(const onednn_layout *left, const onednn_layout *right);
/* Bytes, padding included. */
size_t onednn_layout_size(const onednn_layout *layout);
void onednn_layout_describe(const onednn_layout *layout, onednn_description *out);

/* --- Primitives ------------------------------------------------------------------------------------------------- */

typedef struct onednn_primitive onednn_primitive;

typedef enum {
    ONEDNN_SOURCE, ONEDNN_SOURCE_1, ONEDNN_WEIGHTS, ONEDNN_BIAS, ONEDNN_DESTINATION, ONEDNN_SCRATCHPAD,
    ONEDNN_SCALE, ONEDNN_SHIFT, ONEDNN_MEAN, ONEDNN_VARIANCE,
    /* Gradients of source, weights, bias and destination. */
    ONEDNN_DIFF_SOURCE, ONEDNN_DIFF_WEIGHTS, ONEDNN_DIFF_BIAS, ONEDNN_DIFF_DESTINATION,
    /* What a pooling for training leaves to its gradient. */
    ONEDNN_WORKSPACE,
    /* ONEDNN_POST_OP + i: second operand of post-op i. */
    ONEDNN_POST_OP = 1000,
} onednn_role;

typedef enum { ONEDNN_MAX_POOL, ONEDNN_AVERAGE_POOL_WITH_PADDING, ONEDNN_AVERAGE_POOL_WITHOUT_PADDING } onednn_pool_kind;

/* What a primitive does to its result before it is stored. */
typedef struct {
    /* SUM adds what the destination holds, ADD an operand of its own. */
    enum { ONEDNN_POST_SUM, ONEDNN_POST_ADD } kind;
    /* ADD: the layout of the operand. */
    const onednn_layout *layout;
} onednn_post_op;

typedef struct {
    const onednn_post_op *ops;
    int count;
} onednn_post_ops;

/* A window over the spatial dimensions; a dilation of 1 is dense. Pads at the end may be negative. */
typedef struct {
    int rank;
    int64_t kernel[ONEDNN_MAX_RANK], strides[ONEDNN_MAX_RANK], dilations[ONEDNN_MAX_RANK];
    int64_t begin[ONEDNN_MAX_RANK], end[ONEDNN_MAX_RANK];
} onednn_window;

/* Weights are [O, I, spatial …], with groups [G, O/G, I/G, spatial …]; `bias` may be NULL. */
onednn_status onednn_convolution(
    onednn_primitive **out, const onednn_layout *source, const onednn_layout *weights, const onednn_layout *bias,
    const onednn_layout *destination, const onednn_window *window, onednn_post_ops post_ops);
/* Transposed convolution; weights as for a convolution with the roles of I and O as in the result. */
onednn_status onednn_deconvolution(
    onednn_primitive **out, const onednn_layout *source, const onednn_layout *weights, const onednn_layout *bias,
    const onednn_layout *destination, const onednn_window *window, onednn_post_ops post_ops);
/* source [M, K], weights [N, K], destination [M, N]. */
onednn_status onednn_inner_product(
    onednn_primitive **out, const onednn_layout *source, const onednn_layout *weights, const onednn_layout *bias,
    const onednn_layout *destination, onednn_post_ops post_ops);
/* source [batch …, M, K], weights [batch …, K, N], bias [1 …, 1, N]; batch dimensions of length 1 are broadcast. */
onednn_status onednn_matmul(
    onednn_primitive **out, const onednn_layout *source, const onednn_layout *weights, const onednn_layout *bias,
    const onednn_layout *destination, onednn_post_ops post_ops);
onednn_status onednn_pooling(
    onednn_primitive **out, onednn_pool_kind kind, const onednn_layout *source, const onednn_layout *destination,
    const onednn_window *window);
onednn_status onednn_reorder(onednn_primitive **out, const onednn_layout *source, const onednn_layout *destination);
/* x / (k + alpha/size · Σ x²)^beta over `size` channels. */
onednn_status onednn_lrn(onednn_primitive **out, const onednn_layout *data, int64_t size, float alpha, float beta, float k);

/* Gradients of `onednn_convolution` with respect to its source, and to its weights and bias; `diff_bias` may be NULL. */
onednn_status onednn_convolution_source_gradient(
    onednn_primitive **out, const onednn_layout *diff_source, const onednn_layout *weights, const onednn_layout *diff_destination,
    const onednn_window *window);
onednn_status onednn_convolution_weights_gradient(
    onednn_primitive **out, const onednn_layout *source, const onednn_layout *diff_weights, const onednn_layout *diff_bias,
    const onednn_layout *diff_destination, const onednn_window *window);
/* `onednn_pooling` that also fills a workspace when the kind is a maximum; and its gradient, which reads that. */
onednn_status onednn_pooling_training(
    onednn_primitive **out, onednn_pool_kind kind, const onednn_layout *source, const onednn_layout *destination,
    const onednn_window *window);
onednn_status onednn_pooling_gradient(
    onednn_primitive **out, onednn_pool_kind kind, const onednn_layout *diff_source, const onednn_layout *diff_destination,
    const onednn_window *window);

void onednn_primitive_destroy(onednn_primitive *primitive);
/* The layout that the primitive uses for an argument. */
onednn_status onednn_primitive_layout(const onednn_primitive *primitive, onednn_role role, onednn_layout **out);
/* Bytes that the primitive needs besides its arguments while it runs. */
size_t onednn_primitive_scratchpad(const onednn_primitive *primitive);
/* oneDNN's name of the implementation: "jit:avx512_core". */
const char *onednn_primitive_implementation(const onednn_primitive *primitive);

/* --- Running ---------------------------------------------------------------------------------------------------- */

typedef struct onednn_memory onednn_memory;

/* Zeros the padding of a blocked layout. The bytes must outlive the memory. */
onednn_status onednn_memory_create(onednn_memory **out, const onednn_layout *layout, void *address);
onednn_status onednn_memory_set_address(onednn_memory *memory, void *address);
void onednn_memory_destroy(onednn_memory *memory);

typedef struct {
    int role;
    const onednn_memory *memory;
} onednn_argument;

/* Runs the primitive to its end. */
onednn_status onednn_execute(const onednn_primitive *primitive, const onednn_argument *arguments, int count);

#ifdef __cplusplus
}
#endif

#endif
