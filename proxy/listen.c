/* Sockets that receive intercepted connections. On loopback, so that no client can dial them; TPROXY hands packets over
 * whatever their destination (Documentation/networking/tproxy.rst). */
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/address.h"
#include "proxy/worker.h"

enum { BACKLOG = 16384, DEFER_SECONDS = 1 };

static void listen_address(union address *a, const struct config *config, int family, uint16_t port)
{
        bool wildcard = config->setup.form == SETUP_MARK;

        *a = (union address){0};
        a->sa.sa_family = (sa_family_t)family;
        if (family == AF_INET6)
                a->in6.sin6_addr = wildcard ? in6addr_any : in6addr_loopback;
        else
                a->in.sin_addr.s_addr = htonl(wildcard ? INADDR_ANY : INADDR_LOOPBACK);
        address_set_port(a, port);
}

static bool set(int fd, int level, int name, int value)
{
        return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static bool prepare(int fd, int family)
{
        bool six = family == AF_INET6;

        /* Nagle off before listen: accepted sockets inherit it, which saves a system call for each. */
        return set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
               set(fd, IPPROTO_TCP, TCP_NODELAY, 1) && set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_SECONDS) &&
               (!six || set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
               set(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_TRANSPARENT : IP_TRANSPARENT, 1);
}

int listen_socket(const struct config *config, int family, uint16_t port)
{
        union address a;
        int error, fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        listen_address(&a, config, family, port);
        if (prepare(fd, family) && bind(fd, &a.sa, address_len(&a)) == 0 && listen(fd, BACKLOG) == 0)
                return fd;
        error = errno;
        close(fd);
        return -error;
}
