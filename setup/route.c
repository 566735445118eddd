/* Rules and routes over libmnl; kernel net/core/fib_rules.c and net/ipv4/fib_frontend.c say what the attributes mean.
 */
#include "setup/route.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "setup/netlink.h"
#include "setup/plan.h"

enum { LOOPBACK_INDEX = 1 };

static void put_rule(struct nlmsghdr *h, const struct setup_options *o, int family)
{
        struct fib_rule_hdr *r = mnl_nlmsg_put_extra_header(h, sizeof *r);

        r->family = (uint8_t)family;
        r->action = FR_ACT_TO_TBL;
        r->table = o->table < 256 ? (uint8_t)o->table : RT_TABLE_UNSPEC;
        mnl_attr_put_u32(h, FRA_PRIORITY, PLAN_PRIORITY);
        mnl_attr_put_u32(h, FRA_FWMARK, o->mark);
        mnl_attr_put_u32(h, FRA_FWMASK, o->mark);
        mnl_attr_put_u32(h, FRA_TABLE, o->table);
}

static void put_route(struct nlmsghdr *h, const struct setup_options *o, int family)
{
        struct rtmsg *r = mnl_nlmsg_put_extra_header(h, sizeof *r);

        r->rtm_family = (uint8_t)family;
        r->rtm_table = o->table < 256 ? (uint8_t)o->table : RT_TABLE_UNSPEC;
        r->rtm_protocol = RTPROT_STATIC;
        r->rtm_scope = family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
        r->rtm_type = RTN_LOCAL;
        mnl_attr_put_u32(h, RTA_TABLE, o->table);
        mnl_attr_put_u32(h, RTA_OIF, LOOPBACK_INDEX);
}

int route_add(enum route_thing thing, const struct setup_options *o, int family)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, thing == ROUTE_RULE ? RTM_NEWRULE : RTM_NEWROUTE,
                                           NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        int error;

        (thing == ROUTE_RULE ? put_rule : put_route)(h, o, family);
        error = netlink_talk(NULL, h, NULL, NULL);
        return error == -EEXIST ? 0 : error;
}

int route_delete(enum route_thing thing, const struct setup_options *o, int family)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, thing == ROUTE_RULE ? RTM_DELRULE : RTM_DELROUTE, NLM_F_ACK);
        int error;

        (thing == ROUTE_RULE ? put_rule : put_route)(h, o, family);
        error = netlink_talk(NULL, h, NULL, NULL);
        return error == -ENOENT || error == -ESRCH ? 0 : error;
}

/* ---- looking -------------------------------------------------------------------------------------------------------
 */

struct search {
        const struct setup_options *options;
        int family;
        bool found;
        unsigned others;
};

static uint32_t u32_of(const struct nlattr *a)
{
        return mnl_attr_validate(a, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(a);
}

struct rule {
        uint32_t mark, mask, table, priority;
        bool l3mdev; /* looks up the table of a VRF's own interface */
};

static void see_rule_attribute(const struct nlattr *a, struct rule *rule)
{
        switch (mnl_attr_get_type(a)) {
        case FRA_FWMARK:
                rule->mark = u32_of(a);
                break;
        case FRA_FWMASK:
                rule->mask = u32_of(a);
                break;
        case FRA_TABLE:
                rule->table = u32_of(a);
                break;
        case FRA_PRIORITY:
                rule->priority = u32_of(a);
                break;
        case FRA_L3MDEV:
                rule->l3mdev = true;
                break;
        default:
                break;
        }
}

static struct rule rule_of(const struct nlmsghdr *h)
{
        const struct fib_rule_hdr *r = mnl_nlmsg_get_payload(h);
        struct rule rule = {0, UINT32_MAX, r->table, 0, false};
        const struct nlattr *a;

        mnl_attr_for_each(a, h, sizeof *r)
        {
                see_rule_attribute(a, &rule);
        }
        return rule;
}

static int see_rule(const struct nlmsghdr *h, void *context)
{
        const struct fib_rule_hdr *r = mnl_nlmsg_get_payload(h);
        struct search *s = context;
        struct rule rule = rule_of(h);

        if (r->family != s->family)
                return MNL_CB_OK;
        if (rule.mark == s->options->mark && rule.mask == rule.mark && rule.table == s->options->table &&
            rule.priority == PLAN_PRIORITY)
                s->found = true;
        else if (rule.mark && (rule.mark & rule.mask & s->options->mark))
                s->others++;
        return MNL_CB_OK;
}

static int see_route(const struct nlmsghdr *h, void *context)
{
        const struct rtmsg *r = mnl_nlmsg_get_payload(h);
        struct search *s = context;
        uint32_t table = r->rtm_table, interface = 0;
        const struct nlattr *a;

        mnl_attr_for_each(a, h, sizeof *r)
        {
                if (mnl_attr_get_type(a) == RTA_TABLE)
                        table = u32_of(a);
                else if (mnl_attr_get_type(a) == RTA_OIF)
                        interface = u32_of(a);
        }
        if (table != s->options->table || r->rtm_family != s->family)
                return MNL_CB_OK;
        if (r->rtm_type == RTN_LOCAL && r->rtm_dst_len == 0 && interface == LOOPBACK_INDEX)
                s->found = true;
        else
                s->others++;
        return MNL_CB_OK;
}

/* The kernel then sends what is in the table that is named, and no other: of a router that knows all of the Internet's
 * routes it would send a million each time. It takes to be exact in everything (Linux 4.20); an older one sends them
 * all. */
static int ask_exactly(struct nlmsghdr *request, mnl_cb_t see, void *context)
{
        struct mnl_socket *socket = netlink_open();
        int error;

        if (!socket)
                return -errno;
        mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &(int){1}, sizeof(int));
        error = netlink_talk(socket, request, see, context);
        mnl_socket_close(socket);
        return error;
}

