/* What a relayed reply teaches (design.md §5): that the name asked for has these addresses. Believed is only a trusted
 * resolver, and only what came in by an interface that is not the clients' (cases.md D2, D6). */
#ifndef PROXY_DNS_LEARN_H
#define PROXY_DNS_LEARN_H

#include "proxy/dns.h"
#include "proxy/resolvers.h"

/* A worker's. */
struct dns_learner {
        const struct config *config;
        struct resolvers trusted;
        unsigned ifindex; /* the interface that was looked up last, */
        bool clients;     /* whether it is a client interface, */
        int64_t looked;   /* and when */
};

/* Reads who is trusted. The configuration must outlive it. */
void dns_learner_make(struct dns_learner *, const struct config *);

/* Whether it may be learnt what a resolver said in a message that came in by this interface. `now`: seconds. */
bool dns_learner_trusts(struct dns_learner *, const union address *resolver, unsigned ifindex, int64_t now);

/* One of the addresses, with port 0. */
void dns_address(const struct dns_addresses *, size_t index, union address *);

#endif
