/* The plan in its iptables form. That it works is shown in the lab; here, that nothing of the configuration is lost. */
#include "setup/iptables.h"

#include <criterion/criterion.h>
#include <string.h>

static struct setup_text text;

static const char *rules(const struct setup_options *o, int family)
{
        setup_text_free(&text);
        cr_assert(iptables_rules(o, family, &text));
        return text.at;
}

static struct setup_options options(void)
{
        static const char *const interfaces[] = {"lan0", "lan1"}, *const clients[] = {"192.0.2.7", "2001:db8::7"},
                                 *const servers[] = {"private", "203.0.113.0/24", "2001:db8:1::/48"};
        static const uint16_t ports[] = {80, 8080};

        return (struct setup_options){.interfaces = interfaces,
                                      .interface_count = 2,
                                      .ports = ports,
                                      .port_count = 2,
                                      .listen_port = 3129,
                                      .mark = 0x10,
                                      .table = 100,
                                      .ipv6 = true,
                                      .bypass_clients = clients,
                                      .bypass_client_count = 2,
                                      .bypass_servers = servers,
                                      .bypass_server_count = 3,
                                      .match = ""};
}

#define HAS(needle)     cr_expect_not_null(strstr(text.at, needle), "%s\n%s", needle, text.at)
#define HAS_NOT(needle) cr_expect_null(strstr(text.at, needle), "%s\n%s", needle, text.at)

Test(iptables, each_family_has_its_own)
{
        struct setup_options o = options();

        rules(&o, AF_INET);
        HAS("iptables -t mangle -A LIMPID -s 192.0.2.7 -j RETURN\n");
        HAS("iptables -t mangle -A LIMPID -d 192.168.0.0/16 -j RETURN\n");
        HAS("iptables -t mangle -A LIMPID -d 203.0.113.0/24 -j RETURN\n");
        HAS("-p icmp -m socket --transparent -j LIMPID-DIVERT\n");
        HAS_NOT("2001:db8");
        HAS_NOT("ip6tables");
        rules(&o, AF_INET6);
        HAS("ip6tables -t mangle -A LIMPID -s 2001:db8::7 -j RETURN\n");
        HAS("ip6tables -t mangle -A LIMPID -d fc00::/7 -j RETURN\n");
        HAS("ip6tables -t mangle -A LIMPID -s fe80::/10 -j RETURN");
        HAS("-p icmpv6 -m socket --transparent -j LIMPID-DIVERT\n");
        HAS_NOT("192.0.2.7");
        setup_text_free(&text);
}

Test(iptables, datagrams_only_where_they_are_asked_for)
{
        struct setup_options o = options();

        rules(&o, AF_INET);
        HAS_NOT("udp");
        o.dns = true;
        o.udp_ports = (const uint16_t[]){123};
        o.udp_port_count = 1;
        rules(&o, AF_INET6);
        HAS("-A LIMPID-DATAGRAMS -p udp --dport 123 -j RETURN\n");
        HAS("-A LIMPID-DATAGRAMS -p udp --sport 53 -m socket --transparent -j LIMPID-DIVERT\n");
        HAS("-p udp --dport 53 -m addrtype --dst-type UNICAST -j TPROXY --on-ip ::1 --on-port 3129 --tproxy-mark "
            "0x10/0x10\n");
        HAS("-p tcp --syn --dport 53 -j TPROXY");
        o.form = SETUP_MARK;
        rules(&o, AF_INET);
        HAS_NOT("udp");
        setup_text_free(&text);
}

Test(iptables, every_port_goes_to_the_listener_with_our_bits_alone)
{
        struct setup_options o = options();

        rules(&o, AF_INET);
        HAS("-p tcp --syn --dport 80 -j TPROXY --on-ip 127.0.0.1 --on-port 3129 --tproxy-mark 0x10/0x10\n");
        HAS("-p tcp --syn --dport 8080 -j TPROXY --on-ip 127.0.0.1 --on-port 3129 --tproxy-mark 0x10/0x10\n");
        rules(&o, AF_INET6);
        HAS("-j TPROXY --on-ip ::1 --on-port 3129 --tproxy-mark 0x10/0x10\n");
        setup_text_free(&text);
}

Test(iptables, the_gate_is_asked_before_the_target)
{
        struct setup_options o = options();
        const char *at = rules(&o, AF_INET);

        cr_expect_lt(strstr(at, "--match-set limpid4 src,src -j RETURN"), strstr(at, "-j TPROXY"));
        cr_expect_lt(strstr(at, "--match-set limpid4-back dst,dst -j RETURN"), strstr(at, "-j TPROXY"));
        cr_expect_lt(strstr(at, "--match-set limpid4-many src -j RETURN"), strstr(at, "-j TPROXY"));
        cr_expect_lt(strstr(at, "! --syn -m socket"), strstr(at, "--match-set limpid4 src,src"));
        setup_text_free(&text);
}

Test(iptables, closed_refuses_and_hands_nothing_back)
{
        struct setup_options o = options();

        o.fail_closed = true;
        rules(&o, AF_INET);
        HAS("iptables -I FORWARD -i lan1 -j LIMPID-CLOSED\n");
        HAS("iptables -A LIMPID-CLOSED -p tcp --dport 8080 -j REJECT --reject-with tcp-reset\n");
        HAS("iptables -A LIMPID-CLOSED -s 192.0.2.7 -j RETURN\n");
        HAS_NOT("--match-set limpid4-back");
        setup_text_free(&text);
        cr_assert(iptables_undo(&o, AF_INET, &text));
        HAS("# iptables -D FORWARD -i lan0 -j LIMPID-CLOSED\n");
        HAS("# iptables -F LIMPID-CLOSED; iptables -X LIMPID-CLOSED\n");
        setup_text_free(&text);
}

Test(iptables, the_mark_form_marks_where_somebody_listens)
{
        struct setup_options o = options();

        o.form = SETUP_MARK;
        rules(&o, AF_INET);
        HAS("--syn --dport 80 -m socket --transparent --nowildcard -j LIMPID-DIVERT\n");
        HAS_NOT("TPROXY");
        setup_text_free(&text);
}
