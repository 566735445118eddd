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
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "setup/netlink.h"
#include "setup/sysctl.h"
#include "setup/text.h"

#define FAR_LINK "probe0"

enum { NEAR, CLIENT, SERVER, ENDS, BITS4 = 29, BITS6 = 64, MAC = 6 };

static const uint8_t four[ENDS][4] = {{169, 254, 255, 249}, {169, 254, 255, 250}, {169, 254, 255, 251}};

#define SIX(last)                                                                                                      \
        {                                                                                                              \
                0xfd, 'l', 'i', 'm', 'p', 'i', 0, 'd', 0, 0, 0, 0, 0, 0, 0, last                                       \
        }
static const uint8_t six[ENDS][16] = {SIX(1), SIX(2), SIX(3)};

/* Locally administered (IEEE 802). */
static const uint8_t near_mac[MAC] = {2, 'l', 'i', 'm', 'p', 1};
static const uint8_t far_mac[MAC] = {2, 'l', 'i', 'm', 'p', 2};

struct probe {
        int space;              /* the namespace */
        struct mnl_socket *far; /* rtnetlink in it */
        int socket4, socket6;   /* TCP in it; -1: none */
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

        put_end(h, PROBE_LINK, near_mac);
        info = mnl_attr_nest_start(h, IFLA_LINKINFO);
        mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
        of_veth = mnl_attr_nest_start(h, IFLA_INFO_DATA);
        peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
        put_end(h, FAR_LINK, far_mac);
        mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)p->space);
        mnl_attr_nest_end(h, peer);
        mnl_attr_nest_end(h, of_veth);
        mnl_attr_nest_end(h, info);
        return netlink_talk(NULL, h, NULL, NULL);
}

int probe_remove(void)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_DELLINK, NLM_F_ACK);
        int error;

        mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(h, IFLA_IFNAME, PROBE_LINK);
        error = netlink_talk(NULL, h, NULL, NULL);
        return error == -ENODEV ? 0 : error;
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

static void put_bytes(struct nlmsghdr *h, uint16_t type, int family, int end)
{
        bool is_six = family == AF_INET6;

        mnl_attr_put(h, type, is_six ? sizeof six[0] : sizeof four[0], is_six ? six[end] : four[end]);
}

static int add_address(struct mnl_socket *socket, int index, int family, int end)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
        struct ifaddrmsg *a = mnl_nlmsg_put_extra_header(h, sizeof *a);

        a->ifa_family = (uint8_t)family;
        a->ifa_prefixlen = family == AF_INET6 ? BITS6 : BITS4;
        a->ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
        a->ifa_index = (uint32_t)index;
        put_bytes(h, IFA_LOCAL, family, end);
        put_bytes(h, IFA_ADDRESS, family, end);
        return netlink_talk(socket, h, NULL, NULL);
}

static int add_neighbour(struct mnl_socket *socket, int index, int family, int end, const uint8_t mac[MAC])
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
        struct ndmsg *n = mnl_nlmsg_put_extra_header(h, sizeof *n);

        n->ndm_family = (uint8_t)family;
        n->ndm_ifindex = index;
        n->ndm_state = NUD_PERMANENT;
        put_bytes(h, NDA_DST, family, end);
        mnl_attr_put(h, NDA_LLADDR, MAC, mac);
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
                error = add_address(socket, index, family, is_near ? NEAR : CLIENT);
                if (!error)
                        error = add_neighbour(socket, index, family, is_near ? CLIENT : SERVER,
                                              is_near ? far_mac : near_mac);
        }
        return error;
}

int probe_relink(struct probe *p)
{
        int error = probe_remove();

        if (!error)
                error = make_link(p);
        if (error)
                return error;
        sysctl_write("net/ipv6/conf/" PROBE_LINK "/disable_ipv6", "0"); /* where IPv6 is off, there is no such file */
        error = configure(NULL, PROBE_LINK, p);
        return error ? error : configure(p->far, FAR_LINK, p);
}

/* ---- the namespace -------------------------------------------------------------------------------------------------
 */

static int open_socket(int family)
{
        static const struct timeval limit = {PROBE_SECONDS, 0};
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

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

/* The proxy listens on ::1: where that is no address, IPv6 is not intercepted. */
static bool has_six(void)
{
        char value[SYSCTL_VALUE];

        return sysctl_read("net/ipv6/conf/lo/disable_ipv6", value) == 0 && strcmp(value, "0") == 0;
}

/* Inside: what will keep it. */
static bool furnish(struct probe *p, bool ipv6)
{
        sysctl_write("net/ipv6/conf/default/disable_ipv6", "0");
        p->space = current_space();
        p->far = netlink_open();
        p->socket4 = open_socket(AF_INET);
        p->socket6 = ipv6 ? open_socket(AF_INET6) : -1;
        return p->space >= 0 && p->far && p->socket4 >= 0 && (!ipv6 || p->socket6 >= 0);
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

static int failed(struct probe **held, int error, const char *what, struct setup_text *why)
{
        text_add(why, "%s: %s", what, strerror(-error));
        probe_free(held);
        return error;
}

int probe_open(struct probe **made, bool ipv6, struct setup_text *why)
{
        struct probe *p = calloc(1, sizeof *p);
        int error;

        if (!p)
                return -ENOMEM;
        p->space = p->socket4 = p->socket6 = -1;
        *made = p;
        error = make_space(p, ipv6 && has_six());
        if (error)
                return failed(made, error, "a network namespace cannot be made", why);
        error = probe_relink(p);
        return error ? failed(made, error, "the link " PROBE_LINK " cannot be made", why) : 0;
}

void probe_free(struct probe **held)
{
        struct probe *p = *held;
        int *const fds[] = {&p->space, &p->socket4, &p->socket6};

        *held = NULL;
        probe_remove();
        if (p->far)
                mnl_socket_close(p->far);
        for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
                if (*fds[i] >= 0)
                        close(*fds[i]);
        free(p);
}

/* ---- what the tests need -------------------------------------------------------------------------------------------
 */

int probe_socket(const struct probe *p, int family)
{
        return family == AF_INET6 ? p->socket6 : p->socket4;
}

socklen_t probe_destination(int family, uint16_t port, struct sockaddr_storage *to)
{
        struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

        memcpy(&to4.sin_addr, four[SERVER], sizeof four[0]);
        memcpy(&to6.sin6_addr, six[SERVER], sizeof six[0]);
        if (family == AF_INET6)
                memcpy(to, &to6, sizeof to6);
        else
                memcpy(to, &to4, sizeof to4);
        return family == AF_INET6 ? sizeof to6 : sizeof to4;
}

bool probe_is_client(const struct sockaddr *a)
{
        const struct sockaddr_in *a4 = (const struct sockaddr_in *)(const void *)a;
        const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)(const void *)a;

        return a->sa_family == AF_INET6 ? memcmp(&a6->sin6_addr, six[CLIENT], sizeof six[0]) == 0
                                        : memcmp(&a4->sin_addr, four[CLIENT], sizeof four[0]) == 0;
}
