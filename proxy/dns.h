/* DNS messages as a relay sees them (RFC 1035 §4): which question is asked, whether a reply answers it, and which
 * addresses it gives to the name asked for. Pure; nothing of a message is trusted: every length is checked, compression
 * only ever leads backwards (RFC 1035 §4.1.4), and what is read of one message is bounded. */
#ifndef PROXY_DNS_H
#define PROXY_DNS_H

#include <netinet/in.h>
#include <stdint.h>

#include "http/span.h"

enum {
        DNS_PORT = 53,
        DNS_NAME_MAX = 255, /* bytes of a name, with the lengths of its labels (RFC 1035 §3.1) */
        DNS_QUESTION_MAX = DNS_NAME_MAX + 4,
        DNS_HOST_MAX = 254, /* of a name as text, with a zero */
        DNS_ADDRESSES_MAX = 64
};

/* The addresses at the end of the chain of CNAMEs that begins at the name asked for. */
struct dns_addresses {
        char host[DNS_HOST_MAX]; /* that name, lower case, no final dot */
        uint32_t ttl;            /* seconds: the least one of the chain */
        int family;              /* AF_INET or AF_INET6 */
        size_t count;
        union {
                struct in_addr in;
                struct in6_addr in6;
        } at[DNS_ADDRESSES_MAX];
};

/* Whether it is a standard query with one question, which is then at *question, within the message: name (never
 * compressed), type and class, DNS_QUESTION_MAX bytes at the most. */
bool dns_query(struct span message, struct span *question);

/* The id of a message of two bytes or more. */
uint16_t dns_id(const char *message);
void dns_set_id(char *message, uint16_t id);

/* Whether it is the reply to this question under this id. The question is compared byte for byte, so that a forger has
 * to guess the case of its letters too. Only an error may leave it out, as servers do that could not read it. */
bool dns_answers(struct span message, uint16_t id, struct span question);

/* What a reply, of which dns_answers is true, says of the name asked for. False where it is an error, truncated, not
 * about A or AAAA of the Internet, longer than is read, or cannot be parsed, where the name is none that a host can
 * have, or there is no address: then nothing can be learnt from it. Owner names on the way are not told at all. */
bool dns_addresses(struct span message, struct span question, struct dns_addresses *);

#endif
