/* A client's DNS query on its way to the resolver of the client's choice: under an id of ours, so that a forger has to
 * guess that too, and never changed in anything else (design.md §7). */
#ifndef PROXY_QUERY_H
#define PROXY_QUERY_H

#include "proxy/dns.h"

struct query {
        uint16_t theirs, ours; /* ids: the client's, and the one it is relayed under */
        uint16_t question_len; /* 0: no query */
        char question[DNS_QUESTION_MAX];
};

/* If the message is a standard query with one question: remembers it, puts our id into it, and returns true. */
bool query_begin(struct query *, char *message, size_t len, uint16_t id);

/* Whether a message is the query's reply (cases.md D1); its id is then the client's again. */
bool query_end(const struct query *, char *message, size_t len);

#endif
