/* Asking resolvers for the addresses of a name, as one sends and receives (c-ares). Each query has sockets of its own,
 * and so a port that nobody can know beforehand (RFC 5452 §9.2). An answer that comes by UDP from where the clients are
 * is not taken: the question is asked again by TCP. No threads, no waiting: the caller polls. */
#ifndef PROXY_RESOLVE_H
#define PROXY_RESOLVE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/address.h"

enum {
        QUERY_ADDRESSES = 128,   /* more in one answer are left out */
        QUERY_FDS = 15,          /* as many as c-ares can tell of: of each resolver one for UDP, one for TCP */
        QUERY_TIMEOUT_MS = 1000, /* of each of two tries */
        NAME_TEXT = 254          /* a name of DNS, and a zero */
};

enum resolved {
        RESOLVED_PENDING,
        RESOLVED_ADDRESSES, /* at least one */
        RESOLVED_NONE,      /* a resolver has answered, but not with an address */
        RESOLVED_SILENT     /* nobody has answered */
};

struct answer_address {
        union address address;
        uint32_t ttl; /* seconds; the least of the chain's */
};

struct answer {
        enum resolved resolved;
        size_t count;
        struct answer_address addresses[QUERY_ADDRESSES];
};

struct config;
struct resolver;
struct resolvers;
struct query;

/* Where there are none, the one that resolv.conf(5) makes of that: this machine. The configuration, which says where
 * the clients are, must outlive it. NULL: out of memory. */
struct resolver *resolver_new(const struct resolvers *, const struct config *);

/* Queries that are started from now on go to these. False: out of memory, and nothing has changed. */
bool resolver_set(struct resolver *, const struct resolvers *);

void resolver_free(struct resolver **);

/* Asks for IPv4 and IPv6 addresses of `name` (a "." asks only whether a resolver answers). NULL: out of memory or
 * descriptors. The query must not outlive the resolver. */
struct query *query_start(struct resolver *, const char *name);
void query_free(struct query **);

/* What it waits for, into `fds`; returns how many. Milliseconds until it wants to be run whatever comes: at most
 * `most`.
 */
int query_fds(const struct query *, struct pollfd fds[QUERY_FDS]);
int query_wait(const struct query *, int most);

/* Goes on with what has come. The answer belongs to the query. */
const struct answer *query_run(struct query *, const struct pollfd *fds, int count);

/* Whether a host can be asked for: labels of letters, digits, hyphens and underscores, of which the last is no number
 * (such a host is meant as an address). */
bool resolve_askable(const char *host, size_t len);

#endif
