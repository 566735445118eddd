#include "proxy/resolve_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "proxy/datagram_socket.h"
#include "proxy/dns_learn.h"

static ares_socket_t open_one(int family, int type, int protocol, void *context)
{
        bool six = family == AF_INET6;
        int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

        (void)context;
        if (fd < 0 || type != SOCK_DGRAM ||
            setsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_RECVPKTINFO : IP_PKTINFO, &(int){1},
                       sizeof(int)) == 0)
                return fd;
        close(fd);
        return ARES_SOCKET_BAD;
}

static int close_one(ares_socket_t fd, void *context)
{
        (void)context;
        return close(fd);
}

static int connect_one(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len, void *context)
{
        (void)context;
        return connect(fd, to, len);
}

static ares_ssize_t send_some(ares_socket_t fd, const struct iovec *spans, int count, void *context)
{
        (void)context;
        return writev(fd, spans, count);
}

/* With `from` it is a datagram. One that is dropped is as if it had not come yet. */
static ares_ssize_t receive(ares_socket_t fd, void *bytes, size_t size, int flags, struct sockaddr *from,
                            ares_socklen_t *from_len, void *context)
{
        _Alignas(struct cmsghdr) char control[256];
        struct resolve_sockets *s = context;
        struct iovec span = {bytes, size};
        struct msghdr m = {.msg_name = from,
                           .msg_namelen = from ? *from_len : 0,
                           .msg_iov = &span,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fd, &m, flags);

        if (n < 0 || !from)
                return n;
        if (dns_from_clients(s->config, datagram_interface(&m))) {
                s->dropped = true;
                errno = EAGAIN;
                return -1;
        }
        *from_len = m.msg_namelen;
        return n;
}

void resolve_sockets_use(struct resolve_sockets *s, ares_channel channel)
{
        static const struct ares_socket_functions functions = {open_one, close_one, connect_one, receive, send_some};

        ares_set_socket_functions(channel, &functions, s);
}
