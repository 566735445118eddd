/* What was evicted lately, by a hash of its key: 8 bytes each, in buckets of four. What is put again soon after it went
 * was worth keeping. A wrong yes (two keys with the same 32 bits) only keeps something a little longer. For one thread.
 */
#ifndef CACHE_GHOST_H
#define CACHE_GHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ghosts {
        struct ghost {
                uint32_t mark, when; /* mark 0: empty */
        } * slots;
        size_t count;     /* a power of two, or 0 */
        uint64_t evicted; /* bytes, ever */
};

/* Room for about so many; what is there is kept. Out of memory: it stays as it is. */
void ghosts_fit(struct ghosts *, size_t count);

/* One went, of so many bytes. */
void ghosts_put(struct ghosts *, uint32_t mark, uint64_t bytes);

/* True: this one went, and not more than so many bytes have gone since. It is forgotten. */
bool ghosts_take(struct ghosts *, uint32_t mark, uint64_t since);

void ghosts_free(struct ghosts *);

#endif
