/* What is found on a machine, each by the one thing that differs from a machine on which all is well. */
#include "setup/doctor.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct machine machine;
static struct setup_options options;
static struct doctor_case about;
static struct link links[] = {{.name = "lan0", .wanted = true}, {.name = "wan0"}};
static char translating[] = "table ip nat {\n\tchain post {\n\t\ttype nat hook postrouting priority "
                            "srcnat; policy accept;\n\t\tmasquerade\n\t}\n}\n";
static char gate[] = "elements = { \"lan0\" timeout 3s expires 2s }";
static char found[4096];
static int count;
static enum doctor_severity worst;

static void tell(void *context, const struct finding *f)
{
        (void)context;
        strcat(found, f->what);
        strcat(found, "\n");
        count++;
        worst = f->severity > worst ? f->severity : worst;
        cr_expect(f->why[0] && f->mend[0], "%s", f->what);
}

static void all_is_well(void)
{
        static const char *const interfaces[] = {"lan0"};
        static const uint16_t ports[] = {80};

        options = (struct setup_options){
                .interfaces = interfaces, .interface_count = 1, .ports = ports, .port_count = 1, .ipv6 = true};
        machine = (struct machine){.links = {links, 2, 2},
                                   .uplink = "wan0",
                                   .uplink_mtu = 1500,
                                   .ipv6 = true,
                                   .forwards4 = true,
                                   .forwards6 = true,
                                   .listeners = {{true, true}, {true, true}},
                                   .conntrack = 10,
                                   .conntrack_max = 1000,
                                   .gate = {gate, 0, 0},
                                   .ruleset = {translating, 0, 0}};
        about = (struct doctor_case){
                .options = &options, .machine = &machine, .running = true, .open = true, .spoofs = true};
        links[0].is_bridge = false;
}

static void examine(void)
{
        found[0] = 0;
        count = 0;
        worst = 0;
        doctor_examine(&about, tell, NULL);
}

#define FOUND(severity, text)                                                                                          \
        do {                                                                                                           \
                examine();                                                                                             \
                cr_expect_eq(count, 1, "%d:\n%s", count, found);                                                       \
                cr_expect_eq(worst, severity);                                                                         \
                cr_expect_not_null(strstr(found, text), "%s", found);                                                  \
        } while (0)
#define NOTHING()                                                                                                      \
        do {                                                                                                           \
                examine();                                                                                             \
                cr_expect_eq(count, 0, "%s", found);                                                                   \
        } while (0)

TestSuite(doctor, .init = all_is_well);

Test(doctor, a_gate_that_nobody_renews)
{
        static char other[] = "elements = { \"lan01\" timeout 3s expires 2s }";

        machine.gate.at = other;
        FOUND(DOCTOR_BROKEN, "lan0 is not in the gate");
        machine.gate.at = NULL;
        FOUND(DOCTOR_BROKEN, "lan0 is not in the gate");
        about.running = about.open = false;
        machine.listeners[0] = machine.listeners[1] = (struct listener){0};
        FOUND(DOCTOR_WARNING, "limpid run is not running");
}

static void others(char text[512], const char *hook, const char *rule)
{
        snprintf(text, 512,
                 "%stable ip theirs {\n\tchain c {\n\t\ttype nat hook %s priority dstnat; policy "
                 "accept;\n\t\t%s\n\t}\n}\n",
                 translating, hook, rule);
        machine.ruleset.at = text;
}

Test(doctor, a_rule_that_sends_connections_elsewhere)
{
        char text[512];

        others(text, "prerouting", "iifname \"lan0\" tcp dport { 8080, 80 } redirect to :3128");
        FOUND(DOCTOR_WARNING, "sends connections to an intercepted port elsewhere");
        others(text, "prerouting", "tcp dport 80 dnat to 192.0.2.1");
        FOUND(DOCTOR_WARNING, "sends connections to an intercepted port elsewhere");
        others(text, "prerouting", "tcp dport { 443, 1-100 } redirect to :3128");
        FOUND(DOCTOR_WARNING, "sends connections to an intercepted port elsewhere");
        others(text, "prerouting", "tcp dport 8080 redirect to :80");
        NOTHING();
        others(text, "prerouting", "tcp dport 80 counter packets 1 bytes 60");
        NOTHING();
        others(text, "output", "tcp dport 80 redirect to :3128");
        NOTHING();
}

Test(doctor, ports_whose_vlan_does_not_reach_the_bridge)
{
        links[0].is_bridge = links[0].filters_vlans = true;
        links[0].index = links[1].master = 1;
        links[0].pvid = 1;
        links[1].pvid = 10;
        FOUND(DOCTOR_WARNING, "port wan0 of bridge lan0 is in another VLAN than the bridge");
        links[1].pvid = 1;
        NOTHING();
}

Test(doctor, nothing_where_all_is_well)
{
        NOTHING();
        machine.ipv6 = machine.forwards6 = false; /* switched off: no fault */
        machine.listeners[1] = (struct listener){0};
        NOTHING();
}

