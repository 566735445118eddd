/* Idle connections to origins. One is used again only for the same client address and the same destination: anything
 * less would show one client's requests to a server under another's address. And only for the same host, as clients
 * themselves have it: what one host's server says of its own accord must not be taken for another's answer. Bounded;
 * the oldest goes. */
#ifndef PROXY_POOL_H
#define PROXY_POOL_H

#include "http/span.h"

struct upstream;

enum { POOL_BUCKETS = 1024, POOL_MAX = 2048 };

struct pool {
        struct upstream *buckets[POOL_BUCKETS];
        struct upstream *oldest, *newest;
        unsigned count;
};

union address;

/* Takes out a connection of `source` to `destination` that was opened for `host`, or NULL. */
struct upstream *pool_take(struct pool *, const union address *source, const union address *destination,
                           struct span host);

/* Puts one in; if that is one too many, the oldest is taken out and returned, for the caller to close. */
struct upstream *pool_put(struct pool *, struct upstream *);

void pool_remove(struct pool *, struct upstream *);

#endif
