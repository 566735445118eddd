/* The sockets from which replies are sent in destinations' names: those of the destinations used last, each at the one
 * place that it can have. */
#ifndef PROXY_REPLY_SOCKETS_H
#define PROXY_REPLY_SOCKETS_H

#include "proxy/address.h"

enum { REPLY_SOCKETS = 64 };

struct reply_sockets {
        uint32_t seed;
        struct {
                int fd; /* -1: none */
                union address from;
        } at[REPLY_SOCKETS];
};

/* None yet; `seed` is random. */
void reply_sockets_make(struct reply_sockets *, uint32_t seed);

/* A descriptor to send from this address and port, good until the next call; -1: it cannot be had. */
int reply_socket(struct reply_sockets *, const union address *from);

/* Closes all. */
void reply_sockets_close(struct reply_sockets *);

#endif
