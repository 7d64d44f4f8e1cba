#ifdef __linux__
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wire.h"

/* The most that one system call is asked to write: Linux stops short of 2 GiB, macOS refuses it. */
static const size_t most_at_once = (size_t)1 << 30;

/* How much is written before the system is asked to bring it to the disk. */
static const uint64_t writeback_interval = (uint64_t)2 << 20;

/* Has the disk work while more is written, so that a later fsync() finds little left to do. */
static void start_writeback(cleave_fd_buffer *buffer) {
#ifdef __linux__
    if (buffer->written - buffer->submitted < writeback_interval) return;
    off_t end = lseek(buffer->fd, 0, SEEK_CUR);
    uint64_t size = buffer->written - buffer->submitted;
    if (end >= 0 && (uint64_t)end >= size) {
        sync_file_range(buffer->fd, (off64_t)((uint64_t)end - size), (off64_t)size, SYNC_FILE_RANGE_WRITE);
    }
    buffer->submitted = buffer->written;
#else
    (void)buffer;
    (void)writeback_interval;
#endif
}

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
        buffer->written += written;
        size_t from_gathered = written < left ? written : left;
        gathered += from_gathered;
        left -= from_gathered;
        bytes += written - from_gathered;
        size -= written - from_gathered;
    }
    start_writeback(buffer);
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
