/* Datagrams that are received together, and sent on from where they lie: recvmmsg(2), sendmmsg(2). */
#ifndef PROXY_DATAGRAM_BATCH_H
#define PROXY_DATAGRAM_BATCH_H

#include <sys/socket.h>

#include "proxy/address.h"

enum {
        DATAGRAM_BATCH = 32,
        DATAGRAM_MAX = 65536, /* more than any UDP datagram holds */
        DATAGRAM_CONTROL = 128
};

struct datagram_batch {
        struct mmsghdr messages[DATAGRAM_BATCH]; /* as received: their lengths, and what came with them */
        struct iovec parts[DATAGRAM_BATCH];
        union address peers[DATAGRAM_BATCH]; /* who sent each of them */
        _Alignas(16) char control[DATAGRAM_BATCH][DATAGRAM_CONTROL];
        char bytes[DATAGRAM_BATCH][DATAGRAM_MAX];
};

/* Takes the place of what was there. How many came; -1 and errno. Never blocks. */
int datagram_receive(struct datagram_batch *, int fd);

/* Sends `run` of them, from `first` on, as they are now; `to` is NULL on a connected socket. What cannot be sent is
 * lost, as it would be on a full link. Returns how many were sent. *error: 0, or what is no full link: an ICMP error
 * that had come before, a firewall that lets nothing out, a route that is gone. They cannot be looked at any more for
 * what came with them.
 */
int datagram_send(struct datagram_batch *, int fd, union address *to, int first, int run, int *error);

#endif
