/* setup/plan.c: the nft table that a configuration asks for, and addresses. */
#include <criterion/criterion.h>
#include <string.h>

#include "setup/plan.h"

static const char *const interfaces[] = {"lan0", "lan1"};
static const char *const servers[] = {"private", "203.0.113.0/24", "2001:db8::/32"};
static const uint16_t ports[] = {80, 8080};

static struct setup_options options(void)
{
        return (struct setup_options){.interfaces = interfaces,
                                      .interface_count = 2,
                                      .ports = ports,
                                      .port_count = 2,
                                      .listen_port = 3129,
                                      .mark = 0x10,
                                      .table = 100,
                                      .ipv6 = true,
                                      .bypass_servers = servers,
                                      .bypass_server_count = 3,
                                      .match = ""};
}

static struct setup_text text;

static const char *plan(const struct setup_options *o)
{
        setup_text_free(&text);
        cr_assert(plan_nft(o, &text));
        return text.at;
}

static void release(void)
{
        setup_text_free(&text);
}

TestSuite(plan, .fini = release);

static bool before(const char *all, const char *first, const char *second)
{
        const char *a = strstr(all, first), *b = strstr(all, second);

        return a && b && a < b;
}

Test(plan, order_decides)
{
        struct setup_options o = options();
        const char *nft = plan(&o);

        cr_assert(before(nft, "fib daddr type local", "socket transparent"));
        cr_assert(before(nft, "socket transparent", "iifname != @gate"));
        cr_assert(before(nft, "iifname != @gate", "203.0.113.0/24"));
        cr_assert(before(nft, "203.0.113.0/24", "jump intercept"));
        cr_assert(before(nft, "@handed_back4 return", "jump intercept"));
        cr_assert(before(nft, "@crowded4 return", "jump intercept"));
        cr_assert(before(nft, "@crowded6 return", "jump intercept"));
}

Test(plan, the_mark_is_set_after_tproxy_and_no_other_bits_are_touched)
{
        struct setup_options o = options();

        cr_assert_not_null(strstr(plan(&o), "tproxy ip to 127.0.0.1:3129 meta mark set meta mark | 0x10 accept"));
        cr_assert_not_null(strstr(text.at, "tproxy ip6 to [::1]:3129 meta mark set meta mark | 0x10 accept"));
}

Test(plan, a_bare_syn_never_goes_to_a_socket_of_time_wait)
{
        struct setup_options o = options();

        cr_assert_not_null(strstr(plan(&o), "tcp flags & (fin | syn | rst | ack) != syn socket transparent 1"));
        cr_assert_not_null(strstr(text.at, "meta l4proto icmp socket transparent 1"));
        cr_assert_not_null(strstr(text.at, "meta l4proto icmpv6 socket transparent 1"));
}

Test(plan, without_ipv6_nothing_of_it_is_intercepted)
{
        struct setup_options o = options();

        o.ipv6 = false;
        cr_assert_null(strstr(plan(&o), "tproxy ip6"));
        cr_assert_null(strstr(text.at, "icmpv6"));
}

Test(plan, private_stands_for_its_ranges_in_both_families)
{
        struct setup_options o = options();

        cr_assert_not_null(strstr(plan(&o), "192.168.0.0/16, 203.0.113.0/24 } return"));
        cr_assert_not_null(strstr(text.at, "100.64.0.0/10"));
        cr_assert_not_null(strstr(text.at, "fe80::/10, 2001:db8::/32 } return"));
}

Test(plan, the_operators_condition_stands_before_the_verdict)
{
        struct setup_options o = options();

        o.match = "ip daddr != 203.0.113.9";
        cr_assert_not_null(strstr(plan(&o), "== syn tcp dport { 80, 8080 } ip daddr != 203.0.113.9 jump intercept"));
}

Test(plan, a_condition_on_one_family_meets_no_rule_of_the_other)
{
        struct setup_options o = options();

        o.match = "ip daddr != 203.0.113.9";
        cr_assert_null(strstr(plan(&o), "203.0.113.9 meta nfproto"));
        cr_assert_not_null(strstr(text.at, "meta nfproto ipv6 meta l4proto tcp tproxy ip6 to [::1]:3129"));
}

Test(plan, what_there_is_no_way_to_is_not_intercepted)
{
        struct setup_options o = options();

        cr_assert(
                before(plan(&o), "iifname != @gate",
                       "== syn tcp dport { 80, 8080 } meta iifkind != \"bridge\" fib daddr . mark oif missing return"));
        cr_assert(before(text.at, "fib daddr . mark oif missing return", "jump intercept"));
}

Test(plan, what_has_not_answered_is_not_intercepted_if_that_is_wanted)
{
        struct setup_options o = options();

        cr_assert_null(strstr(plan(&o), "answered6"));
        o.prove_ipv6 = true;
        cr_assert(before(plan(&o), "== (syn | ack) tcp sport { 80, 8080 } update @answered6 { ip6 saddr . tcp sport }",
                         "socket transparent 1"));
        cr_assert(before(text.at, "tcp dport { 80, 8080 } ip6 daddr . tcp dport != @answered6 return",
                         "jump intercept\n"));
        o.ipv6 = false;
        cr_assert_null(strstr(plan(&o), "answered6"));
}

