/**
 * The checker and the shape inference of the ONNX project's own library, for C.
 *
 * Models go in and out as serialized onnx.ModelProto. No function lets an exception out, and all may be called from
 * several threads at once.
 *
 * The library is made for input that is roughly what it expects. What it is known to misread or to recurse over without
 * end is found here first and refused: newer IR versions and operator sets (of functions, too), element types that it
 * does not have, and functions that call each other in a circle. Its shape inference still reads through null pointers
 * for some models that its own checker accepts, such as a ConvTranspose whose input and weight differ in rank. It
 * therefore works in a child process, which takes some milliseconds, and which may crash or use up its two minutes of
 * processor time without harm.
 *
 * The domain "ai.onnx" is renamed to the empty one everywhere before the library sees the model; the two are the same,
 * but the library only knows the latter. Tensors with external data are looked for in the current folder.
 */
#ifndef CLEAVE_LIBONNX_H
#define CLEAVE_LIBONNX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a call came to. Every status but the first comes with a message. */
typedef enum cleave_libonnx_status {
    /** The library has no objection. */
    CLEAVE_LIBONNX_OK = 0,
    /** The model breaks a rule; the message is the library's. */
    CLEAVE_LIBONNX_INVALID,
    /** The model uses what the library is too old for. It was not asked, and the model may be perfectly fine. */
    CLEAVE_LIBONNX_TOO_NEW,
    /** The bytes are no ModelProto. */
    CLEAVE_LIBONNX_UNREADABLE,
    /** The library crashed, or did not come to an end. The model is most likely at fault, but no reason is known. */
    CLEAVE_LIBONNX_CRASHED,
    /** Memory or processes ran out, or the result is over 2 GiB. */
    CLEAVE_LIBONNX_FAILED,
} cleave_libonnx_status;

/** Options of cleave_libonnx_infer_shapes(), to be combined. */
typedef enum cleave_libonnx_options {
    /** An operator whose inference fails makes the call fail; otherwise its outputs just stay unknown. */
    CLEAVE_LIBONNX_STRICT = 1,
    /** The types of all nodes' inputs are checked against the operators' constraints. */
    CLEAVE_LIBONNX_CHECK_TYPES = 2,
    /** Values are computed through the operators that exporters use to compute shapes. */
    CLEAVE_LIBONNX_PROPAGATE_DATA = 4,
} cleave_libonnx_options;

/** The library's release, such as "1.12.0". Static storage. */
const char *cleave_libonnx_version(void);

/** The newest IR version that the library knows. */
int64_t cleave_libonnx_newest_ir_version(void);

/** The newest operator set that the library knows of a domain, or 0 if it does not know the domain. */
int64_t cleave_libonnx_newest_opset(const char *domain);

/**
 * Runs the checker.
 *
 * @param message  receives a text to be freed with cleave_libonnx_free(), or NULL if the status is CLEAVE_LIBONNX_OK or there
 *                 is no memory for it
 */
cleave_libonnx_status cleave_libonnx_check(const void *bytes, size_t size, char **message);

/**
 * Runs shape inference.
 *
 * @param options        cleave_libonnx_options, or 0
 * @param inferred       receives the model with what was inferred added to its value_info and outputs, serialized, to be
 *                       freed with cleave_libonnx_free(); NULL if the status is not CLEAVE_LIBONNX_OK
 * @param inferred_size  receives the number of these bytes
 * @param message        as for cleave_libonnx_check()
 */
cleave_libonnx_status cleave_libonnx_infer_shapes(
    const void *bytes, size_t size, unsigned options, void **inferred, size_t *inferred_size, char **message);

/** Frees what a function of this header returned. NULL is allowed. */
void cleave_libonnx_free(void *block);

#ifdef __cplusplus
}
#endif

#endif
