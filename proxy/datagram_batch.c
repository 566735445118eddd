/* Headers are filled in anew for each call: the kernel writes its answers into them. */
#include "proxy/datagram_batch.h"

#include <errno.h>
#include <stddef.h>

int datagram_receive(struct datagram_batch *b, int fd)
{
        int n;

        for (int i = 0; i < DATAGRAM_BATCH; i++) {
                b->parts[i] = (struct iovec){b->bytes[i], DATAGRAM_MAX};
                b->messages[i].msg_hdr = (struct msghdr){.msg_name = &b->peers[i],
                                                         .msg_namelen = sizeof b->peers[i],
                                                         .msg_iov = &b->parts[i],
                                                         .msg_iovlen = 1,
                                                         .msg_control = b->control[i],
                                                         .msg_controllen = DATAGRAM_CONTROL};
        }
        do
                n = recvmmsg(fd, b->messages, DATAGRAM_BATCH, MSG_DONTWAIT, NULL);
        while (n < 0 && errno == EINTR);
        return n;
}

static bool is_full(int error)
{
        return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EINTR;
}

int datagram_send(struct datagram_batch *b, int fd, union address *to, int first, int run, int *error)
{
        int end = first + run, sent = 0;

        for (int i = first; i < end; i++) {
                b->parts[i].iov_len = b->messages[i].msg_len;
                b->messages[i].msg_hdr = (struct msghdr){.msg_name = to,
                                                         .msg_namelen = to ? address_len(to) : 0,
                                                         .msg_iov = &b->parts[i],
                                                         .msg_iovlen = 1};
        }
        *error = 0;
        for (int i = first; i < end;) {
                int n = sendmmsg(fd, b->messages + i, (unsigned)(end - i), MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && !is_full(errno))
                        *error = errno;
                sent += n > 0 ? n : 0;
                i += n > 0 ? n : 1;
        }
        return sent;
}
