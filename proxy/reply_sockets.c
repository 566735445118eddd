/* Two destinations at one place take turns: each time the other's socket is closed. */
#include "proxy/reply_sockets.h"

#include <unistd.h>

#include "proxy/datagram_socket.h"

void reply_sockets_make(struct reply_sockets *r, uint32_t seed)
{
        r->seed = seed;
        for (size_t i = 0; i < REPLY_SOCKETS; i++)
                r->at[i].fd = -1;
}

int reply_socket(struct reply_sockets *r, const union address *from)
{
        size_t i = address_hash(from, r->seed) % REPLY_SOCKETS;

        if (r->at[i].fd >= 0 && address_equal(&r->at[i].from, from))
                return r->at[i].fd;
        if (r->at[i].fd >= 0)
                close(r->at[i].fd);
        r->at[i].from = *from;
        r->at[i].fd = datagram_reply_socket(from);
        if (r->at[i].fd < 0)
                r->at[i].fd = -1;
        return r->at[i].fd;
}

void reply_sockets_close(struct reply_sockets *r)
{
        for (size_t i = 0; i < REPLY_SOCKETS; i++) {
                if (r->at[i].fd >= 0)
                        close(r->at[i].fd);
                r->at[i].fd = -1;
        }
}
