/* The sockets of a look-up (ares_set_socket_functions(3)): what comes by UDP from where the clients are is dropped, for
 * a client that has caused a question may send answers of his own making (cases.md D6). */
#ifndef PROXY_RESOLVE_SOCKET_H
#define PROXY_RESOLVE_SOCKET_H

#include <ares.h>
#include <stdbool.h>

struct config;

struct resolve_sockets {
        const struct config *config; /* says which interfaces are the clients' */
        bool dropped;                /* something was */
};

/* For this channel's sockets from now on; the structure has to outlive it. */
void resolve_sockets_use(struct resolve_sockets *, ares_channel);

#endif
