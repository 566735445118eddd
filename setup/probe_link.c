/* Neighbours are fixed on both ends, so that no firewall need let ARP or neighbour discovery through for a test of TCP.
 */
#include "setup/probe_link.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <time.h>

#include "setup/sysctl.h"

#define FAR_LINK "probe0"

enum { SETTLE_MS = 5000, LOOK_MS = 5 };

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

int probe_link_remove(const char *name)
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
        return probe_link_remove(PROBE_LINK);
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

/* One end of the pair, as rtnetlink sees it. */
struct end {
        const struct site *site;
        struct mnl_socket *socket; /* NULL: this side's */
        int index, family;
};

struct way {
        int type;
        uint32_t link;
};

static int see_way(const struct nlmsghdr *h, void *context)
{
        const struct rtmsg *r = mnl_nlmsg_get_payload(h);
        struct way *way = context;
        struct nlattr *attribute;

        way->type = r->rtm_type;
        mnl_attr_for_each(attribute, h, sizeof *r) if (mnl_attr_get_type(attribute) == RTA_OIF &&
                                                       mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0) way->link =
                mnl_attr_get_u32(attribute);
        return MNL_CB_OK;
}

/* Whether what is sent to FAR arrives there, as far as this end's routes have a say in it. */
static int leads_there(const struct end *end, bool *leads)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_GETROUTE, NLM_F_ACK);
        struct rtmsg *r = mnl_nlmsg_put_extra_header(h, sizeof *r);
        struct way way = {RTN_UNSPEC, 0};
        int error;

        r->rtm_family = (uint8_t)end->family;
        put_bytes(h, RTA_DST, end->site, end->family, FAR);
        error = netlink_talk(end->socket, h, see_way, &way);
        *leads = !error && (end->socket ? way.type == RTN_LOCAL : way.link == (uint32_t)end->index);
        return error == -ENETUNREACH || error == -EHOSTUNREACH ? 0 : error;
}

static int see_state(const struct nlmsghdr *h, void *context)
{
        struct nlattr *attribute;

        mnl_attr_for_each(attribute, h, sizeof(struct ifinfomsg)) if (mnl_attr_get_type(attribute) == IFLA_OPERSTATE &&
                                                                      mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0) *
                (bool *)context = mnl_attr_get_u8(attribute) == IF_OPER_UP;
        return MNL_CB_OK;
}

/* Whether the kernel sends what is given to this end. */
static int sends(const struct end *end, bool *is_up)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_GETLINK, NLM_F_ACK);
        struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof *i);

        i->ifi_index = end->index;
        *is_up = false;
        return netlink_talk(end->socket, h, see_state, is_up);
}

/* Some of what was asked for is only there once a work queue has done it, which waits for whoever changes links and
 * addresses meanwhile. */
static int settle(const struct end *end, int (*look)(const struct end *, bool *))
{
        static const struct timespec pause = {0, LOOK_MS * 1000000L};
        bool is_so = false;
        int error = look(end, &is_so);

        for (int left = SETTLE_MS / LOOK_MS; !is_so && !error && left > 0; left--) {
                nanosleep(&pause, NULL);
                error = look(end, &is_so);
        }
        return error ? error : is_so ? 0 : -ETIMEDOUT;
}

/* One end of the pair: its own address, and where the other end's is found. An address of IPv6 is there at once, its
 * routes come later (net/ipv6/addrconf.c, addrconf_dad_work). */
static int configure(struct mnl_socket *socket, const char *name, const struct probe *p)
{
        bool is_near = !socket;
        int index = link_index(socket, name), error = index < 0 ? index : raise_link(socket, index);

        for (size_t f = 0; f < 2 && !error; f++) {
                struct end end = {&p->site, socket, index, f ? AF_INET6 : AF_INET};

                if (probe_socket(p, end.family) < 0)
                        continue;
                error = add_address(&p->site, socket, index, end.family, is_near ? NEAR : FAR);
                if (!error)
                        error = add_neighbour(&p->site, socket, index, end.family, is_near ? FAR : BEYOND);
                if (!error)
                        error = settle(&end, leads_there);
        }
        return error;
}

/* The end that was raised first has nothing to send with until it is known that the other one is up, and loses without
 * a word what is sent meanwhile (net/core/link_watch.c, linkwatch_do_dev). A test would be of that, then. */
static int await_carrier(const struct probe *p)
{
        struct end near = {&p->site, NULL, link_index(NULL, p->site.link), AF_UNSPEC};

        return near.index < 0 ? near.index : settle(&near, sends);
}

int probe_link_up(struct probe *p)
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
        if (!error)
                error = await_carrier(p);
        if (error)
                probe_link_remove(p->site.link);
        return error;
}

int probe_relink(struct probe *p)
{
        int error = probe_link_remove(p->site.link);

        return error ? error : probe_link_up(p);
}

const char *probe_link(const struct probe *p)
{
        return p->site.link;
}
