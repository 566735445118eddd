/* Places from which connections are tried (design.md §6): each a network namespace of its own, connected by a veth
 * pair. Nobody lives in it: it exists through the sockets that are held here, and goes with the last of them, the pair
 * with it, however the program ends.
 *
 * PROBE_SELF is for the running program's self-test: the end of its link on this side, `limpid-probe`, is treated like
 * a client interface. 169.254.255.0/24 is what RFC 3927 §2.1 lets nobody choose; the IPv6 network is a unique local one
 * (RFC 4193) of our own. Where the packets go exists as little as who sends them: not intercepted, they end on the same
 * link. PROBE_CLIENT and PROBE_ORIGIN are for doctor: a client and its origin, with this machine between them. Their
 * addresses are for documentation (RFC 5737, RFC 3849), so that nobody has them, and no list of private ones. Of these
 * there may be some at once, each pair with a number, links and addresses of its own. */
#ifndef SETUP_PROBE_H
#define SETUP_PROBE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "setup/setup.h"

#define PROBE_PREFIX "limpid-" /* of all their links */
#define PROBE_LINK   PROBE_PREFIX "probe"

enum {
        PROBE_SECONDS = 3, /* how long a connection, and each read, on one of its sockets may take */
        PROBE_PAIRS = 8    /* of clients and origins */
};

enum probe_kind { PROBE_SELF, PROBE_CLIENT, PROBE_ORIGIN };

struct probe_place {
        enum probe_kind kind;
        unsigned number; /* of the pair */
};

struct probe;

/* Makes namespace and link. Takes CAP_SYS_ADMIN, which nothing of the rest needs; the calling thread must be the only
 * one. 0 or -errno, *why then says what failed; -EEXIST: somebody else has this pair. */
int probe_open(struct probe **, struct probe_place, bool ipv6, struct setup_text *why);

/* The link of a self-test anew, whatever has become of it. 0 or -errno. */
int probe_relink(struct probe *);

/* Its name on this side. */
const char *probe_link(const struct probe *);

/* The link is gone at return, not some time later. */
void probe_free(struct probe **);

/* A TCP socket of the namespace, blocking; the probe's own, to be used by one process at a time. -1: this family is not
 * to be tried. */
int probe_socket(const struct probe *, int family);

/* The same for datagrams. */
int probe_datagrams(const struct probe *, int family);

/* The address in the namespace. Returns the length. */
socklen_t probe_address(struct probe_place, int family, uint16_t port, struct sockaddr_storage *);
bool probe_is_at(struct probe_place, const struct sockaddr *);

/* Where a self-test connects to. Returns the length. */
socklen_t probe_destination(int family, uint16_t port, struct sockaddr_storage *to);

/* Removes the link of the self-test, also one that another life of the program left. 0 or -errno. */
int probe_remove(void);

#endif
