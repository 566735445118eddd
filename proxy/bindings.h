/* Bindings (design.md §5): which host was seen, in a trusted resolver's answer, to have which address. What is bound
 * may share a stored response with everybody who goes to that host. */
#ifndef PROXY_BINDINGS_H
#define PROXY_BINDINGS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "http/span.h"

struct bindings;

enum {
        BINDINGS_GRACE = 4 * 3600, /* seconds that a binding lets read after it has run out */
        BINDINGS_TTL_LEAST = 5,    /* seconds: an answer holds as long as it takes to use it */
        BINDINGS_SOON = 3,         /* seconds: who runs out so soon and is in use is worth asking for again; fewer than
                                    * BINDINGS_TTL_LEAST, so that any answer is good for longer */
        BINDINGS_TTL_MOST = 24 * 3600
};

enum binding {
        BINDING_NONE,
        BINDING_GRACE, /* may read the shared entry, not fill it */
        BINDING_BOUND
};

/* A table of about `max` pairs (rounded up to a multiple of eight); where it is full, the pair that runs out first
 * makes room. NULL: out of memory, or no random numbers to be had. */
struct bindings *bindings_new(size_t max);
void bindings_free(struct bindings *);

/* `host`, in any case and without a final dot, has this address for `ttl` seconds from `now` (Unix time in seconds) on.
 * An earlier answer that holds for longer stays. A name too long for DNS is not learnt. Any thread; it takes a lock. */
void bindings_learn(struct bindings *, struct span host, const struct sockaddr *address, uint32_t ttl, int64_t now);

/* Any thread: no lock, no allocation. Seconds for which the pair is still bound; 0 or less: since when it is not;
 * INT64_MIN: nothing is known of it. */
int64_t bindings_left(const struct bindings *, struct span host, const struct sockaddr *address, int64_t now);

/* What that means. */
enum binding binding_of(int64_t left);

static inline enum binding bindings_look(const struct bindings *b, struct span host, const struct sockaddr *address,
                                         int64_t now)
{
        return binding_of(bindings_left(b, host, address, now));
}

/* How many are bound now. Reads the whole table. */
size_t bindings_count(const struct bindings *, int64_t now);

/* Whether anything was learnt since it was last saved. */
bool bindings_changed(struct bindings *);

/* Writes the table, and reads one back into an empty table of any size: 0 or errno; EINVAL: it is damaged, or of
 * another format, and nothing has been taken from it. Reading is for the time before anybody else has the table. */
int bindings_save(struct bindings *, FILE *);
int bindings_load(struct bindings *, FILE *);

#endif
