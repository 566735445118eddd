/* How much each client has of something, so that none has all of it. Of connections: who has more than its share is
 * handed back, which is to say that its new ones go direct until it has fewer (setup.h, gate_crowded). Of memory: see
 * fill.h.
 *
 * A client is an IPv4 address, or the network of 64 bits that an IPv6 address is in. */
#ifndef PROXY_QUOTA_H
#define PROXY_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/address.h"

enum {
        QUOTA_SECONDS = 10,     /* how long one that has too many is handed back for, … */
        QUOTA_RENEW_MS = 4000,  /* … and how often that is said again while it has */
        QUOTA_CROWDED_MAX = 64, /* clients that are remembered to have too many */
};

struct quota;

struct quota *quota_new(unsigned limit); /* NULL: out of memory, or no randomness */
void quota_free(struct quota **);

/* So much more, or with its negative less, for this client: what it has then, or more than that. No lock. Any thread.
 */
uint32_t quota_add(struct quota *, const union address *client, uint32_t n);

/* A connection more, or less, of this client. No lock, unless it has too many. Any thread. True: it has, and whoever
 * keeps the gate has not been told so by quota_tend. */
bool quota_enter(struct quota *, const union address *client, int64_t now_ms);
void quota_leave(struct quota *, const union address *client);

/* Tells of each client for how long it is handed back from now on, where there is something new to say: QUOTA_SECONDS
 * again, or 1 where it has no longer too many, which is less than nine tenths of the limit. */
void quota_tend(struct quota *, int64_t now_ms,
                void (*tell)(void *argument, const union address *client, unsigned seconds), void *argument);

#endif
