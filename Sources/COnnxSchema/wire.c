#include "wire.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.pb-c.h"

enum {
    wire_varint = 0,
    wire_64bit = 1,
    wire_length_prefixed = 2,
    wire_32bit = 5,
};

/* What malloc adds to a block, header and rounding together. */
static const size_t block_overhead = 16;

const ProtobufCMessageDescriptor *cleave_model_descriptor(void) { return &onnx__model_proto__descriptor; }

const ProtobufCMessageDescriptor *cleave_tensor_descriptor(void) { return &onnx__tensor_proto__descriptor; }

cleave_wire_limits cleave_wire_default_limits(void) {
    return (cleave_wire_limits){.max_depth = 101, .max_expansion = 64, .free_memory = (size_t)16 << 20};
}

const char *cleave_wire_reason_text(cleave_wire_reason reason) {
    switch (reason) {
    case CLEAVE_WIRE_OK: return "nothing is wrong";
    case CLEAVE_WIRE_TOO_LARGE: return "it is over 2 GiB, the most that the format allows";
    case CLEAVE_WIRE_TRUNCATED: return "a value reaches beyond the end of what contains it";
    case CLEAVE_WIRE_BAD_VARINT: return "a number is longer than 10 bytes";
    case CLEAVE_WIRE_BAD_TAG: return "a field number is out of range";
    case CLEAVE_WIRE_BAD_WIRE_TYPE: return "a field has an encoding that the format does not use";
    case CLEAVE_WIRE_WRONG_WIRE_TYPE: return "a field has an encoding that does not belong to its type";
    case CLEAVE_WIRE_BAD_PACKED_LENGTH: return "a list's length is no multiple of its elements' size";
    case CLEAVE_WIRE_ZERO_IN_STRING: return "a string contains a zero byte";
    case CLEAVE_WIRE_REPEATED_MESSAGE: return "a field that may occur once occurs again";
    case CLEAVE_WIRE_TOO_DEEP: return "messages are nested too deeply";
    case CLEAVE_WIRE_TOO_MUCH_MEMORY: return "it would need far more memory than its size justifies";
    }
    return "unknown reason";
}

/* One message that is being walked. */
typedef struct frame {
    const ProtobufCMessageDescriptor *message;
    const uint8_t *end;
    /* Singular submessages seen so far: bit i stands for message->fields[i]. */
    uint64_t seen;
} frame;

typedef struct walk {
    const uint8_t *at;
    size_t memory;
    size_t depth;
    size_t max_depth;
    frame frames[CLEAVE_WIRE_DEPTH_CAP];
} walk;

/* Reads a varint of at most `max_bytes` bytes and moves *at behind it. Excess bits are dropped. */
static cleave_wire_reason read_varint(const uint8_t **at, const uint8_t *end, unsigned max_bytes, uint64_t *value) {
    uint64_t result = 0;
    for (unsigned i = 0; i < max_bytes; i++) {
        if (*at == end) return CLEAVE_WIRE_TRUNCATED;
        uint8_t byte = *(*at)++;
        result |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *value = result;
            return CLEAVE_WIRE_OK;
        }
    }
    return CLEAVE_WIRE_BAD_VARINT;
}

static unsigned wire_type_of(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32: return wire_32bit;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64: return wire_64bit;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return wire_length_prefixed;
    default: return wire_varint;
    }
}

/* The size of an element in the array of a repeated field. */
static size_t element_size(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return 8;
    case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
    default: return 4;
    }
}

static cleave_wire_reason check_packed(walk *w, const ProtobufCFieldDescriptor *field, const uint8_t *end) {
    size_t count = 0;
    switch (wire_type_of(field->type)) {
    case wire_32bit:
    case wire_64bit: {
        size_t width = element_size(field->type);
        size_t length = (size_t)(end - w->at);
        if (length % width != 0) return CLEAVE_WIRE_BAD_PACKED_LENGTH;
        count = length / width;
        break;
    }
    default: {
        const uint8_t *at = w->at;
        uint64_t ignored;
        for (; at != end; count++) {
            cleave_wire_reason reason = read_varint(&at, end, 10, &ignored);
            if (reason != CLEAVE_WIRE_OK) return reason;
        }
    }
    }
    w->memory += count * element_size(field->type);
    w->at = end;
    return CLEAVE_WIRE_OK;
}

