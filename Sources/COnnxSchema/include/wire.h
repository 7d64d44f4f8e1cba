/**
 * What protobuf-c leaves to its user: checking bytes before they are unpacked, unpacking tensor data into memory that
 * can be kept, and packing straight into a file.
 */
#ifndef CLEAVE_WIRE_H
#define CLEAVE_WIRE_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Descriptors ------------------------------------------------------------------------------------------------------ */

/** The descriptor of onnx.ModelProto, the root of a `.onnx` file. */
const ProtobufCMessageDescriptor *cleave_model_descriptor(void);

/** The descriptor of onnx.TensorProto, the root of a test data file. */
const ProtobufCMessageDescriptor *cleave_tensor_descriptor(void);

/* Checking --------------------------------------------------------------------------------------------------------- */

/** What cleave_wire_check() found. */
typedef enum cleave_wire_reason {
    CLEAVE_WIRE_OK = 0,
    /** Over 2 GiB - 1, the limit of every protobuf implementation. */
    CLEAVE_WIRE_TOO_LARGE,
    /** A value reaches beyond the end of the message that it is in. */
    CLEAVE_WIRE_TRUNCATED,
    /** A variable-length integer of more than 10 bytes. */
    CLEAVE_WIRE_BAD_VARINT,
    /** A field number of zero or over 2^29 - 1. */
    CLEAVE_WIRE_BAD_TAG,
    /** A wire type that ONNX does not use: groups, or one of the two undefined numbers. */
    CLEAVE_WIRE_BAD_WIRE_TYPE,
    /** A known field in an encoding that does not belong to its type. */
    CLEAVE_WIRE_WRONG_WIRE_TYPE,
    /** A packed list of fixed-width elements whose length is no multiple of the width. */
    CLEAVE_WIRE_BAD_PACKED_LENGTH,
    /** A string with a zero byte in it, which would be cut there. */
    CLEAVE_WIRE_ZERO_IN_STRING,
    /** A submessage that may occur once occurs again. */
    CLEAVE_WIRE_REPEATED_MESSAGE,
    /** Messages nested deeper than the limit. */
    CLEAVE_WIRE_TOO_DEEP,
    /** Unpacking would need more memory than a file of this size can justify. */
    CLEAVE_WIRE_TOO_MUCH_MEMORY,
} cleave_wire_reason;

/** How much cleave_wire_check() tolerates. */
typedef struct cleave_wire_limits {
    /** Messages inside one another, the root included; at most CLEAVE_WIRE_DEPTH_CAP. */
    size_t max_depth;
    /** Unpacked bytes for each byte of input ... */
    size_t max_expansion;
    /** ... on top of this many. */
    size_t free_memory;
} cleave_wire_limits;

/** The deepest nesting that can be asked for. */
#define CLEAVE_WIRE_DEPTH_CAP 256

/**
 * The limits that suit ONNX: 100 levels below the root, the limit of Google's implementations too, so that nothing they
 * read is refused; and 64 bytes of memory for each byte of input, 16 MiB aside.
 *
 * Weights expand to 1 to 8 times their size. The densest legitimate content, attributes and dimensions, expands up to
 * some 30 times, and empty messages without any content, which a file can state in two bytes each, over 100 times.
 */
cleave_wire_limits cleave_wire_default_limits(void);

/** The result of a check. */
typedef struct cleave_wire_report {
    cleave_wire_reason reason;
    /** Where the faulty field starts, counted from the first byte of the input. */
    size_t offset;
    /** The message that the faulty field is in. NULL when nothing is wrong. */
    const ProtobufCMessageDescriptor *message;
    /** The faulty field. NULL when it is not known by number, or nothing is wrong. */
    const ProtobufCFieldDescriptor *field;
    /** The deepest nesting seen so far. */
    size_t depth;
    /** An estimate of what unpacking allocates and keeps, for what was seen so far. */
    size_t memory;
} cleave_wire_report;

