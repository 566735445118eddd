/* Frames that go from one port of a bridge to another never reach the rules for packets. So those of our connections,
 * and only those, are addressed to this machine instead: then they come up at the bridge's interface, as if routed.
 *
 * Which are ours is known by a set, since the bridge family can ask neither for sockets nor, everywhere, conntrack. A
 * client's bare SYN is entered where the gate is open and nothing bypasses it, and our own SYN the other way round when
 * it leaves: its replies are addressed to the client's MAC. All else is bridged on, untouched: a dead proxy's new
 * connections, and those that were made while it was dead, need neither a route nor leave to be forwarded. An ended
 * connection is moved to a set where it is forgotten in a minute. A full set takes no more clients: they are bridged.
 *
 * Datagrams to relayed ports are taken one by one, while the gate is open; what answers those that we send is known by
 * a set of flows.
 *
 * ICMP errors are asked for the ports of what they quote; those that concern no socket of ours are routed on. */
#include "setup/bridge_plan.h"

#include <stdio.h>

#include "setup/plan.h"
#include "setup/text.h"

struct version {
        char digit;
        const char *header, *address;
        const char *errors;       /* ICMP's messages that concern a connection */
        unsigned protocol, ports; /* where in the message the quoted packet has them, in bits */
        const char *fragmented;   /* what fragments of one datagram have in common */
        const char *later, *more; /* a fragment that is not the first; one after which others come */
        const char *any;
};

static const struct version versions[] = {
        {'4', "ip", "ipv4_addr", "icmp type { destination-unreachable, time-exceeded, parameter-problem }", 136, 224,
         "ip saddr . ip daddr . ip id", "ip frag-off & 0x1fff != 0", "ip frag-off & 0x2000 != 0",
         "ip frag-off & 0x3fff != 0"},
        {'6', "ip6", "ipv6_addr", "icmpv6 type { destination-unreachable, packet-too-big, parameter-problem }", 112,
         384, "ip6 saddr . ip6 daddr . frag id", "frag frag-off != 0", "frag more-fragments 1", "exthdr frag exists"},
};

static const char syn[] = "tcp flags & (fin | syn | rst | ack) == syn";

/* A client's connections, those of ours to servers, and what has ended of either. */
static const char *const kinds[] = {"clients", "servers", "ended"};

/* Flows of our own datagrams, as what answers them comes; and which fragments belong to such an answer. */
#define FLOWS        "flows"
#define FRAGMENTS    "fragments"
#define FLOW_TIMEOUT "2m"

static size_t version_count(const struct setup_options *o)
{
        return o->ipv6 ? 2 : 1;
}

/* The connection of a packet: as it came, or of the packets that will answer it. */
static bool add_key_of(struct setup_text *t, const char *protocol, const struct version *v, bool answer)
{
        const char *from = answer ? "d" : "s", *to = answer ? "s" : "d";

        return text_add(t, "%s %saddr . %s %sport . %s %saddr . %s %sport", v->header, from, protocol, from, v->header,
                        to, protocol, to);
}

static bool add_key(struct setup_text *t, const struct version *v, bool answer)
{
        return add_key_of(t, "tcp", v, answer);
}

static bool add_flow(struct setup_text *t, const struct version *v, bool answer)
{
        return text_add(t, " update @" FLOWS "%c { ", v->digit) && add_key_of(t, "udp", v, answer) &&
               text_add(t, " timeout " FLOW_TIMEOUT " }");
}

static bool relays_dns(const struct setup_options *o)
{
        return plan_datagrams(o) && o->dns;
}

/* Of all TCP connections that are intercepted. */
static bool add_tcp_ports(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(t, "{ %s", relays_dns(o) ? "53" : "");

        for (size_t i = 0; i < o->port_count; i++)
                if (!relays_dns(o) || o->ports[i] != 53)
                        ok = ok && text_add(t, "%s%u", i || relays_dns(o) ? ", " : "", o->ports[i]);
        return ok && text_add(t, " }");
}

