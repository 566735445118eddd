/* What a relayed reply teaches (design.md §5): that the name asked for has these addresses. Believed is only a trusted
 * resolver, and only what came in by an interface that is not the clients' (cases.md D2, D6). */
#ifndef PROXY_DNS_LEARN_H
#define PROXY_DNS_LEARN_H

#include "proxy/bindings.h"
#include "proxy/dns.h"
#include "proxy/trusted.h"

/* A worker's. */
struct dns_learner {
        const struct config *config;
        struct trusted *trusted;
        struct trusted_copy copy;
        unsigned ifindex; /* the interface that was looked up last, */
        bool clients;     /* whether it is a client interface, */
        int64_t looked;   /* and when */
};

/* The configuration, and who is trusted, must outlive it. */
void dns_learner_make(struct dns_learner *, const struct config *, struct trusted *);

/* Whether an interface is the clients'. One that cannot be named is not trusted either. */
bool dns_from_clients(const struct config *, unsigned ifindex);

/* A reply of which dns_answers is true. */
struct dns_reply {
        const union address *resolver; /* whom the client asked */
        struct span question, message;
        unsigned ifindex; /* by which it came */
};

/* Learns what may be learnt of it, if anything. Returns how many addresses that were. `now`: Unix time in seconds. */
size_t dns_learn(struct dns_learner *, struct bindings *, const struct dns_reply *, int64_t now);

#endif
