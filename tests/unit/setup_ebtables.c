/* The bridge's part of the iptables form. That it works is shown in the lab; here, that nothing of the configuration is
 * lost, and that what is never intercepted stays on the bridge. */
#include "setup/ebtables.h"

#include <criterion/criterion.h>
#include <string.h>

static struct setup_text text;

static struct link at[] = {
        {.name = "br0", .index = 1, .is_bridge = true, .wanted = true},
        {.name = "port0", .index = 2, .master = 1},
        {.name = "port1", .index = 3, .master = 1},
        {.name = "br1", .index = 4, .is_bridge = true},
        {.name = "other", .index = 5, .master = 4},
        {.name = "lan0", .index = 6, .wanted = true},
};
static const struct links all = {at, sizeof at / sizeof at[0], 0};

static struct setup_options options(void)
{
        static const char *const clients[] = {"192.0.2.7", "2001:db8::7"}, *const servers[] = {"private",
                                                                                               "203.0.113.0/24"};
        static const uint16_t ports[] = {80, 8080};

        return (struct setup_options){.ports = ports,
                                      .port_count = 2,
                                      .ipv6 = true,
                                      .bypass_clients = clients,
                                      .bypass_client_count = 2,
                                      .bypass_servers = servers,
                                      .bypass_server_count = 2};
}

#define HAS(needle)     cr_expect_not_null(strstr(text.at, needle), "%s\n%s", needle, text.at)
#define HAS_NOT(needle) cr_expect_null(strstr(text.at, needle), "%s\n%s", needle, text.at)

static void rules(const struct setup_options *o)
{
        setup_text_free(&text);
        cr_assert(ebtables_rules(o, &all, &text));
}

Test(ebtables, both_directions_of_each_port)
{
        struct setup_options o = options();

        rules(&o);
        HAS("-A LIMPID -p IPv4 --ip-proto tcp --ip-dport 80 -j LIMPID-TO\n");
        HAS("-A LIMPID -p IPv4 --ip-proto tcp --ip-sport 8080 -j LIMPID-FROM\n");
        HAS("-A LIMPID -p IPv6 --ip6-proto tcp --ip6-sport 80 -j LIMPID-FROM\n");
        HAS("-A LIMPID -p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type packet-too-big -j redirect");
        HAS_NOT("udp");
        o.ipv6 = false;
        rules(&o);
        HAS_NOT("ip6");
        setup_text_free(&text);
}

Test(ebtables, what_is_never_intercepted_stays_on_the_bridge)
{
        struct setup_options o = options();
        const char *redirect;

        rules(&o);
        HAS("-A LIMPID-TO -p IPv4 --ip-dst 192.168.0.0/16 -j RETURN\n");
        HAS("-A LIMPID-FROM -p IPv4 --ip-src 203.0.113.0/24 -j RETURN\n");
        HAS("-A LIMPID-TO -p IPv4 --ip-src 192.0.2.7 -j RETURN\n");
        HAS("-A LIMPID-FROM -p IPv6 --ip6-dst 2001:db8::7 -j RETURN\n");
        HAS("-A LIMPID-TO -p IPv6 --ip6-src fe80::/10 -j RETURN\n");
        redirect = strstr(text.at, "-A LIMPID-TO -j redirect");
        cr_assert_not_null(redirect);
        cr_expect_null(strstr(redirect, "-A LIMPID-TO -p"), "the addresses come first");
        setup_text_free(&text);
}

Test(ebtables, datagrams_and_dns_only_where_they_are_asked_for)
{
        struct setup_options o = options();

        o.dns = true;
        o.udp_ports = (const uint16_t[]){123};
        o.udp_port_count = 1;
        rules(&o);
        HAS("-p IPv4 --ip-proto udp --ip-dport 53 -j LIMPID-TO\n");
        HAS("-p IPv6 --ip6-proto tcp --ip6-sport 53 -j LIMPID-FROM\n");
        HAS("-p IPv6 --ip6-proto udp --ip6-sport 123 -j LIMPID-FROM\n");
        o.form = SETUP_MARK;
        rules(&o);
        HAS_NOT("udp");
        setup_text_free(&text);
}

Test(ebtables, ports_of_client_bridges_alone_and_all_of_it_is_undone)
{
        struct setup_options o = options();

        rules(&o);
        HAS("-A PREROUTING -i port0 -j LIMPID\n");
        HAS("-A PREROUTING -i port1 -j LIMPID\n");
        HAS_NOT("other");
        HAS_NOT("lan0");
        setup_text_free(&text);
        cr_assert(ebtables_undo(&all, &text));
        HAS("# ebtables -t nat -D PREROUTING -i port1 -j LIMPID\n");
        HAS("# ebtables -t nat -F LIMPID-FROM; ebtables -t nat -X LIMPID-FROM\n");
        setup_text_free(&text);
}
