#include "allocation_counter.h"

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

#if defined(__GLIBC__) && !defined(SANITIZED)

#include <errno.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *address, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static _Thread_local bool counting;
static _Thread_local allocation_tally tally;

static void note(size_t bytes) {
    if (!counting) return;
    tally.count++;
    tally.bytes += (int64_t)bytes;
}

void *malloc(size_t size) {
    note(size);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    note(count * size);
    return __libc_calloc(count, size);
}

void *realloc(void *address, size_t size) {
    note(size);
    return __libc_realloc(address, size);
}

void *memalign(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **out, size_t alignment, size_t size) {
    void *address = memalign(alignment, size);
    if (!address) return ENOMEM;
    *out = address;
    return 0;
}

bool allocations_are_counted(void) { return true; }

void allocations_start(void) {
    tally = (allocation_tally){0, 0};
    counting = true;
}

allocation_tally allocations_stop(void) {
    counting = false;
    return tally;
}

#else

bool allocations_are_counted(void) { return false; }
void allocations_start(void) {}
allocation_tally allocations_stop(void) { return (allocation_tally){0, 0}; }

#endif
