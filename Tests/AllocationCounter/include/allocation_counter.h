#ifndef CLEAVE_ALLOCATION_COUNTER_H
#define CLEAVE_ALLOCATION_COUNTER_H

/* Counts what the calling thread allocates with malloc and its relatives, whoever calls them. Needs glibc. */

#include <stdbool.h>
#include <stdint.h>

/* Whether the program's allocations are seen: not where another library replaces malloc. */
bool allocations_are_counted(void);

typedef struct {
    int64_t count, bytes;
} allocation_tally;

void allocations_start(void);
/* What was allocated since `allocations_start` on this thread, freed again or not. */
allocation_tally allocations_stop(void);

#endif
