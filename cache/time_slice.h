/* How long a thread computes at a time where others want its processor.
 *
 * Linux 6.12 and later keep what a thread asks for, and one that wakes goes before one whose slices are longer, as soon
 * as it has a right to. Earlier kernels ignore it. */
#ifndef CACHE_TIME_SLICE_H
#define CACHE_TIME_SLICE_H

#include <stdint.h>

/* A worker's are the shortest that the kernel grants, others' are longer, so that a worker that wakes goes first. What
 * is left of a slice is lost to who offers the processor to others, so the writer's are not much longer. */
enum {
        TIME_SLICE_WORKER_NS = 100 * 1000,
        TIME_SLICE_WRITER_NS = 300 * 1000,
        TIME_SLICE_PREFAULT_NS = 100 * 1000 * 1000
};

/* For the calling thread. */
void time_slice(uint64_t ns);

#endif
