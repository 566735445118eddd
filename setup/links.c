/* One dump of all links (rtnetlink(7), linux/if_link.h). */
#include "setup/links.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "setup/netlink.h"
#include "setup/probe.h"
#include "setup/sysctl.h"

struct reading {
        struct links *links;
        const struct setup_options *options;
};

/* ---- names ---------------------------------------------------------------------------------------------------------
 */

bool links_is_pattern(const char *text)
{
        size_t len = strlen(text);

        return len && text[len - 1] == '*';
}

bool links_match(const char *pattern, const char *name)
{
        if (!links_is_pattern(pattern))
                return strcmp(pattern, name) == 0;
        return strcmp(name, "lo") != 0 && strncmp(name, PROBE_PREFIX, strlen(PROBE_PREFIX)) != 0 &&
               strncmp(pattern, name, strlen(pattern) - 1) == 0;
}

static bool is_wanted(const struct setup_options *o, const char *name)
{
        for (size_t i = 0; i < o->interface_count; i++)
                if (links_match(o->interfaces[i], name))
                        return true;
        return false;
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static int see_switch(const struct nlattr *a, void *context)
{
        struct link *l = context;
        uint16_t type = mnl_attr_get_type(a);

        if (type == IFLA_BR_NF_CALL_IPTABLES)
                l->calls4 = mnl_attr_get_u8(a) != 0;
        if (type == IFLA_BR_NF_CALL_IP6TABLES)
                l->calls6 = mnl_attr_get_u8(a) != 0;
        if (type == IFLA_BR_VLAN_FILTERING)
                l->filters_vlans = mnl_attr_get_u8(a) != 0;
        return MNL_CB_OK;
}

/* The kind comes before what is to be said of it (rtnl_link_info_fill). */
static int see_kind(const struct nlattr *a, void *context)
{
        struct link *l = context;
        uint16_t type = mnl_attr_get_type(a);

        if (type == IFLA_INFO_KIND && mnl_attr_validate(a, MNL_TYPE_STRING) >= 0)
                l->is_bridge = strncmp(mnl_attr_get_str(a), "bridge", mnl_attr_get_payload_len(a)) == 0;
        if (type == IFLA_INFO_DATA && l->is_bridge)
                return mnl_attr_parse_nested(a, see_switch, l);
        return MNL_CB_OK;
}

static int see_attribute(const struct nlattr *a, void *context)
{
        struct link *l = context;

        switch (mnl_attr_get_type(a)) {
        case IFLA_IFNAME:
                if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
                        strncpy(l->name, mnl_attr_get_str(a), IF_NAMESIZE - 1);
                break;
        case IFLA_MASTER:
                if (mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
                        l->master = mnl_attr_get_u32(a);
                break;
        case IFLA_ADDRESS:
                if (mnl_attr_get_payload_len(a) == sizeof l->mac)
                        memcpy(l->mac, mnl_attr_get_payload(a), sizeof l->mac);
                break;
        case IFLA_LINKINFO:
                return mnl_attr_parse_nested(a, see_kind, l);
        default:
                break;
        }
        return MNL_CB_OK;
}

static struct link *one_more(struct links *all)
{
        size_t cap = all->cap ? all->cap * 2 : 64;
        struct link *at = all->count < all->cap ? all->at : realloc(all->at, cap * sizeof *at);

        if (!at)
                return NULL;
        all->cap = all->count < all->cap ? all->cap : cap;
        all->at = at;
        memset(&at[all->count], 0, sizeof *at);
        return &at[all->count++];
}

static int see_link(const struct nlmsghdr *h, void *context)
{
        struct reading *r = context;
        struct link *l = one_more(r->links);

        if (!l) {
                errno = ENOMEM;
                return MNL_CB_ERROR;
        }
        if (mnl_nlmsg_get_payload_len(h) < sizeof(struct ifinfomsg))
                return MNL_CB_OK;
        l->index = (unsigned)((const struct ifinfomsg *)mnl_nlmsg_get_payload(h))->ifi_index;
        mnl_attr_parse(h, sizeof(struct ifinfomsg), see_attribute, l);
        l->wanted = is_wanted(r->options, l->name);
        return MNL_CB_OK;
}

/* ---- VLANs of bridges ----------------------------------------------------------------------------------------------
 */

static int see_vlan(const struct nlattr *a, void *context)
{
        const struct bridge_vlan_info *v = mnl_attr_get_payload(a);
        struct link *l = context;

        if (mnl_attr_get_type(a) == IFLA_BRIDGE_VLAN_INFO && mnl_attr_get_payload_len(a) >= sizeof *v &&
            v->flags & BRIDGE_VLAN_INFO_PVID)
                l->pvid = v->vid;
        return MNL_CB_OK;
}

static int see_bridging(const struct nlattr *a, void *context)
{
        return mnl_attr_get_type(a) == IFLA_AF_SPEC ? mnl_attr_parse_nested(a, see_vlan, context) : MNL_CB_OK;
}

static int see_member(const struct nlmsghdr *h, void *context)
{
        struct links *all = context;
        const struct ifinfomsg *i = mnl_nlmsg_get_payload(h);

        if (mnl_nlmsg_get_payload_len(h) < sizeof *i)
                return MNL_CB_OK;
        for (size_t n = 0; n < all->count; n++)
                if (all->at[n].index == (unsigned)i->ifi_index)
                        return mnl_attr_parse(h, sizeof *i, see_bridging, &all->at[n]);
        return MNL_CB_OK;
}

/* A dump of its own (bridge(8) vlan), which takes to ask for it. */
static int read_vlans(struct links *all)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_GETLINK, NLM_F_DUMP);
        struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof *i);
        bool any = false;

        for (size_t n = 0; n < all->count; n++)
                any |= all->at[n].wanted && all->at[n].filters_vlans;
        i->ifi_family = AF_BRIDGE;
        mnl_attr_put_u32(h, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN);
        return any ? netlink_talk(NULL, h, see_member, all) : 0;
}