Test(plan, the_mark_form_marks_only_where_a_socket_listens)
{
        struct setup_options o = options();

        o.form = SETUP_MARK;
        cr_assert_null(strstr(plan(&o), "tproxy"));
        cr_assert_not_null(strstr(text.at, "meta nfproto ipv4 socket transparent 1 meta mark set"));
}

Test(plan, closed_refuses_what_was_not_intercepted)
{
        struct setup_options o = options();

        cr_assert_null(strstr(plan(&o), "reject"));
        o.fail_closed = true;
        cr_assert_not_null(strstr(plan(&o), "iifname != { \"lan0\", \"lan1\" } return"));
        cr_assert_not_null(strstr(text.at, "reject with tcp reset"));
        cr_assert_null(strstr(text.at, "ip daddr . tcp dport @handed_back4"),
                       "what must be filtered is not handed back");
        cr_assert(before(text.at, "@crowded4 return", "chain forward"), "its new connections are refused instead");
}

Test(plan, datagrams_only_where_they_are_asked_for)
{
        struct setup_options o = options();

        cr_assert_null(strstr(plan(&o), "udp"));
        o.udp_ports = (const uint16_t[]){53, 123};
        o.udp_port_count = 2;
        cr_assert_not_null(strstr(plan(&o), "udp dport { 53, 123 }  jump intercept_datagrams"));
        cr_assert_not_null(strstr(text.at, "meta l4proto udp tproxy ip to 127.0.0.1:3129 meta mark set"));
        cr_assert_not_null(strstr(text.at, "meta l4proto udp tproxy ip6 to [::1]:3129 meta mark set"));
        cr_assert_null(strstr(text.at, "tcp dport 53"));
        o.form = SETUP_MARK;
        cr_assert_null(strstr(plan(&o), "udp"));
}

Test(plan, dns_is_port_53_of_both)
{
        struct setup_options o = options();

        o.dns = true;
        o.match = "ip daddr != 203.0.113.9";
        cr_assert_not_null(strstr(plan(&o), "udp dport { 53 } ip daddr != 203.0.113.9 jump intercept_datagrams"));
        cr_assert_not_null(strstr(text.at, "== syn tcp dport 53 ip daddr != 203.0.113.9 jump intercept\n"));
        o.udp_ports = (const uint16_t[]){53, 123};
        o.udp_port_count = 2;
        cr_assert_not_null(strstr(plan(&o), "udp dport { 53, 123 } "));
}

Test(plan, what_goes_to_a_relayed_port_never_ends_in_a_socket_that_replies_from_it)
{
        struct setup_options o = options();

        o.udp_ports = (const uint16_t[]){123};
        o.udp_port_count = 1;
        plan(&o);
        cr_assert(before(text.at, "udp sport { 123 } udp dport != { 123 } socket transparent 1", "iifname != @gate"));
}

Test(plan, addresses_and_what_are_none)
{
        static const char *const bad[] = {
                "",           "1.2.3",      "1.2.3.4/33",
                "1.2.3.4/",   "1.2.3.4/-1", "1.2.3.4/8x",
                "::1/129",    "hello",      "1.2.3.4 ",
                "1.2.3.4/+8", "::/ 1",      "0123456789012345678901234567890123456789012345678901234567890"};

        cr_assert_eq(plan_family("192.0.2.1"), AF_INET);
        cr_assert_eq(plan_family("192.0.2.0/24"), AF_INET);
        cr_assert_eq(plan_family("2001:db8::/32"), AF_INET6);
        cr_assert_null(setup_address_error("192.0.2.1"));
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_assert_not_null(setup_address_error(bad[i]), "%s", bad[i]);
}

Test(plan, show_has_all_that_a_shell_needs)
{
        struct setup_options o = options();

        setup_text_free(&text);
        cr_assert_eq(setup_show(&o, &text), 0);
        cr_assert_not_null(strstr(text.at, "\nip rule add priority 10 fwmark 0x10/0x10 lookup 100\n"));
        cr_assert_not_null(strstr(text.at, "\nip -6 route add local default dev lo table 100 proto static\n"));
        cr_assert_not_null(strstr(text.at, "nft -f - <<'LIMPID'\ntable inet limpid\n"));
        cr_assert_not_null(strstr(text.at, "sysctl -w net/ipv4/tcp_fwmark_accept=0"));
}

Test(plan, the_self_test_bypasses_nothing_and_is_refused_without_a_listener)
{
        struct setup_options o = options();

        cr_expect_not(strstr(plan(&o), "limpid-probe"));
        o.self_test = true;
        cr_assert(before(plan(&o), "iifname != @gate", "iifname \"limpid-probe\" tcp flags"));
        cr_assert(before(text.at, "jump intercept comment", "iifname \"limpid-probe\" meta l4proto tcp reject"));
        cr_assert(before(text.at, "meta l4proto tcp reject", "203.0.113.0/24"));
}
