/* The namespace of the test connections, and who has which addresses; the link to it is made in probe_link.c. */
#include "setup/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "setup/probe_link.h"
#include "setup/sysctl.h"
#include "setup/text.h"

#define PRIVATE(last)                                                                                                  \
        {                                                                                                              \
                0xfd, 'l', 'i', 'm', 'p', 'i', 0, 'd', 0, 0, 0, 0, 0, 0, 0, last                                       \
        }
#define DOCUMENTATION(last)                                                                                            \
        {                                                                                                              \
                0x20, 0x01, 0x0d, 0xb8, 'l', 'i', 'm', 'p', 0, 0, 0, 0, 0, 0, 0, last                                  \
        }
#define MACS(near)                                                                                                     \
        {                                                                                                              \
                {2, 'l', 'i', 'm', 'p', (near)},                                                                       \
                {                                                                                                      \
                        2, 'l', 'i', 'm', 'p', (near) + 1                                                              \
                }                                                                                                      \
        }

static const struct site sites[] = {
        [PROBE_SELF] = {PROBE_LINK,
                        {{169, 254, 255, 249}, {169, 254, 255, 250}, {169, 254, 255, 251}},
                        {PRIVATE(1), PRIVATE(2), PRIVATE(3)},
                        MACS(1),
                        false},
        [PROBE_CLIENT] = {PROBE_PREFIX "client",
                          {{203, 0, 113, 249}, {203, 0, 113, 250}, {203, 0, 113, 251}},
                          {DOCUMENTATION(1), DOCUMENTATION(2), DOCUMENTATION(3)},
                          MACS(3),
                          true},
        [PROBE_ORIGIN] = {PROBE_PREFIX "origin",
                          {{203, 0, 113, 252}, {203, 0, 113, 251}, {203, 0, 113, 250}},
                          {DOCUMENTATION(4), DOCUMENTATION(3), DOCUMENTATION(2)},
                          MACS(5),
                          true},
};

/* Eight pairs have the networks 203.0.113.192/26 and 2001:db8:6c69:6d70::/64. */
static struct site site_of(struct probe_place place)
{
        struct site s = sites[place.kind];
        size_t len = strlen(s.link);

        if (!place.number)
                return s;
        snprintf(s.link + len, sizeof s.link - len, "%u", place.number);
        for (size_t end = 0; end < ENDS; end++) {
                s.four[end][3] -= (uint8_t)(place.number << (32 - BITS4));
                s.six[end][14] = (uint8_t)place.number;
        }
        for (size_t end = 0; end < 2; end++)
                s.mac[end][MAC - 2] += (uint8_t)place.number;
        return s;
}

/* ---- the namespace -------------------------------------------------------------------------------------------------
 */

static int open_socket(int family, int type)
{
        static const struct timeval limit = {PROBE_SECONDS, 0};
        int fd = socket(family, type | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -1;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0)
                return fd;
        close(fd);
        return -1;
}

static int current_space(void)
{
        return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Inside: what will keep it. */
static bool furnish(struct probe *p, bool ipv6)
{
        sysctl_write("net/ipv6/conf/default/disable_ipv6", "0");
        p->space = current_space();
        p->far = netlink_open();
        p->socket4 = open_socket(AF_INET, SOCK_STREAM);
        p->socket6 = ipv6 ? open_socket(AF_INET6, SOCK_STREAM) : -1;
        p->udp4 = open_socket(AF_INET, SOCK_DGRAM);
        p->udp6 = ipv6 ? open_socket(AF_INET6, SOCK_DGRAM) : -1;
        return p->space >= 0 && p->far && p->socket4 >= 0 && p->udp4 >= 0 &&
               (!ipv6 || (p->socket6 >= 0 && p->udp6 >= 0));
}

/* There and back. */
static int make_space(struct probe *p, bool ipv6)
{
        int home = current_space(), error = 0;

        if (home < 0)
                return -errno;
        if (unshare(CLONE_NEWNET) != 0) {
                error = -errno;
        } else {
                if (!furnish(p, ipv6))
                        error = -errno;
                if (setns(home, CLONE_NEWNET) != 0)
                        abort(); /* all that follows would be done in the wrong place */
        }
        close(home);
        return error;
}

static void free_space(struct probe *p)
{
        int *const fds[] = {&p->space, &p->socket4, &p->socket6, &p->udp4, &p->udp6};

        if (p->far)
                mnl_socket_close(p->far);
        for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
                if (*fds[i] >= 0)
                        close(*fds[i]);
        free(p);
}

/* The link of a self-test may be one that another life of the program left; of doctor's it is somebody else's. */
int probe_open(struct probe **made, struct probe_place place, bool ipv6, struct setup_text *why)
{
        struct probe *p = calloc(1, sizeof *p);
        const char *what = "a network namespace cannot be made";
        int error;

        *made = NULL;
        if (!p)
                return -ENOMEM;
        p->site = site_of(place);
        p->space = p->socket4 = p->socket6 = p->udp4 = p->udp6 = -1;
        error = make_space(p, ipv6 && sysctl_ipv6());
        if (!error) {
                what = "the link of a test cannot be made";
                error = place.kind == PROBE_SELF ? probe_relink(p) : probe_link_up(p);
        }
        if (error) {
                text_add(why, "%s: %s", what, strerror(-error));
                free_space(p);
                return error;
        }
        *made = p;
        return 0;
}

void probe_free(struct probe **held)
{
        struct probe *p = *held;

        *held = NULL;
        probe_link_remove(p->site.link);
        free_space(p);
}

/* ---- what the tests need -------------------------------------------------------------------------------------------
 */

int probe_socket(const struct probe *p, int family)
{
        return family == AF_INET6 ? p->socket6 : p->socket4;
}

int probe_datagrams(const struct probe *p, int family)
{
        return family == AF_INET6 ? p->udp6 : p->udp4;
}

static socklen_t address_of(const struct site *s, int end, int family, uint16_t port, struct sockaddr_storage *to)
{
        struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

        memcpy(&to4.sin_addr, s->four[end], sizeof s->four[0]);
        memcpy(&to6.sin6_addr, s->six[end], sizeof s->six[0]);
        if (family == AF_INET6)
                memcpy(to, &to6, sizeof to6);
        else
                memcpy(to, &to4, sizeof to4);
        return family == AF_INET6 ? sizeof to6 : sizeof to4;
}

socklen_t probe_address(struct probe_place place, int family, uint16_t port, struct sockaddr_storage *to)
{
        struct site s = site_of(place);

        return address_of(&s, FAR, family, port, to);
}

socklen_t probe_destination(int family, uint16_t port, struct sockaddr_storage *to)
{
        return address_of(&sites[PROBE_SELF], BEYOND, family, port, to);
}

bool probe_is_at(struct probe_place place, const struct sockaddr *a)
{
        const struct sockaddr_in *a4 = (const struct sockaddr_in *)(const void *)a;
        const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)(const void *)a;
        struct site s = site_of(place);

        return a->sa_family == AF_INET6 ? memcmp(&a6->sin6_addr, s.six[FAR], sizeof s.six[0]) == 0
                                        : memcmp(&a4->sin_addr, s.four[FAR], sizeof s.four[0]) == 0;
}