static cleave_wire_reason enter_message(walk *w, const ProtobufCFieldDescriptor *field, const uint8_t *end) {
    frame *parent = &w->frames[w->depth - 1];
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        uint64_t bit = (uint64_t)1 << ((field - parent->message->fields) & 63);
        if (parent->seen & bit) return CLEAVE_WIRE_REPEATED_MESSAGE;
        parent->seen |= bit;
    }
    if (w->depth == w->max_depth) return CLEAVE_WIRE_TOO_DEEP;
    const ProtobufCMessageDescriptor *message = field->descriptor;
    w->frames[w->depth++] = (frame){.message = message, .end = end, .seen = 0};
    w->memory += message->sizeof_message + block_overhead;
    return CLEAVE_WIRE_OK;
}

/* Checks a length-prefixed value whose first byte is at w->at. Leaves w->at behind it, or inside it for a message. */
static cleave_wire_reason check_run(walk *w, const ProtobufCFieldDescriptor *field, const uint8_t *end) {
    size_t length = (size_t)(end - w->at);
    if (field == NULL) {
        w->at = end;
        return CLEAVE_WIRE_OK;
    }
    bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
    unsigned wire_type = wire_type_of(field->type);
    if (wire_type != wire_length_prefixed) {
        return repeated ? check_packed(w, field, end) : CLEAVE_WIRE_WRONG_WIRE_TYPE;
    }
    if (repeated) w->memory += element_size(field->type);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) return enter_message(w, field, end);
    if (field->type == PROTOBUF_C_TYPE_STRING && length != 0 && memchr(w->at, 0, length) != NULL) {
        return CLEAVE_WIRE_ZERO_IN_STRING;
    }
    w->memory += length + 1 + block_overhead;
    w->at = end;
    return CLEAVE_WIRE_OK;
}

/* Checks the value behind a tag. */
static cleave_wire_reason check_value(
    walk *w, const ProtobufCFieldDescriptor *field, unsigned wire_type, const uint8_t *end) {
    cleave_wire_reason reason;
    uint64_t value;
    const uint8_t *start = w->at;
    size_t width;
    switch (wire_type) {
    case wire_varint:
        reason = read_varint(&w->at, end, 10, &value);
        if (reason != CLEAVE_WIRE_OK) return reason;
        break;
    case wire_32bit:
    case wire_64bit:
        width = wire_type == wire_32bit ? 4 : 8;
        if ((size_t)(end - w->at) < width) return CLEAVE_WIRE_TRUNCATED;
        w->at += width;
        break;
    case wire_length_prefixed:
        /* protobuf-c reads lengths of at most five bytes. */
        reason = read_varint(&w->at, end, 5, &value);
        if (reason != CLEAVE_WIRE_OK) return reason;
        if (value > (uint64_t)(end - w->at)) return CLEAVE_WIRE_TRUNCATED;
        if (field == NULL) {
            w->memory += sizeof(ProtobufCMessageUnknownField) + block_overhead + (size_t)(w->at - start) + value;
        }
        return check_run(w, field, w->at + value);
    default:
        return CLEAVE_WIRE_BAD_WIRE_TYPE;
    }
    if (field == NULL) {
        w->memory += sizeof(ProtobufCMessageUnknownField) + block_overhead + (size_t)(w->at - start);
    } else if (wire_type != wire_type_of(field->type)) {
        return CLEAVE_WIRE_WRONG_WIRE_TYPE;
    } else if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        w->memory += element_size(field->type);
    }
    return CLEAVE_WIRE_OK;
}

