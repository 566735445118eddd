/* Two netlink sockets, for rtnetlink and for nfnetlink, each a member of the groups that matter. */
#include "setup/watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "setup/netlink.h"

enum { MESSAGES_MAX = 1000 }; /* of one socket, before something else is seen to */

struct setup_watch {
        const struct setup_options *options;
        struct mnl_socket *route, *filter;
        bool changed;
};

/* ---- routes: only those of our own table ---------------------------------------------------------------------------
 */

static bool in_our_table(const struct nlmsghdr *h, const struct setup_options *o)
{
        const struct rtmsg *r = mnl_nlmsg_get_payload(h);
        uint32_t table = r->rtm_table;
        const struct nlattr *a;

        if (mnl_nlmsg_get_payload_len(h) < sizeof *r)
                return false;
        mnl_attr_for_each(a, h, sizeof *r)
        {
                if (mnl_attr_get_type(a) == RTA_TABLE && mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
                        table = mnl_attr_get_u32(a);
        }
        return table == o->table;
}

static int see_route(const struct nlmsghdr *h, void *context)
{
        struct setup_watch *w = context;
        bool is_route = h->nlmsg_type == RTM_NEWROUTE || h->nlmsg_type == RTM_DELROUTE;

        if (!is_route || in_our_table(h, w->options))
                w->changed = true;
        return MNL_CB_OK;
}

/* ---- nftables: what our table is made of, without the elements of its sets, which come and go ----------------------
 */

/* In messages of all these kinds the first attribute is the table's name (linux/netfilter/nf_tables.h). */
static bool of_our_table(const struct nlmsghdr *h)
{
        const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
        const struct nlattr *a;

        if (mnl_nlmsg_get_payload_len(h) < sizeof *g ||
            (g->nfgen_family != NFPROTO_INET && g->nfgen_family != NFPROTO_BRIDGE))
                return false;
        mnl_attr_for_each(a, h, sizeof *g)
        {
                if (mnl_attr_get_type(a) == NFTA_TABLE_NAME && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
                        return strcmp(mnl_attr_get_str(a), "limpid") == 0;
        }
        return false;
}

static int see_filter(const struct nlmsghdr *h, void *context)
{
        struct setup_watch *w = context;

        switch (h->nlmsg_type & 0xff) {
        case NFT_MSG_NEWTABLE:
        case NFT_MSG_DELTABLE:
        case NFT_MSG_NEWCHAIN:
        case NFT_MSG_DELCHAIN:
        case NFT_MSG_NEWRULE:
        case NFT_MSG_DELRULE:
        case NFT_MSG_NEWSET:
        case NFT_MSG_DELSET:
                if (of_our_table(h))
                        w->changed = true;
                break;
        default:
                break;
        }
        return MNL_CB_OK;
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static void read_all(struct mnl_socket *socket, mnl_cb_t see, struct setup_watch *w)
{
        char buffer[NETLINK_BUFFER];

        for (int i = 0; i < MESSAGES_MAX; i++) {
                ssize_t n = recv(mnl_socket_get_fd(socket), buffer, sizeof buffer, MSG_DONTWAIT);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == ENOBUFS) { /* some were lost: netlink(7) */
                        w->changed = true;
                        continue;
                }
                if (n <= 0)
                        return;
                mnl_cb_run(buffer, (size_t)n, 0, 0, see, w);
        }
}

bool setup_watch_read(struct setup_watch *w)
{
        w->changed = false;
        read_all(w->route, see_route, w);
        read_all(w->filter, see_filter, w);
        return w->changed;
}

/* ---- life ----------------------------------------------------------------------------------------------------------
 */

/* NULL with errno. */
static struct mnl_socket *join(int bus, const int *groups, size_t count)
{
        struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
        bool ok = socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0;
        int error;

        for (size_t i = 0; i < count && ok; i++) {
                int group = groups[i];

                ok = mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
        }
        if (ok || !socket)
                return socket;
        error = errno;
        mnl_socket_close(socket);
        errno = error;
        return NULL;
}

int setup_watch_open(struct setup_watch **made, const struct setup_options *o)
{
        static const int of_route[] = {RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                                       RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE};
        static const int of_filter[] = {NFNLGRP_NFTABLES};
        struct setup_watch *w = calloc(1, sizeof *w);
        int error = 0;

        if (!w)
                return -ENOMEM;
        w->options = o;
        w->route = join(NETLINK_ROUTE, of_route, sizeof of_route / sizeof of_route[0]);
        if (w->route)
                w->filter = join(NETLINK_NETFILTER, of_filter, sizeof of_filter / sizeof of_filter[0]);
        if (!w->filter)
                error = -errno;
        *made = w;
        if (error)
                setup_watch_free(made);
        return error;
}

void setup_watch_free(struct setup_watch **held)
{
        struct setup_watch *w = *held;

        *held = NULL;
        if (!w)
                return;
        if (w->route)
                mnl_socket_close(w->route);
        if (w->filter)
                mnl_socket_close(w->filter);
        free(w);
}

void setup_watch_fds(const struct setup_watch *w, int fds[SETUP_WATCH_FDS])
{
        fds[0] = mnl_socket_get_fd(w->route);
        fds[1] = mnl_socket_get_fd(w->filter);
}