/**
 * Decides whether `size` bytes are safe to give to protobuf_c_message_unpack().
 *
 * protobuf-c recurses once for each level of nesting without a limit, has 32-bit length arithmetic, keeps strings as
 * C strings, reads out of bounds when a singular submessage that has a oneof is given twice, and says nothing about
 * the cause of a failure. This function walks the same structure along the descriptors, without recursion and without
 * allocation, skips strings' and tensors' contents by their length, and finds all of that first. What it accepts,
 * protobuf-c unpacks unless memory runs out.
 *
 * During unpacking, protobuf-c also holds a list of the fields of each open message, 40 bytes for a field. A field
 * takes at least two bytes of input, which bounds that part by 20 times the input; it is not in the estimate.
 *
 * @param root    the descriptor of the outermost message
 * @param bytes   the input; NULL is allowed for an empty one
 * @param limits  NULL for cleave_wire_default_limits()
 * @param report  receives the details; NULL if they do not matter
 */
cleave_wire_reason cleave_wire_check(
    const ProtobufCMessageDescriptor *root, const uint8_t *bytes, size_t size,
    const cleave_wire_limits *limits, cleave_wire_report *report);

/** A clause in English that completes "the file is damaged: …". Static storage. */
const char *cleave_wire_reason_text(cleave_wire_reason reason);

/* Unpacking -------------------------------------------------------------------------------------------------------- */

/**
 * An allocator for unpacking whose blocks of 1 KiB and more start at a multiple of 64 bytes, as vector code likes
 * tensors. Every block can be released with free() and outlives the message if it is taken out of it.
 */
ProtobufCAllocator *cleave_wire_allocator(void);

/**
 * Takes the bytes out of an unpacked field, which is left empty: freeing the message does not free them any more.
 * The caller releases them with free(), if the message was unpacked with cleave_wire_allocator().
 */
ProtobufCBinaryData cleave_wire_take(ProtobufCBinaryData *field);

/* Packing ---------------------------------------------------------------------------------------------------------- */

/**
 * A protobuf-c buffer that writes to a file descriptor.
 *
 * Short runs of bytes are gathered; a run of at least a quarter of the staging area is written from where it lies,
 * in one system call with what was gathered before it. After the first error nothing is written any more; the error is
 * kept until cleave_fd_buffer_flush() returns it.
 *
 * protobuf-c computes the size of each submessage before it packs it, so that no submessage is ever held in packed form:
 * memory stays at the staging area whatever the size of the model.
 */
typedef struct cleave_fd_buffer {
    ProtobufCBuffer base;
    int fd;
    /** The errno of the first failure, or 0. */
    int error;
    /** Bytes accepted so far, written or gathered. */
    uint64_t total;
    /** Bytes that reached the descriptor, and those of them that the system was asked to bring to the disk. */
    uint64_t written;
    uint64_t submitted;
    size_t capacity;
    size_t used;
    uint8_t *staging;
} cleave_fd_buffer;

/**
 * Prepares a buffer for an open file descriptor, which stays the caller's to close.
 *
 * @param capacity  size of the staging area; 0 for 256 KiB
 * @return 0, or ENOMEM, and then the buffer need not be destroyed
 */
int cleave_fd_buffer_init(cleave_fd_buffer *buffer, int fd, size_t capacity);

/** Adds bytes. They may be changed or freed as soon as this returns. */
void cleave_fd_buffer_append(cleave_fd_buffer *buffer, const void *bytes, size_t size);

/** Packs a message into the buffer and returns its packed size. Call cleave_fd_buffer_flush() to learn of errors. */
size_t cleave_fd_buffer_pack(cleave_fd_buffer *buffer, const ProtobufCMessage *message);

/** Writes what is gathered. Returns 0 if every byte so far reached the descriptor, otherwise the first errno. */
int cleave_fd_buffer_flush(cleave_fd_buffer *buffer);

/** Frees the staging area, without flushing. */
void cleave_fd_buffer_destroy(cleave_fd_buffer *buffer);

#ifdef __cplusplus
}
#endif

#endif
