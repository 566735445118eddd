/* The namespace of the test connections. Neighbours are fixed on both ends, so that no firewall need let ARP or
 * neighbour discovery through for a test of TCP. */
#include "setup/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "setup/netlink.h"
#include "setup/sysctl.h"
#include "setup/text.h"

#define FAR_LINK "probe0"

/* Addresses of a site: this side's, that in the namespace, and one that is reached from there through this side. */
enum { NEAR, FAR, BEYOND, ENDS, BITS4 = 29, BITS6 = 64, MAC = 6 };

struct site {
        char link[IF_NAMESIZE];
        uint8_t four[ENDS][4], six[ENDS][16];
        uint8_t mac[2][MAC]; /* of NEAR and FAR, locally administered (IEEE 802) */
        bool alone;          /* FAR is all that this side finds on the link */
};

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

struct probe {
        struct site site;
        int space;              /* the namespace */
        struct mnl_socket *far; /* rtnetlink in it */
        int socket4, socket6;   /* TCP in it; -1: none */
        int udp4, udp6;
};

/* ---- the link ------------------------------------------------------------------------------------------------------
 */

static void put_end(struct nlmsghdr *h, const char *name, const uint8_t mac[MAC])
{
        mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(h, IFLA_IFNAME, name);
        mnl_attr_put(h, IFLA_ADDRESS, MAC, mac);
}

static int make_link(const struct probe *p)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        struct nlattr *info, *of_veth, *peer;

        put_end(h, p->site.link, p->site.mac[NEAR]);
        info = mnl_attr_nest_start(h, IFLA_LINKINFO);
        mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
        of_veth = mnl_attr_nest_start(h, IFLA_INFO_DATA);
        peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
        put_end(h, FAR_LINK, p->site.mac[FAR]);
        mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)p->space);
        mnl_attr_nest_end(h, peer);
        mnl_attr_nest_end(h, of_veth);
        mnl_attr_nest_end(h, info);
        return netlink_talk(NULL, h, NULL, NULL);
}

static int remove_link(const char *name)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_DELLINK, NLM_F_ACK);
        int error;

        mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(h, IFLA_IFNAME, name);
        error = netlink_talk(NULL, h, NULL, NULL);
        return error == -ENODEV ? 0 : error;
}

int probe_remove(void)
{
        return remove_link(PROBE_LINK);
}

/* ---- addresses and neighbours --------------------------------------------------------------------------------------
 */

static int see_index(const struct nlmsghdr *h, void *context)
{
        const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);

        *(int *)context = i->ifi_index;
        return MNL_CB_OK;
}

/* > 0, or -errno. */
static int link_index(struct mnl_socket *socket, const char *name)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_GETLINK, NLM_F_ACK);
        int index = 0, error;

        mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(h, IFLA_IFNAME, name);
        error = netlink_talk(socket, h, see_index, &index);
        return error ? error : index > 0 ? index : -ENODEV;
}

/* Not at creation: one end is made before it has the other, and cannot be up then (drivers/net/veth.c). */
static int raise_link(struct mnl_socket *socket, int index)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_NEWLINK, NLM_F_ACK);
        struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof *i);

        i->ifi_index = index;
        i->ifi_flags = i->ifi_change = IFF_UP;
        return netlink_talk(socket, h, NULL, NULL);
}

static void put_bytes(struct nlmsghdr *h, uint16_t type, const struct site *s, int family, int end)
{
        bool is_six = family == AF_INET6;

        mnl_attr_put(h, type, is_six ? sizeof s->six[0] : sizeof s->four[0], is_six ? s->six[end] : s->four[end]);
}

static int add_address(const struct site *s, struct mnl_socket *socket, int index, int family, int end)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
        struct ifaddrmsg *a = mnl_nlmsg_put_extra_header(h, sizeof *a);
        bool alone = s->alone && end == NEAR;

        a->ifa_family = (uint8_t)family;
        a->ifa_prefixlen = family == AF_INET6 ? (alone ? 128 : BITS6) : (alone ? 32 : BITS4);
        a->ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
        a->ifa_index = (uint32_t)index;
        put_bytes(h, IFA_LOCAL, s, family, end);
        put_bytes(h, IFA_ADDRESS, s, family, alone ? FAR : end);
        return netlink_talk(socket, h, NULL, NULL);
}

/* Where `end` is found: at the other side of the link. */
static int add_neighbour(const struct site *s, struct mnl_socket *socket, int index, int family, int end)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
        struct ndmsg *n = mnl_nlmsg_put_extra_header(h, sizeof *n);

        n->ndm_family = (uint8_t)family;
        n->ndm_ifindex = index;
        n->ndm_state = NUD_PERMANENT;
        put_bytes(h, NDA_DST, s, family, end);
        mnl_attr_put(h, NDA_LLADDR, MAC, s->mac[end == FAR ? FAR : NEAR]);
        return netlink_talk(socket, h, NULL, NULL);
}

/* One end of the pair: its own address, and where the other end's is found. */
static int configure(struct mnl_socket *socket, const char *name, const struct probe *p)
{
        bool is_near = !socket;
        int index = link_index(socket, name), error = index < 0 ? index : raise_link(socket, index);

        for (size_t f = 0; f < 2 && !error; f++) {
                int family = f ? AF_INET6 : AF_INET;

                if (probe_socket(p, family) < 0)
                        continue;
                error = add_address(&p->site, socket, index, family, is_near ? NEAR : FAR);
                if (!error)
                        error = add_neighbour(&p->site, socket, index, family, is_near ? FAR : BEYOND);
        }
        return error;
}

static int link_up(struct probe *p)
{
        int error = make_link(p);
        char name[64];

        if (error)
                return error;
        snprintf(name, sizeof name, "net/ipv6/conf/%s/disable_ipv6", p->site.link);
        sysctl_write(name, "0"); /* where IPv6 is off, there is no such file */
        error = configure(NULL, p->site.link, p);
        if (!error)
                error = configure(p->far, FAR_LINK, p);
        if (error)
                remove_link(p->site.link);
        return error;
}

int probe_relink(struct probe *p)
{
        int error = remove_link(p->site.link);

        return error ? error : link_up(p);
}

const char *probe_link(const struct probe *p)
{
        return p->site.link;
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
                error = place.kind == PROBE_SELF ? probe_relink(p) : link_up(p);
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
        remove_link(p->site.link);
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
