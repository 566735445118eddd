/* A connection to an origin, opened in the client's own name: bound to the client's address (any port), connected to
 * the original destination (ip(7) IP_TRANSPARENT). Owned by one client connection at a time, or idle in the worker's
 * pool. */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include "proxy/address.h"
#include "proxy/conn.h"

struct client;

struct upstream {
        struct conn conn;
        struct client *client;             /* owner; NULL: idle in the pool */
        union address source, destination; /* source: the client's, its port 0 */
        bool connecting;
        bool reused;                    /* it came from the pool */
        bool used;                      /* a request has been sent over it */
        bool paced;                     /* what comes next is read a moment later, with what follows it */
        unsigned tries;                 /* times that no local port was to be had */
        struct upstream *next, **link;  /* in the pool: the bucket */
        struct upstream *older, *newer; /* in the pool: by age */
        size_t host_len;                /* the host that it was opened for; 0: for none that was known */
        char host[];
};

/* An idle connection of that client to that destination for that host, or a new one that is being opened. NULL: out of
 * memory or descriptors; errno says. `fresh`: never an idle one. The client owns it from now on. */
struct upstream *upstream_get(struct client *, struct span host, bool fresh);

/* Whether bytes wait that came over it before anything was asked now: they answer nothing (RFC 9112 §9.2). */
bool upstream_spoke(const struct upstream *);

/* The exchange is over and the connection may be used again: into the pool. The client forgets it. */
void upstream_release(struct upstream **);

/* Closes. `reset`: with a reset. */
void upstream_close(struct upstream **, bool reset);

/* Registers what it waits for. */
void upstream_want(struct upstream *, short want);

#endif