static bool add_statement(struct setup_text *t, const char *verb, const char *kind, const struct version *v,
                          bool answer, const char *timeout)
{
        return text_add(t, " %s @%s%c { ", verb, kind, v->digit) && add_key(t, v, answer) &&
               text_add(t, "%s%s }", timeout[0] ? " timeout " : "", timeout);
}

static bool add_flow_sets(struct setup_text *t, const struct version *v)
{
        return text_add(t,
                        "        set " FLOWS "%c {\n"
                        "                type %s . inet_service . %s . inet_service\n"
                        "                size 262144\n"
                        "                flags dynamic,timeout\n"
                        "        }\n"
                        "        set " FRAGMENTS "%c {\n"
                        "                typeof %s\n"
                        "                size 65536\n"
                        "                flags dynamic,timeout\n"
                        "        }\n",
                        v->digit, v->address, v->address, v->digit, v->fragmented);
}

static bool add_sets(struct setup_text *t, const struct setup_options *o, const struct version *v)
{
        bool ok = true;

        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
                ok = ok && text_add(t,
                                    "        set %s%c {\n"
                                    "                type %s . inet_service . %s . inet_service\n"
                                    "                size 262144\n"
                                    "                flags dynamic,timeout\n"
                                    "        }\n",
                                    kinds[i], v->digit, v->address, v->address);
        if (plan_datagrams(o))
                ok = ok && add_flow_sets(t, v);
        return ok && text_add(t,
                              "        set handed_back%c {\n"
                              "                type %s . inet_service\n"
                              "                size 65535\n"
                              "                flags timeout\n"
                              "        }\n",
                              v->digit, v->address);
}

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

static bool add_admit(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(t, "        chain admit {\n");

        for (size_t i = 0; i < version_count(o); i++)
                ok = ok && text_add(t, "               ") &&
                     add_statement(t, "update", "clients", &versions[i], false, "1m") && text_add(t, " goto host\n");
        return ok && text_add(t, "        }\n");
}

static bool add_jump(struct setup_text *t, const struct setup_options *o)
{
        return text_add(t, "%s jump admit\n", o->match ? o->match : "");
}

/* DNS over TCP is relayed like datagrams, for which fail = "closed" does not hold. */
static bool add_dns_opening(struct setup_text *t, const struct setup_options *o)
{
        bool ok = true;

        if (!relays_dns(o))
                return true;
        if (o->fail_closed)
                ok = text_add(t, "                iifname != @gate return\n") && plan_handed_back(t) && plan_crowded(t);
        return ok && text_add(t, "                tcp dport 53 ") && add_jump(t, o);
}

/* With fail = "closed" what is not admitted comes up all the same, to be refused there. */
static bool add_opening(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(t, "        chain opening {\n");

        for (size_t i = 0; i < version_count(o); i++)
                for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
                        ok = ok && text_add(t, "               ") &&
                             add_statement(t, "delete", kinds[k], &versions[i], false, "") && text_add(t, "\n");
        ok = ok && (o->fail_closed || text_add(t, "                iifname != @gate return\n")) && plan_bypass(t, o);
        ok = ok && (o->fail_closed || (plan_handed_back(t) && plan_crowded(t))) && plan_unproved(t, o, "") &&
             text_add(t, "                ") && plan_ports(t, o) && add_jump(t, o) && add_dns_opening(t, o);
        return ok && text_add(t, "        }\n");
}

/* Of a datagram in fragments only the first has ports; it says which others are its own. What answers us is taken so.
 * What a client sends in fragments stays on the bridge. */
static bool add_answers(struct setup_text *t, const struct version *v)
{
        bool ok = text_add(t, "                %s %s @" FRAGMENTS "%c goto host\n", v->later, v->fragmented, v->digit);

        ok = ok && text_add(t, "                %s ", v->more) && add_key_of(t, "udp", v, false) &&
             text_add(t, " @" FLOWS "%c update @" FRAGMENTS "%c { %s timeout 30s }\n                ", v->digit,
                      v->digit, v->fragmented);
        ok = ok && add_key_of(t, "udp", v, false) && text_add(t, " @" FLOWS "%c", v->digit) && add_flow(t, v, false);
        return ok && text_add(t, " goto host\n                %s return\n", v->any);
}

