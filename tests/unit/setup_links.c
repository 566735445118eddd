/* Which links are the clients', and which ports' frames can be taken off a bridge. Reading them takes a kernel. */
#include "setup/links.h"

#include <criterion/criterion.h>
#include <string.h>

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
