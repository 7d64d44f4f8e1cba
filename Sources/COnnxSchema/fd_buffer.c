#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wire.h"

/* The most that one system call is asked to write: Linux stops short of 2 GiB, macOS refuses it. */
static const size_t most_at_once = (size_t)1 << 30;

/* Writes what is gathered and then `size` more bytes, or remembers the error. */
static void write_out(cleave_fd_buffer *buffer, const uint8_t *bytes, size_t size) {
    const uint8_t *gathered = buffer->staging;
    size_t left = buffer->used;
    buffer->used = 0;
    while (buffer->error == 0 && (left != 0 || size != 0)) {
        struct iovec parts[2] = {
            {.iov_base = (void *)gathered, .iov_len = left},
            {.iov_base = (void *)bytes, .iov_len = size < most_at_once ? size : most_at_once},
        };
        ssize_t count = writev(buffer->fd, parts, 2);
        if (count < 0) {
            if (errno != EINTR) buffer->error = errno;
            continue;
        }
        if (count == 0) {
            buffer->error = EIO;
            continue;
        }
        size_t written = (size_t)count;
        size_t from_gathered = written < left ? written : left;
        gathered += from_gathered;
        left -= from_gathered;
        bytes += written - from_gathered;
        size -= written - from_gathered;
    }
}

void cleave_fd_buffer_append(cleave_fd_buffer *buffer, const void *bytes, size_t size) {
    buffer->total += size;
    if (buffer->error != 0 || size == 0) return;
    if (size >= buffer->capacity / 4) {
        write_out(buffer, bytes, size);
        return;
    }
    if (size > buffer->capacity - buffer->used) write_out(buffer, NULL, 0);
    memcpy(buffer->staging + buffer->used, bytes, size);
    buffer->used += size;
}

static void append(ProtobufCBuffer *base, size_t size, const uint8_t *bytes) {
    cleave_fd_buffer_append((cleave_fd_buffer *)base, bytes, size);
}

int cleave_fd_buffer_init(cleave_fd_buffer *buffer, int fd, size_t capacity) {
    if (capacity == 0) capacity = (size_t)256 << 10;
    *buffer = (cleave_fd_buffer){
        .base = {.append = append},
        .fd = fd,
        .capacity = capacity,
        .staging = malloc(capacity),
    };
    return buffer->staging != NULL ? 0 : ENOMEM;
}

size_t cleave_fd_buffer_pack(cleave_fd_buffer *buffer, const ProtobufCMessage *message) {
    return protobuf_c_message_pack_to_buffer(message, &buffer->base);
}

int cleave_fd_buffer_flush(cleave_fd_buffer *buffer) {
    write_out(buffer, NULL, 0);
    return buffer->error;
}

void cleave_fd_buffer_destroy(cleave_fd_buffer *buffer) {
    free(buffer->staging);
    buffer->staging = NULL;
}