static int read_once(struct links *all, const struct setup_options *o)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_GETLINK, NLM_F_DUMP);
        struct reading r = {all, o};
        int error;

        mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
        error = netlink_talk(NULL, h, see_link, &r);
        return error ? error : read_vlans(all);
}

int links_read(struct links *all, const struct setup_options *o)
{
        unsigned tries = 0;
        int error;

        *all = (struct links){NULL, 0, 0};
        do {
                links_free(all);
                error = read_once(all, o);
        } while (netlink_again(error, &tries));
        return error;
}

void links_free(struct links *all)
{
        free(all->at);
        *all = (struct links){NULL, 0, 0};
}

/* ---- bridges -------------------------------------------------------------------------------------------------------
 */

const struct link *links_bridge_of(const struct links *all, const struct link *port)
{
        for (size_t i = 0; i < all->count && port->master; i++)
                if (all->at[i].index == port->master)
                        return all->at[i].is_bridge && all->at[i].wanted ? &all->at[i] : NULL;
        return NULL;
}

const struct link *links_reached_by(const struct links *all, const struct link *port)
{
        const struct link *bridge = links_bridge_of(all, port);

        return bridge && (!bridge->filters_vlans || (port->pvid && port->pvid == bridge->pvid)) ? bridge : NULL;
}

bool links_have_bridge(const struct links *all)
{
        for (size_t i = 0; i < all->count; i++)
                if (all->at[i].is_bridge && all->at[i].wanted)
                        return true;
        return false;
}

static bool switched_on(const char *path)
{
        char value[SYSCTL_VALUE];

        return sysctl_read(path, value) == 0 && strcmp(value, "0") != 0;
}

const struct link *links_calling(const struct links *all, const struct setup_options *o)
{
        bool all4 = switched_on("net/bridge/bridge-nf-call-iptables");
        bool all6 = o->ipv6 && switched_on("net/bridge/bridge-nf-call-ip6tables");

        for (size_t i = 0; i < all->count; i++) {
                const struct link *l = &all->at[i];

                if (l->is_bridge && l->wanted && (all4 || all6 || l->calls4 || (o->ipv6 && l->calls6)))
                        return l;
        }
        return NULL;
}
