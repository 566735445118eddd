/* The channel: SOCK_SEQPACKET keeps messages whole, so a message is a structure of one size or it is none. */
#include "proxy/channel.h"

#include <errno.h>
#include <sys/socket.h>

bool channel_send(int fd, const struct channel_message *m)
{
        ssize_t n;

        do
                n = send(fd, m, sizeof *m, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n == (ssize_t)sizeof *m;
}

bool channel_receive(int fd, struct channel_message *m)
{
        ssize_t n;

        do
                n = recv(fd, m, sizeof *m, MSG_DONTWAIT | MSG_TRUNC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return false;
        if (n == 0) { /* the end, or an empty message, which nobody who means well sends */
                errno = EPIPE;
                return false;
        }
        if (n != (ssize_t)sizeof *m)
                m->kind = CHANNEL_BAD;
        return true;
}
