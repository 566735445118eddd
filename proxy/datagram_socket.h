/* The sockets of the relay of datagrams (ip(7), ipv6(7), udp(7)). Each function returns a descriptor that never blocks,
 * or -errno. */
#ifndef PROXY_DATAGRAM_SOCKET_H
#define PROXY_DATAGRAM_SOCKET_H

#include <sys/socket.h>

#include "proxy/address.h"
#include "proxy/config.h"

/* Whether datagrams to this port are relayed, and whether they are DNS to be watched. */
bool datagram_relayed(const struct config *, uint16_t port);
bool datagram_watched(const struct config *, uint16_t port);

/* Receives what the kernel hands over, each with its original destination; shared by the workers (SO_REUSEPORT). */
int datagram_listener(const struct config *, int family);

/* Sends in a destination's name, from its address and port. Not connected, for several of one address would each take
 * what is meant for the listener (facts.md). */
int datagram_reply_socket(const union address *destination);

/* Sends to a destination in the client's name, from a random port, and receives what comes back, with the interface. */
int datagram_upstream(const struct config *, const union address *client, const union address *destination);

/* The original destination of what a listener received. False: the kernel did not tell. */
bool datagram_destination(const struct msghdr *, union address *);

/* The interface by which something came to an upstream socket; 0: not told. */
unsigned datagram_interface(const struct msghdr *);

#endif
