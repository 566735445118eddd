/* The place from which the interception is tried (design.md §6): a network namespace of its own, connected by a veth
 * pair whose end on this side, `limpid-probe`, is treated like a client interface. Nobody lives in it: it exists
 * through the sockets that are held here, and goes with the last of them, the pair with it, however the program ends.
 *
 * 169.254.255.0/24 is what RFC 3927 §2.1 lets nobody choose; the IPv6 network is a unique local one (RFC 4193) of our
 * own. Where the packets go exists as little as who sends them: not intercepted, they end on the same link. */
#ifndef SETUP_PROBE_H
#define SETUP_PROBE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "setup/setup.h"

#define PROBE_LINK "limpid-probe"

enum { PROBE_SECONDS = 3 }; /* how long a connection, and each read, on one of its sockets may take */

struct probe;

/* Makes namespace and link. Takes CAP_SYS_ADMIN, which nothing of the rest needs; the calling thread must be the only
 * one. 0 or -errno, *why then says what failed. */
int probe_open(struct probe **, bool ipv6, struct setup_text *why);

/* The link anew, whatever has become of it. 0 or -errno. */
int probe_relink(struct probe *);

/* The link is gone at return, not some time later. */
void probe_free(struct probe **);

/* A TCP socket of the namespace, blocking; the probe's own, to be used by one process at a time. -1: this family is not
 * to be tried. */
int probe_socket(const struct probe *, int family);

/* Where to connect to. Returns the length. */
socklen_t probe_destination(int family, uint16_t port, struct sockaddr_storage *to);

/* Whether an address is that of the namespace. */
bool probe_is_client(const struct sockaddr *);

/* Removes the link, also one that another life of the program left. 0 or -errno. */
int probe_remove(void);

#endif
