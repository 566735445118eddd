/* One request for each family; a set that is not there is no fault, for the operator may do without one. */
#include "setup/ipset.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "setup/netlink.h"

enum { PROTOCOL = 6 }; /* the oldest that kernels still speak */

/* Where the subsystem itself is not there, the kernel calls the request invalid (nfnetlink.c). */
static int talk(struct nlmsghdr *h)
{
        struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
        int error;

        if (!socket)
                return errno;
        error = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 ? -netlink_talk(socket, h, NULL, NULL) : errno;
        mnl_socket_close(socket);
        return error == EINVAL ? ENOENT : error;
}

static struct nlmsghdr *begin(char *buffer, int command, int family, const char *set)
{
        struct nlmsghdr *h = netlink_begin(buffer, (uint16_t)(NFNL_SUBSYS_IPSET << 8 | command), NLM_F_ACK);
        struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof *g);

        g->nfgen_family = (uint8_t)family;
        g->version = NFNETLINK_V0;
        mnl_attr_put_u8(h, IPSET_ATTR_PROTOCOL, PROTOCOL);
        mnl_attr_put_strz(h, IPSET_ATTR_SETNAME, set);
        return h;
}

static void put_address(struct nlmsghdr *h, int family, const void *bytes)
{
        struct nlattr *ip = mnl_attr_nest_start(h, IPSET_ATTR_IP);

        mnl_attr_put(h, (family == AF_INET ? IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6) | NLA_F_NET_BYTEORDER,
                     family == AF_INET ? 4 : 16, bytes);
        mnl_attr_nest_end(h, ip);
}

static void put_timeout(struct nlmsghdr *h, unsigned seconds)
{
        mnl_attr_put_u32(h, IPSET_ATTR_TIMEOUT | NLA_F_NET_BYTEORDER, htonl(seconds));
}

static int renew(int family, const char *set, const char *interface, unsigned seconds)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = begin(buffer, IPSET_CMD_ADD, family, set);
        struct nlattr *data = mnl_attr_nest_start(h, IPSET_ATTR_DATA);

        put_address(h, family, &(struct in6_addr){0});
        mnl_attr_put_u8(h, IPSET_ATTR_CIDR, 0);
        mnl_attr_put_strz(h, IPSET_ATTR_IFACE, interface);
        put_timeout(h, seconds);
        mnl_attr_nest_end(h, data);
        return talk(h);
}

static int flush(int family, const char *set)
{
        char buffer[NETLINK_BUFFER];

        return talk(begin(buffer, IPSET_CMD_FLUSH, family, set));
}

/* Of two families: the fault of either, and nothing there only where that holds of both. */
static int both(int four, int six)
{
        if (four && four != ENOENT)
                return four;
        if (six && six != ENOENT)
                return six;
        return four && six ? ENOENT : 0;
}

int ipset_renew(const char *interface, unsigned seconds)
{
        return both(renew(AF_INET, IPSET_GATE4, interface, seconds), renew(AF_INET6, IPSET_GATE6, interface, seconds));
}

int ipset_shut(void)
{
        return both(flush(AF_INET, IPSET_GATE4), flush(AF_INET6, IPSET_GATE6));
}

static int hand_back(const struct sockaddr *a, uint8_t protocol, unsigned seconds)
{
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)a;
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)a;
        bool is_six = a->sa_family == AF_INET6;
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = begin(buffer, IPSET_CMD_ADD, a->sa_family, is_six ? IPSET_BACK6 : IPSET_BACK4);
        struct nlattr *data = mnl_attr_nest_start(h, IPSET_ATTR_DATA);

        put_address(h, a->sa_family, is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr);
        mnl_attr_put_u16(h, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER, is_six ? six->sin6_port : four->sin_port);
        mnl_attr_put_u8(h, IPSET_ATTR_PROTO, protocol);
        put_timeout(h, seconds);
        mnl_attr_nest_end(h, data);
        return talk(h);
}

/* The sets tell protocols apart, where the nft form does not. */
int ipset_bypass(const struct sockaddr *a, unsigned seconds)
{
        int tcp = hand_back(a, IPPROTO_TCP, seconds), udp = hand_back(a, IPPROTO_UDP, seconds);

        return tcp ? tcp : udp;
}

int ipset_crowded(int family, const void *address, unsigned seconds)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = begin(buffer, IPSET_CMD_ADD, family, family == AF_INET6 ? IPSET_MANY6 : IPSET_MANY4);
        struct nlattr *data = mnl_attr_nest_start(h, IPSET_ATTR_DATA);

        put_address(h, family, address);
        mnl_attr_put_u8(h, IPSET_ATTR_CIDR, family == AF_INET6 ? 64 : 32);
        put_timeout(h, seconds);
        mnl_attr_nest_end(h, data);
        return talk(h);
}
