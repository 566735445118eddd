/* The relay of datagrams (design.md §7): what the kernel hands over of UDP goes on to its original destination from the
 * client's own address, and what comes back goes to the client from the destination's address and port. Neither side
 * sees anything but the other, and another port of the client's.
 *
 * DNS queries (`dns.relay`) have each a flow of their own, under a port and an id that nobody can know; from replies of
 * trusted resolvers addresses are learnt. What is no such query goes through as any datagram does. */
#ifndef PROXY_DATAGRAM_H
#define PROXY_DATAGRAM_H

#include "proxy/config.h"

struct datagrams;
struct worker;

/* How many flows each of so many workers may hold, of a process that may have so many files open; 0: none are wanted.
 */
unsigned datagram_flows(const struct config *, uint64_t files, size_t workers);

/* The descriptors that a worker needs for them. */
unsigned datagram_descriptors(unsigned flows);

/* A worker's part of the relay, listening; its event loop must exist, and outlive it. *made is NULL where no datagrams
 * are wanted. 0 or errno, said in the log. */
int datagrams_new(struct datagrams **made, struct worker *);
void datagrams_free(struct datagrams **);

#endif
