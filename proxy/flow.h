/* Flows of datagrams: a client and the destination it sends to, with the socket that sends on in the client's name.
 *
 * A worker's table of them is bounded; when it is full the one goes that was used longest ago. Each ends when it has
 * been silent for long enough. One thread, no locks. */
#ifndef PROXY_FLOW_H
#define PROXY_FLOW_H

#include <event2/event_struct.h>

#include "proxy/address.h"
#include "proxy/dns_relayed.h"
#include "proxy/wheel.h"

struct flow {
        struct flow *chain;         /* next of the same hash */
        struct flow *newer, *older; /* by their last use */
        struct timer timer;
        struct event event;
        void *owner;                       /* whoever gets its events */
        union address client, destination; /* with their ports */
        int fd;                            /* bound to the client's address, connected to the destination */
        bool answered;                     /* something has come back */
        struct dns_relayed query;          /* of a DNS query, which has its flow to itself: it is never found */
};

struct flows {
        struct flow **chains;
        struct flow *newest, *oldest;
        unsigned count, max;
        uint32_t mask, seed;
};

/* An empty table for `max` flows, at least one; `seed` is random. False: out of memory. */
bool flows_make(struct flows *, unsigned max, uint32_t seed);

/* Frees the table, which must be empty. */
void flows_unmake(struct flows *);

/* The flow from a client to a destination, or NULL. */
struct flow *flows_find(const struct flows *, const union address *client, const union address *destination);

/* Puts a flow into a table that is not full; it belongs to the caller until and after flows_remove. */
void flows_add_take(struct flows *, struct flow *);
void flows_remove(struct flows *, struct flow *);

static inline bool flows_full(const struct flows *t)
{
        return t->count >= t->max;
}

/* It is used now. */
void flows_use(struct flows *, struct flow *);

/* For how many seconds it may be silent. */
int64_t flow_patience(const struct flow *);

#endif