/* What answers us, and what clients send. A frame for many is for nobody in particular. */
static bool add_datagrams(struct setup_text *t, const struct setup_options *o)
{
        bool ok = true;

        if (!plan_datagrams(o))
                return true;
        ok = text_add(t, "        chain datagrams {\n");
        for (size_t i = 0; i < version_count(o); i++)
                ok = ok && add_answers(t, &versions[i]);
        ok = ok &&
             text_add(t, "                iifname != @gate return\n"
                         "                meta pkttype { broadcast, multicast } return\n") &&
             plan_bypass(t, o) &&
             text_add(t, "                ip daddr . udp dport @handed_back4 return\n"
                         "                ip6 daddr . udp dport @handed_back6 return\n"
                         "                udp dport ") &&
             plan_udp_ports(t, o);
        return ok && text_add(t, " %s goto host\n        }\n", o->match ? o->match : "");
}

/* ---- packets of connections ----------------------------------------------------------------------------------------
 */

static bool add_known(struct setup_text *t, const struct version *v, const char *kind)
{
        bool ok = text_add(t, "                tcp flags & (fin | rst) != 0 ") && add_key(t, v, false);

        ok = ok && text_add(t, " @%s%c", kind, v->digit) && add_statement(t, "update", "ended", v, false, "1m") &&
             add_statement(t, "delete", kind, v, false, "") && text_add(t, " goto host\n                ");
        ok = ok && add_key(t, v, false) && text_add(t, " @%s%c", kind, v->digit);
        return ok && add_statement(t, "update", kind, v, false, "3h") && text_add(t, " goto host\n");
}

static bool add_ended(struct setup_text *t, const struct version *v)
{
        bool ok = text_add(t, "                ") && add_key(t, v, false) && text_add(t, " @ended%c", v->digit);

        return ok && add_statement(t, "update", "ended", v, false, "1m") && text_add(t, " goto host\n");
}

static bool add_error(struct setup_text *t, const struct setup_options *o, const struct version *v)
{
        bool ok = true;

        for (unsigned destination = 0; destination < 2; destination++) {
                unsigned port = v->ports + destination * 16;

                ok = ok && text_add(t, "                %s @th,%u,8 6 @th,%u,16 ", v->errors, v->protocol, port) &&
                     add_tcp_ports(t, o) && text_add(t, " goto host\n");
                if (plan_datagrams(o))
                        ok = ok &&
                             text_add(t, "                %s @th,%u,8 17 @th,%u,16 ", v->errors, v->protocol, port) &&
                             plan_udp_ports(t, o) && text_add(t, " goto host\n");
        }
        return ok;
}

/* Those that concern us: with one of the ports, or without any. In rules of their own: "udp sport != X udp dport != X"
 * would be one comparison of both ports to nft 1.0.6. */
static bool add_datagram_gotos(struct setup_text *t, const struct setup_options *o)
{
        bool ok = true;

        if (!plan_datagrams(o))
                return true;
        for (size_t i = 0; i < 2; i++)
                ok = ok && text_add(t, "                udp %s ", i ? "sport" : "dport") && plan_udp_ports(t, o) &&
                     text_add(t, " goto datagrams\n");
        for (size_t i = 0; i < version_count(o); i++)
                ok = ok && text_add(t, "                %s meta l4proto udp goto datagrams\n", versions[i].later);
        return ok;
}

/* What is addressed to this machine anyway, and what carries a VLAN's tag, is not for us to see. */
static bool add_prerouting(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(t, "        chain prerouting {\n"
                              "                type filter hook prerouting priority filter; policy accept;\n"
                              "                iifname != @ports accept\n");

        ok = ok && plan_answers(t, o) &&
             text_add(t,
                      "                iifname . ether daddr @own accept\n"
                      "                ether type { 8021q, 8021ad } accept\n"
                      "                %s goto opening\n",
                      syn);

        ok = ok && add_datagram_gotos(t, o);
        for (size_t i = 0; i < version_count(o); i++)
                ok = ok && add_known(t, &versions[i], "clients") && add_known(t, &versions[i], "servers") &&
                     add_ended(t, &versions[i]) && add_error(t, o, &versions[i]);
        return ok && text_add(t, "        }\n");
}