Test(doctor, the_kernel)
{
        machine.wanted_error = -EOPNOTSUPP;
        FOUND(DOCTOR_BROKEN, "the kernel does not take the rules: Operation not supported");
        all_is_well();
        machine.forwards4 = false;
        FOUND(DOCTOR_BROKEN, "IPv4 forwarding is off");
        links[0].is_bridge = true; /* what is bridged needs no routing */
        NOTHING();
        all_is_well();
        machine.forwards6 = false;
        FOUND(DOCTOR_WARNING, "IPv6 forwarding is off");
        all_is_well();
        machine.fwmark_accept = true;
        FOUND(DOCTOR_BROKEN, "tcp_fwmark_accept");
        all_is_well();
        strcpy(machine.valid_mark, "lan0");
        FOUND(DOCTOR_BROKEN, "src_valid_mark and rp_filter are both on for lan0");
        all_is_well();
        strcpy(machine.bridge, "br0");
        FOUND(DOCTOR_BROKEN, "bridge br0 hands its frames to iptables");
}

Test(doctor, sizes)
{
        machine.ignores_pmtu = true;
        FOUND(DOCTOR_WARNING, "ip_no_pmtu_disc");
        all_is_well();
        machine.uplink_mtu = 1279;
        FOUND(DOCTOR_WARNING, "wan0 has an MTU of 1279");
        all_is_well();
        machine.conntrack = 900;
        NOTHING();
        machine.conntrack = 901;
        FOUND(DOCTOR_WARNING, "nearly full: 901 of 1000");
}

Test(doctor, the_set_up)
{
        about.running = about.open = false;
        machine.listeners[0] = machine.listeners[1] = (struct listener){0};
        machine.check = 1;
        machine.differences.at = (char[]){"table inet limpid is missing\n"};
        FOUND(DOCTOR_WARNING, "limpid run is not running");
        all_is_well();
        machine.check = 1;
        machine.differences.at = (char[]){"one\ntwo\n"};
        examine();
        cr_expect_eq(count, 2);
        cr_expect_str_eq(found, "one\ntwo\n");
        about.manual = true;
        NOTHING();
        all_is_well();
        links[0].name[0] = 'x';
        links[0].wanted = false;
        FOUND(DOCTOR_WARNING, "there is no interface lan0");
        links[0].name[0] = 'l';
        links[0].wanted = true;
        about.open = false;
        FOUND(DOCTOR_BROKEN, "the gate is shut although limpid run is running");
}

Test(doctor, servers_that_answer_nobody)
{
        about.connects = 5;
        about.failures = 5;
        FOUND(DOCTOR_BROKEN, "no server has answered: 5 connections were tried, 5 destinations could not be reached");
        about.connects = 6;
        NOTHING();
        about.connects = about.failures = 4;
        NOTHING();
        about.connects = about.failures = 100;
        about.spoofs = false;
        NOTHING();
}

Test(doctor, a_rule_that_comes_before_ours)
{
        machine.shadows[0] = (struct shadow){true, 50, 200};
        FOUND(DOCTOR_WARNING, "the IPv4 routing rule with priority 50 (table 200) comes before Limpid's");
        all_is_well();
        machine.shadows[1] = (struct shadow){true, 50, 200};
        machine.ipv6 = false;
        NOTHING();
}

Test(doctor, listeners)
{
        machine.listeners[0] = (struct listener){0};
        FOUND(DOCTOR_BROKEN, "nobody listens for intercepted IPv4 connections");
        all_is_well();
        machine.listeners[1].transparent = false;
        FOUND(DOCTOR_BROKEN, "what listens for intercepted IPv6 connections is not transparent");
        all_is_well();
        about.running = about.open = false;
        machine.listeners[1] = (struct listener){0};
        examine();
        cr_expect_not_null(strstr(found, "another service listens on Limpid's port, IPv4"));
}

#define CHAIN(table, hook, policy, rule)                                                                               \
        "table " table " {\n\tchain c {\n\t\ttype filter hook " hook " priority filter; policy " policy ";\n\t\t" rule \
        "\n\t}\n}\ntable ip nat {\n\tchain n {\n\t\ttype nat hook postrouting priority srcnat; "                       \
        "policy accept;\n\t\tmasquerade\n\t}\n}\n"

Test(doctor, other_rules)
{
        machine.ruleset.at = (char[]){CHAIN("inet f", "forward", "drop", "accept")};
        FOUND(DOCTOR_WARNING, "drops or refuses what is forwarded");
        machine.ruleset.at = (char[]){CHAIN("inet f", "forward", "accept", "tcp dport 80 drop")};
        FOUND(DOCTOR_WARNING, "drops or refuses what is forwarded");
        machine.ruleset.at = (char[]){CHAIN("inet f", "forward", "accept", "tcp dport 80 reject with tcp reset")};
        FOUND(DOCTOR_WARNING, "drops or refuses what is forwarded");
        machine.ruleset.at = (char[]){CHAIN("inet limpid", "forward", "accept", "reject with tcp reset")};
        NOTHING();
        machine.ruleset.at = (char[]){CHAIN("inet f", "output", "drop", "accept")};
        NOTHING();
        machine.ruleset.at = (char[]){CHAIN("inet f", "input", "drop", "accept")};
        NOTHING(); /* the gate is open: what is intercepted gets through */
        about.open = false;
        examine();
        cr_expect_not_null(strstr(found, "drops what comes in"));
}

Test(doctor, who_translates_addresses)
{
        machine.ruleset.at = (char[]){""};
        FOUND(DOCTOR_WARNING, "nothing translates private addresses on their way out over wan0");
        machine.uplink_private = true; /* then a router further on has to */
        NOTHING();
        all_is_well();
        machine.ruleset.at = (char[]){""};
        about.spoofs = false;
        NOTHING();
}
