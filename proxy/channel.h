/* What warden and proxy say to each other: fixed-size messages over a SOCK_SEQPACKET pair. The warden trusts none of
 * it: a message of another size, kind or range is dropped and counted. */
#ifndef PROXY_CHANNEL_H
#define PROXY_CHANNEL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum channel_kind {
        CHANNEL_READY,     /* proxy: listening */
        CHANNEL_HEARTBEAT, /* proxy, twice a second: every worker's loop has moved since the last one; value 1: it is
                            * overloaded, the gate is to be shut, 0: it is not */
        CHANNEL_BYPASS,    /* proxy: send new connections to `address` direct for `seconds` */
        CHANNEL_CROWDED,   /* proxy: send new connections of the client `address` direct for `seconds` */
        CHANNEL_SHUT,      /* proxy: overloaded, shut the gate now; what the next heartbeat says counts then */
        CHANNEL_PROBE,     /* proxy: the prober's test connection has reached a worker */
        CHANNEL_GATE,      /* warden: value 1 the gate is open, 0 it is shut */
        CHANNEL_DRAIN,     /* warden: stop accepting, finish what runs, exit */
        CHANNEL_REOPEN,    /* warden: reopen the logs */
        CHANNEL_RESOLVER,  /* warden: `address` is the resolver number `value` of `count` (proxy/trusted.h) */
        CHANNEL_BAD = 255  /* never sent: what arrived had another size */
};

struct channel_message {
        uint32_t kind;
        uint32_t value;
        uint32_t seconds;
        uint32_t count;
        struct sockaddr_in6 address; /* AF_INET addresses in the same place, as sockaddr_in */
};

/* Neither blocks. True if sent or received; false: would block, or (errno EPIPE / ECONNRESET) the other side is gone.
 * A message of another size is received as CHANNEL_BAD, so that it can be counted; nothing else in it means anything.
 */
bool channel_send(int fd, const struct channel_message *);
bool channel_receive(int fd, struct channel_message *);

#endif
