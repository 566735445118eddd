/* What is wanted of the bridge family. That it works is shown in the lab; here, what of the configuration decides. */
#include "setup/bridge_plan.h"

#include <criterion/criterion.h>
#include <string.h>

static struct setup_text text;

static const char *plan(const struct setup_options *o)
{
        setup_text_free(&text);
        cr_assert(bridge_plan_nft(o, &text));
        return text.at;
}

static struct setup_options options(void)
{
        static const uint16_t ports[] = {80, 8080};

        return (struct setup_options){.ports = ports, .port_count = 2, .ipv6 = true, .match = ""};
}

/* Whether both are there, in this order, after `from`. */
static bool in_order(const char *from, const char *first, const char *second)
{
        const char *a = from ? strstr(from, first) : NULL;

        return a && strstr(a, second);
}

static bool has(const char *what)
{
        return strstr(text.at, what) != NULL;
}

Test(bridge_plan, datagrams_only_where_they_are_asked_for)
{
        struct setup_options o = options();

        plan(&o);
        cr_expect_not(has("udp") || has("flows4") || has("fragments4"));
        o.udp_ports = (const uint16_t[]){1812};
        o.udp_port_count = 1;
        plan(&o);
        cr_expect(has("udp dport { 1812 } goto datagrams\n") && has("udp sport { 1812 } goto datagrams\n"));
        cr_expect(has("frag frag-off != 0 meta l4proto udp goto datagrams\n"));
        cr_expect(has("meta skuid >= 0 udp dport { 1812 } update @flows6 {"));
        cr_expect(has("@th,136,8 17 @th,224,16 { 1812 } goto host"), "errors about them");
        o.form = SETUP_MARK;
        plan(&o);
        cr_expect_not(has("udp"));
}

Test(bridge_plan, what_answers_is_known_before_the_gate_is_asked)
{
        struct setup_options o = options();
        const char *chain;

        o.udp_ports = (const uint16_t[]){1812};
        o.udp_port_count = 1;
        chain = strstr(plan(&o), "chain datagrams");
        cr_expect(in_order(chain, "@flows4 update @flows4", "iifname != @gate return"));
        cr_expect(in_order(chain, "@fragments4 goto host", "ip frag-off & 0x3fff != 0 return"));
        cr_expect(in_order(chain, "ip frag-off & 0x3fff != 0 return", "iifname != @gate return"));
}

Test(bridge_plan, dns_is_port_53_of_both_and_never_refused)
{
        struct setup_options o = options();
        const char *opening;

        o.dns = true;
        opening = strstr(plan(&o), "chain opening");
        cr_expect(in_order(opening, "iifname != @gate return", "tcp dport 53 "));
        cr_expect(has("tcp dport { 53, 80, 8080 } update @servers4"));
        o.fail_closed = true;
        opening = strstr(plan(&o), "chain opening");
        cr_expect(in_order(opening, "tcp dport { 80, 8080 }", "iifname != @gate return"),
                  "closed holds for what is cached");
        cr_expect(in_order(opening, "iifname != @gate return", "tcp dport 53 "));
}

Test(bridge_plan, frames_with_a_tag_come_first)
{
        struct setup_options o = options();
        const char *chain = strstr(plan(&o), "chain prerouting");

        cr_expect(in_order(chain, "ether type { 8021q, 8021ad } accept", "goto opening"));
}

Test(bridge_plan, ports_of_another_vlan_are_none)
{
        struct link at[] = {
                {.name = "br0", .index = 1, .is_bridge = true, .wanted = true, .filters_vlans = true, .pvid = 1},
                {.name = "port0", .index = 2, .master = 1, .pvid = 1},
                {.name = "port1", .index = 3, .master = 1, .pvid = 10},
        };

        setup_text_free(&text);
        cr_assert(bridge_plan_ports(&(struct links){at, 3, 3}, 3, &text));
        cr_expect(has("\"port0\"") && !has("\"port1\""));
}
