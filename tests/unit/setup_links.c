/* Which links are the clients', and which ports' frames can be taken off a bridge. And that they can be read while
 * others come and go. */
#include "setup/links.h"

#include <criterion/criterion.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "setup/netlink.h"
#include "setup/route.h"

static struct link at[] = {
        {.name = "br0", .index = 1, .is_bridge = true, .wanted = true},
        {.name = "port0", .index = 2, .master = 1},
        {.name = "other", .index = 3, .is_bridge = true},
        {.name = "port1", .index = 4, .master = 3},
        {.name = "bond0", .index = 5, .wanted = true},
        {.name = "port2", .index = 6, .master = 5},
};
static const struct links all = {at, sizeof at / sizeof at[0], 0};
static struct link *const bridge = &at[0], *const port = &at[1];

Test(links, names_and_beginnings_of_names)
{
        cr_expect(links_match("lan0", "lan0") && !links_match("lan0", "lan01"));
        cr_expect(links_match("lan*", "lan01") && links_match("*", "wan0") && !links_match("lan*", "wan0"));
        cr_expect_not(links_match("*", "lo") || links_match("lim*", "limpid-probe"));
}

Test(links, a_port_of_a_client_bridge)
{
        cr_expect_eq(links_bridge_of(&all, port), bridge);
        cr_expect_null(links_bridge_of(&all, &at[3]), "a bridge without clients");
        cr_expect_null(links_bridge_of(&all, &at[5]), "no bridge");
        cr_expect_null(links_bridge_of(&all, bridge));
        cr_expect_eq(links_reached_by(&all, port), bridge);
}

Test(links, where_vlans_are_kept_apart_only_the_bridges_own_reaches_it)
{
        bridge->filters_vlans = true;
        cr_expect_null(links_reached_by(&all, port), "no VLAN at all");
        bridge->pvid = 1;
        port->pvid = 10;
        cr_expect_null(links_reached_by(&all, port));
        port->pvid = 1;
        cr_expect_eq(links_reached_by(&all, port), bridge);
        cr_expect_null(links_reached_by(&all, &at[3]));
}

/* ---- in a network namespace of its own ----------------------------------------------------------------------------
 */

enum { MANY = 40 };

static int change_link(uint16_t type, uint16_t flags, unsigned number)
{
        char name[IF_NAMESIZE];
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, type, NLM_F_ACK | flags);
        struct nlattr *info;

        mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
        snprintf(name, sizeof name, "comes%u", number);
        mnl_attr_put_strz(h, IFLA_IFNAME, name);
        info = mnl_attr_nest_start(h, IFLA_LINKINFO);
        mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
        mnl_attr_nest_end(h, info);
        return netlink_talk(NULL, h, NULL, NULL);
}

/* A process that makes a link and removes it, without end. There are so many others that the kernel tells of them in
 * parts. */
static pid_t come_and_go(void)
{
        pid_t child;

        for (unsigned i = 1; i <= MANY; i++)
                cr_assert_eq(change_link(RTM_NEWLINK, NLM_F_CREATE, i), 0);
        child = fork();
        if (child == 0)
                prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (child == 0)
                if (change_link(RTM_NEWLINK, NLM_F_CREATE, 0) != 0 || change_link(RTM_DELLINK, 0, 0) != 0)
                        _exit(1);
        return child;
}

Test(links, are_all_read_while_others_come_and_go)
{
        const char *const names[] = {"lo"};
        const struct setup_options o = {.interfaces = names, .interface_count = 1, .mark = 1, .table = 100};
        unsigned others;
        pid_t child;

        if (geteuid() != 0)
                cr_skip_test("takes root");
        cr_assert_eq(unshare(CLONE_NEWNET), 0);
        child = come_and_go();
        cr_assert_gt(child, 0);
        for (int i = 0; i < 100; i++) {
                struct links now;

                cr_assert_eq(links_read(&now, &o), 0);
                cr_assert(now.count > MANY && now.at[0].wanted);
                links_free(&now);
                cr_assert_eq(route_find(ROUTE_LOCAL, &o, AF_INET, &others), 0);
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
}
