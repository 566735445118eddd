/* Either the network namespace's sysctl or the bridge's own switch is enough (net/bridge/br_netfilter_hooks.c). */
#include "setup/bridge_calls.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "setup/netlink.h"
#include "setup/sysctl.h"

struct bridge {
        bool is_one, calls4, calls6;
};

static bool switched_on(const char *path)
{
        char value[SYSCTL_VALUE];

        return sysctl_read(path, value) == 0 && strcmp(value, "0") != 0;
}

static int see_switch(const struct nlattr *a, void *context)
{
        struct bridge *b = context;
        uint16_t type = mnl_attr_get_type(a);

        if (type == IFLA_BR_NF_CALL_IPTABLES)
                b->calls4 = mnl_attr_get_u8(a) != 0;
        if (type == IFLA_BR_NF_CALL_IP6TABLES)
                b->calls6 = mnl_attr_get_u8(a) != 0;
        return MNL_CB_OK;
}

/* The kind comes before what is to be said of it (rtnl_link_info_fill). */
static int see_kind(const struct nlattr *a, void *context)
{
        struct bridge *b = context;
        uint16_t type = mnl_attr_get_type(a);

        if (type == IFLA_INFO_KIND && mnl_attr_validate(a, MNL_TYPE_STRING) >= 0)
                b->is_one = strncmp(mnl_attr_get_str(a), "bridge", mnl_attr_get_payload_len(a)) == 0;
        if (type == IFLA_INFO_DATA && b->is_one)
                return mnl_attr_parse_nested(a, see_switch, b);
        return MNL_CB_OK;
}

static int see_attribute(const struct nlattr *a, void *context)
{
        return mnl_attr_get_type(a) == IFLA_LINKINFO ? mnl_attr_parse_nested(a, see_kind, context) : MNL_CB_OK;
}

static int see_link(const struct nlmsghdr *h, void *context)
{
        return mnl_attr_parse(h, sizeof(struct ifinfomsg), see_attribute, context);
}

static struct bridge look_at(const char *name)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_GETLINK, NLM_F_ACK);
        struct bridge b = {false, false, false};

        mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(h, IFLA_IFNAME, name);
        netlink_talk(NULL, h, see_link, &b);
        return b;
}

bool bridge_calls(const struct setup_options *o, char name[IF_NAMESIZE])
{
        bool all4 = switched_on("net/bridge/bridge-nf-call-iptables");
        bool all6 = switched_on("net/bridge/bridge-nf-call-ip6tables");

        for (size_t i = 0; i < o->interface_count; i++) {
                struct bridge b = look_at(o->interfaces[i]);

                if (!b.is_one || !(all4 || b.calls4 || (o->ipv6 && (all6 || b.calls6))))
                        continue;
                strncpy(name, o->interfaces[i], IF_NAMESIZE - 1);
                name[IF_NAMESIZE - 1] = 0;
                return true;
        }
        return false;
}
