/* An IPv4 or IPv6 address with its port, in the kernel's form. */
#ifndef PROXY_ADDRESS_H
#define PROXY_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

union address {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
};

enum { ADDRESS_TEXT = INET6_ADDRSTRLEN + 8 }; /* "[address]:port" and a zero */

socklen_t address_len(const union address *);
uint16_t address_port(const union address *);
void address_set_port(union address *, uint16_t port);

/* Same family and host; the port counts in the second. */
bool address_same_host(const union address *, const union address *);
bool address_equal(const union address *, const union address *);

bool address_loopback(const union address *);

/* Not one of the Internet's: RFC 1918, RFC 6598, loopback and link-local; RFC 4193. */
bool address_private(const union address *);

/* Whether it is one of this machine's own: the kernel lets it be bound without IP_TRANSPARENT (ip(7)). */
bool address_local(const union address *);

uint32_t address_hash(const union address *, uint32_t seed);

/* "192.0.2.1:80", "[2001:db8::1]:80". Returns `out`. */
const char *address_text(const union address *, char out[ADDRESS_TEXT]);

#endif