/* A socket is what tells a packet of this machine's own from one that it only routes. After a reset of ours nothing
 * follows. */
static bool add_output(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(t, "        chain output {\n"
                              "                type filter hook output priority filter; policy accept;\n"
                              "                oifname != @ports accept\n");

        for (size_t i = 0; i < version_count(o); i++) {
                const struct version *v = &versions[i];

                ok = ok && text_add(t, "                meta skuid >= 0 %s tcp dport ", syn) && add_tcp_ports(t, o) &&
                     add_statement(t, "update", "servers", v, true, "1m") && text_add(t, "\n");
                ok = ok && text_add(t, "                tcp flags & rst != 0");
                for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
                        ok = ok && add_statement(t, "delete", kinds[k], v, true, "");
                ok = ok && text_add(t, "\n");
                if (plan_datagrams(o))
                        ok = ok && text_add(t, "                meta skuid >= 0 udp dport ") && plan_udp_ports(t, o) &&
                             add_flow(t, v, true) && text_add(t, "\n");
        }
        return ok && text_add(t, "        }\n");
}

bool bridge_plan_nft(const struct setup_options *o, struct setup_text *t)
{
        bool ok = text_add(t, "add table " BRIDGE_TABLE "\n"
                              "flush table " BRIDGE_TABLE "\n"
                              "table " BRIDGE_TABLE " {\n"
                              "        map ports {\n"
                              "                type ifname : ether_addr\n"
                              "        }\n"
                              "        set own {\n"
                              "                type ifname . ether_addr\n"
                              "        }\n"
                              "        set gate {\n"
                              "                type ifname\n"
                              "                flags timeout\n"
                              "        }\n");

        ok = ok && plan_crowded_sets(t) && plan_answered_set(t, o);
        for (size_t i = 0; i < 2; i++)
                ok = ok && add_sets(t, o, &versions[i]);
        ok = ok && text_add(t, "        chain host {\n"
                               "                meta pkttype set host ether daddr set iifname map @ports accept\n"
                               "        }\n");
        ok = ok && add_admit(t, o) && add_opening(t, o) && add_datagrams(t, o) && add_prerouting(t, o) &&
             add_output(t, o);
        return ok && text_add(t, "}\n");
}

/* ---- ports ---------------------------------------------------------------------------------------------------------
 */

static bool add_gate(struct setup_text *t, const char *verb, const char *name, unsigned seconds)
{
        bool ok = text_add(t, "%s element " BRIDGE_TABLE " gate { \"%s\"", verb, name);

        return ok && (!seconds || text_add(t, " timeout %us", seconds)) && text_add(t, " }\n");
}

static bool add_port(struct setup_text *t, const char *name, const uint8_t mac[6], unsigned seconds)
{
        char text[18];

        snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
        if (!text_add(t,
                      "add element " BRIDGE_TABLE " ports { \"%s\" : %s }\n"
                      "add element " BRIDGE_TABLE " own { \"%s\" . %s }\n",
                      name, text, name, text))
                return false;
        return !seconds || (add_gate(t, "add", name, seconds) && add_gate(t, "delete", name, 0) &&
                            add_gate(t, "add", name, seconds));
}

bool bridge_plan_ports(const struct links *all, unsigned seconds, struct setup_text *t)
{
        bool ok = text_add(t, "flush map " BRIDGE_TABLE " ports\nflush set " BRIDGE_TABLE " own\n");

        for (size_t i = 0; i < all->count && ok; i++) {
                const struct link *bridge = links_reached_by(all, &all->at[i]);

                ok = !bridge || add_port(t, all->at[i].name, bridge->mac, seconds);
        }
        return ok;
}