/* Checks one field, tag and value. */
static cleave_wire_reason check_field(walk *w, const ProtobufCFieldDescriptor **field) {
    const frame *top = &w->frames[w->depth - 1];
    const uint8_t *end = top->end;
    uint64_t tag;
    *field = NULL;
    cleave_wire_reason reason = read_varint(&w->at, end, 5, &tag);
    if (reason != CLEAVE_WIRE_OK) return reason;
    uint64_t number = tag >> 3;
    if (number == 0 || number >= (uint64_t)1 << 29) return CLEAVE_WIRE_BAD_TAG;
    *field = protobuf_c_message_descriptor_get_field(top->message, (unsigned)number);
    return check_value(w, *field, tag & 7, end);
}

static cleave_wire_reason walk_all(
    walk *w, const uint8_t *bytes, size_t memory_limit, cleave_wire_report *report) {
    for (;;) {
        while (w->at == w->frames[w->depth - 1].end) {
            if (--w->depth == 0) return CLEAVE_WIRE_OK;
        }
        report->offset = (size_t)(w->at - bytes);
        report->message = w->frames[w->depth - 1].message;
        cleave_wire_reason reason = check_field(w, &report->field);
        if (w->depth > report->depth) report->depth = w->depth;
        if (reason != CLEAVE_WIRE_OK) return reason;
        if (w->memory > memory_limit) return CLEAVE_WIRE_TOO_MUCH_MEMORY;
    }
}

cleave_wire_reason cleave_wire_check(
    const ProtobufCMessageDescriptor *root, const uint8_t *bytes, size_t size,
    const cleave_wire_limits *limits, cleave_wire_report *report) {
    cleave_wire_report ignored;
    if (report == NULL) report = &ignored;
    *report = (cleave_wire_report){.reason = CLEAVE_WIRE_OK, .depth = 1};

    if (size > INT32_MAX) {
        report->message = root;
        return report->reason = CLEAVE_WIRE_TOO_LARGE;
    }
    /* Walking NULL + 0 would be undefined; any other address does for an input that has no bytes. */
    static const uint8_t nothing = 0;
    if (size == 0) bytes = &nothing;

    cleave_wire_limits chosen = limits != NULL ? *limits : cleave_wire_default_limits();
    walk w;
    w.at = bytes;
    w.memory = root->sizeof_message + block_overhead;
    w.depth = 1;
    w.max_depth = chosen.max_depth;
    if (w.max_depth > CLEAVE_WIRE_DEPTH_CAP) w.max_depth = CLEAVE_WIRE_DEPTH_CAP;
    w.frames[0] = (frame){.message = root, .end = bytes + size, .seen = 0};

    size_t memory_limit;
    if (__builtin_mul_overflow(chosen.max_expansion, size, &memory_limit)
        || __builtin_add_overflow(memory_limit, chosen.free_memory, &memory_limit)) {
        memory_limit = SIZE_MAX;
    }
    report->reason = walk_all(&w, bytes, memory_limit, report);
    report->memory = w.memory;
    if (report->reason == CLEAVE_WIRE_OK) {
        report->offset = size;
        report->message = NULL;
        report->field = NULL;
    }
    return report->reason;
}

static void *allocate(void *context, size_t size) {
    (void)context;
    if (size < 1024) return malloc(size);
    void *block = NULL;
    return posix_memalign(&block, 64, size) == 0 ? block : NULL;
}

static void release(void *context, void *block) {
    (void)context;
    free(block);
}

ProtobufCAllocator *cleave_wire_allocator(void) {
    static ProtobufCAllocator allocator = {.alloc = allocate, .free = release, .allocator_data = NULL};
    return &allocator;
}

ProtobufCBinaryData cleave_wire_take(ProtobufCBinaryData *field) {
    ProtobufCBinaryData taken = *field;
    *field = (ProtobufCBinaryData){.len = 0, .data = NULL};
    return taken;
}
