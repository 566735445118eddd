/* A client's DNS query on its way to the resolver of the client's choice: under an id of ours, so that a forger has to
 * guess that too, and never changed in anything else (design.md §7). */
#ifndef PROXY_DNS_RELAYED_H
#define PROXY_DNS_RELAYED_H

#include "proxy/dns.h"

struct dns_relayed {
        uint16_t theirs, ours; /* ids: the client's, and the one it is relayed under */
        uint16_t question_len; /* 0: no query */
        char question[DNS_QUESTION_MAX];
};

/* If the message is a standard query with one question: remembers it, puts our id into it, and returns true. */
bool dns_relayed_begin(struct dns_relayed *, char *message, size_t len, uint16_t id);

/* Whether a message is the query's reply (cases.md D1); its id is then the client's again. */
bool dns_relayed_end(const struct dns_relayed *, char *message, size_t len);

#endif
