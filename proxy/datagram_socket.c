/* How each of the three kinds of sockets is made, and what the kernel tells besides the bytes. */
#include "proxy/datagram_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "proxy/dns.h"

enum { PORT_FIRST = 1024, PORTS = 65536 - PORT_FIRST, PORT_TRIES = 8 };

bool datagram_watched(const struct config *c, uint16_t port)
{
        return c->dns.relay && port == DNS_PORT;
}

bool datagram_relayed(const struct config *c, uint16_t port)
{
        for (size_t i = 0; i < c->datagram_port_count; i++)
                if (c->datagram_ports[i] == port)
                        return true;
        return datagram_watched(c, port);
}

/* ---- making them ------------------------------------------------------------------------------------------------- */

static bool set(int fd, int level, int name)
{
        return setsockopt(fd, level, name, &(int){1}, sizeof(int)) == 0;
}

static bool set_ip(int fd, int family, int option4, int option6)
{
        return family == AF_INET6 ? set(fd, IPPROTO_IPV6, option6) : set(fd, IPPROTO_IP, option4);
}

static int open_socket(int family)
{
        return socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* The descriptor if all went well; else it is closed, and errno says what did not. */
static int finish(int fd, bool ok)
{
        int error = errno;

        if (ok)
                return fd;
        if (fd >= 0)
                close(fd);
        return -error;
}

int datagram_listener(const struct config *config, int family)
{
        union address a = {.sa = {.sa_family = (sa_family_t)family}};
        int fd = open_socket(family);

        if (family == AF_INET6)
                a.in6.sin6_addr = in6addr_loopback;
        else
                a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address_set_port(&a, config->setup.listen_port);
        return finish(fd, fd >= 0 && set(fd, SOL_SOCKET, SO_REUSEPORT) &&
                                  set_ip(fd, family, IP_TRANSPARENT, IPV6_TRANSPARENT) &&
                                  set_ip(fd, family, IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR) &&
                                  bind(fd, &a.sa, address_len(&a)) == 0);
}

int datagram_reply_socket(const union address *destination)
{
        int family = destination->sa.sa_family, fd = open_socket(family);

        return finish(fd, fd >= 0 && set(fd, SOL_SOCKET, SO_REUSEADDR) &&
                                  set_ip(fd, family, IP_TRANSPARENT, IPV6_TRANSPARENT) &&
                                  bind(fd, &destination->sa, address_len(destination)) == 0);
}

/* Any but the well-known ones. */
static bool random_port(uint16_t *port)
{
        uint32_t random;

        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
                return false;
        *port = (uint16_t)(PORT_FIRST + ((uint64_t)random * PORTS >> 32));
        return true;
}

/* Neither a port that is relayed, to which replies would not be taken for such by the rules; nor the client's own, for
 * both legs would be one connection to the kernel. */
static bool bind_upstream(int fd, const struct config *config, const union address *client)
{
        union address source = *client;
        uint16_t port;

        if (!config->origin.spoof_client)
                source = (union address){.sa = {.sa_family = client->sa.sa_family}};
        else if (!set_ip(fd, client->sa.sa_family, IP_TRANSPARENT, IPV6_TRANSPARENT))
                return false;
        errno = EADDRINUSE;
        for (int i = 0; i < PORT_TRIES && errno == EADDRINUSE; i++) {
                if (!random_port(&port))
                        return false;
                if (datagram_relayed(config, port) || port == address_port(client))
                        continue;
                address_set_port(&source, port);
                if (bind(fd, &source.sa, address_len(&source)) == 0)
                        return true;
        }
        return false;
}

int datagram_upstream(const struct config *config, const union address *client, const union address *destination)
{
        int family = destination->sa.sa_family, fd = open_socket(family);

        return finish(fd, fd >= 0 && set_ip(fd, family, IP_PKTINFO, IPV6_RECVPKTINFO) &&
                                  bind_upstream(fd, config, client) &&
                                  connect(fd, &destination->sa, address_len(destination)) == 0);
}

/* ---- what came with a datagram ----------------------------------------------------------------------------------- */

/* Ancillary data need not be aligned for what it holds: it is copied. */
static bool find_control(const struct msghdr *m, int level, int type, void *out, size_t size)
{
        struct msghdr *all = (struct msghdr *)(uintptr_t)m; /* CMSG_NXTHDR changes nothing of it */

        for (struct cmsghdr *c = CMSG_FIRSTHDR(all); c; c = CMSG_NXTHDR(all, c))
                if (c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len >= CMSG_LEN(size)) {
                        memcpy(out, CMSG_DATA(c), size);
                        return true;
                }
        return false;
}

bool datagram_destination(const struct msghdr *m, union address *a)
{
        *a = (union address){0};
        return find_control(m, IPPROTO_IP, IP_ORIGDSTADDR, &a->in, sizeof a->in) ||
               find_control(m, IPPROTO_IPV6, IPV6_ORIGDSTADDR, &a->in6, sizeof a->in6);
}

unsigned datagram_interface(const struct msghdr *m)
{
        struct in_pktinfo four;
        struct in6_pktinfo six;

        if (find_control(m, IPPROTO_IP, IP_PKTINFO, &four, sizeof four))
                return (unsigned)four.ipi_ifindex;
        if (find_control(m, IPPROTO_IPV6, IPV6_PKTINFO, &six, sizeof six))
                return six.ipi6_ifindex;
        return 0;
}
