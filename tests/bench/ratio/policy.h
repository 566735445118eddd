/* Simulated policies of eviction. Each has room for a number of bytes, is asked for one request of a trace after the
 * other, and says whether it held the object; what it did not hold it takes in, unless that is larger than the trace's
 * `largest`, as in a store. Sizes are those of the bodies: no simulated cache has pages, records or free lists. */
#ifndef RATIO_POLICY_H
#define RATIO_POLICY_H

#include "tests/bench/ratio/trace.h"

struct policy {
        const char *name;
        bool offline; /* it knows what will be asked for: no cache can be so */
        /* NULL: out of memory. The trace must outlive it. */
        void *(*make)(const struct trace *, uint64_t room);
        bool (*ask)(void *, size_t at);
        uint64_t (*held)(const void *); /* bytes */
        void (*free)(void *);
};

/* Least recently used. */
extern const struct policy policy_lru;
/* SIEVE (Zhang et al., NSDI 2024). */
extern const struct policy policy_sieve;
/* S3-FIFO (Yang et al., SOSP 2023): a tenth of the bytes is the small queue, the ghost queue stands for as many bytes
 * as the main one. From the small queue goes to the main one what was read twice, as the paper has it, or once. */
extern const struct policy policy_s3fifo, policy_s3fifo_once;
/* Greedy Dual, Size, Frequency (Cherkasova, 1998), cost 1: made for the object hit ratio. */
extern const struct policy policy_gdsf;
/* Belady's: what is needed last goes first, and may not even be taken in. Sizes are not looked at, so with sizes that
 * differ this is a good schedule and not the best; the bound is in bound.h. */
extern const struct policy policy_belady;
/* What cache/store_evict.c does, without a store: objects stay where they came in (ids in order), one bit each. */
extern const struct policy policy_fixed;

static inline bool policy_takes(const struct trace *t, uint32_t key)
{
        return t->sizes[key] <= t->largest;
}

/* Arrays with an element for each of the trace's objects, of these sizes, zeroed: in one block, to be freed as such.
 * NULL: out of memory. */
void *policy_arrays(const struct trace *, const size_t sizes[], size_t count, void *arrays[]);

struct ratios {
        double objects, bytes;
};

/* Requests from `from` on count; those before only warm it up. False: out of memory. */
bool policy_run(const struct policy *, const struct trace *, uint64_t room, size_t from, struct ratios *);

#endif