int route_find(enum route_thing thing, const struct setup_options *o, int family, unsigned *others)
{
        struct search s;
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, thing == ROUTE_RULE ? RTM_GETRULE : RTM_GETROUTE, NLM_F_DUMP);
        unsigned tries = 0;
        int error;

        if (thing == ROUTE_RULE) {
                struct fib_rule_hdr *r = mnl_nlmsg_put_extra_header(h, sizeof *r);
                r->family = (uint8_t)family;
        } else {
                struct rtmsg *r = mnl_nlmsg_put_extra_header(h, sizeof *r);
                r->rtm_family = (uint8_t)family;
                mnl_attr_put_u32(h, RTA_TABLE, o->table);
        }
        do {
                s = (struct search){o, family, false, 0};
                error = ask_exactly(h, thing == ROUTE_RULE ? see_rule : see_route, &s);
        } while (netlink_again(error, &tries));
        *others = s.others;
        return error && error != -ENOENT ? error : s.found; /* ENOENT: there is no such table */
}

/* ---- what else is there --------------------------------------------------------------------------------------------
 */

struct shadow {
        const struct setup_options *options;
        int family;
        bool found;
        uint32_t priority, table;
};

/* Without a mark of its own a rule takes any; with `not` it takes what it does not name. */
static bool takes(const struct rule *rule, uint32_t mark, bool inverted)
{
        bool any = rule->mark == 0 && rule->mask == UINT32_MAX;

        return any || ((mark & rule->mask) == (rule->mark & rule->mask)) != inverted;
}

static int see_shadow(const struct nlmsghdr *h, void *context)
{
        const struct fib_rule_hdr *r = mnl_nlmsg_get_payload(h);
        struct shadow *s = context;
        struct rule rule = rule_of(h);
        bool ours = rule.table == s->options->table && rule.mark == s->options->mark;

        if (s->found || r->family != s->family || ours || rule.l3mdev || rule.table == RT_TABLE_LOCAL ||
            rule.priority >= PLAN_PRIORITY || !takes(&rule, s->options->mark, r->flags & FIB_RULE_INVERT))
                return MNL_CB_OK;
        s->found = true;
        s->priority = rule.priority;
        s->table = rule.table;
        return MNL_CB_OK;
}

int route_shadow(const struct setup_options *o, int family, unsigned *priority, unsigned *table)
{
        struct shadow s;
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_GETRULE, NLM_F_DUMP);
        struct fib_rule_hdr *r = mnl_nlmsg_put_extra_header(h, sizeof *r);
        unsigned tries = 0;
        int error;

        r->family = (uint8_t)family;
        do {
                s = (struct shadow){o, family, false, 0, 0};
                error = netlink_talk(NULL, h, see_shadow, &s);
        } while (netlink_again(error, &tries));
        *priority = s.priority;
        *table = s.table;
        return error ? error : s.found;
}
