/* The plan: an nft table of our own, and the sysctls that must not be on.
 *
 * Order decides (see docs on transparent proxying in design.md §6): what is for this machine itself is left alone;
 * packets of connections that we have (both legs, with their ICMP errors) go to their sockets; then a bare SYN of a
 * client interface that is in the gate, and that nothing bypasses, goes to the listener. A mark is set only after
 * `tproxy` has found the listener, so that without one the packet is routed on as if nothing of this were there. All
 * of it comes after destination NAT: what a captive portal redirects goes where it was redirected to. */
#include "setup/plan.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "setup/probe.h"
#include "setup/text.h"

const char *const *plan_private(int family)
{
        static const char *const four[] = {"10.0.0.0/8",    "100.64.0.0/10",  "127.0.0.0/8", "169.254.0.0/16",
                                           "172.16.0.0/12", "192.168.0.0/16", NULL};
        static const char *const six[] = {"::1/128", "fc00::/7", "fe80::/10", NULL};

        return family == AF_INET ? four : six;
}

const struct plan_sysctl plan_sysctls[] = {
        {"net/ipv4/tcp_fwmark_accept", "0", "accepted sockets would inherit the mark, and their packets loop back",
         false},
        {"net/ipv4/conf/all/src_valid_mark", "0", "with reverse path filtering it drops marked packets", false},
        {NULL, NULL, NULL, false},
};

int plan_family(const char *address)
{
        char host[INET6_ADDRSTRLEN + 1], *end;
        const char *slash = strchr(address, '/');
        size_t len = slash ? (size_t)(slash - address) : strlen(address);
        struct in6_addr bytes;
        long bits = 0;

        if (len >= sizeof host)
                return 0;
        memcpy(host, address, len);
        host[len] = 0;
        if (slash) {
                bits = strtol(slash + 1, &end, 10);
                if (end == slash + 1 || *end || slash[1] == '-' || slash[1] == '+' || slash[1] == ' ')
                        return 0;
        }
        if (inet_pton(AF_INET, host, &bytes) == 1)
                return bits <= 32 ? AF_INET : 0;
        if (inet_pton(AF_INET6, host, &bytes) == 1)
                return bits <= 128 ? AF_INET6 : 0;
        return 0;
}

const char *setup_address_error(const char *text)
{
        return plan_family(text) ? NULL : "not an address or CIDR";
}

/* The addresses of one family as the inside of an nft set; nothing is added where there is none. */
static bool add_addresses(struct setup_text *t, const char *const *all, size_t count, int family, const char *before)
{
        bool any = false;

        for (size_t i = 0; i < count; i++) {
                bool is_private = strcmp(all[i], "private") == 0;
                const char *const alone[] = {all[i], NULL};
                const char *const *word = is_private ? plan_private(family) : alone;

                if (!is_private && plan_family(all[i]) != family)
                        continue;
                for (; *word; word++) {
                        if (!text_add(t, "%s%s", any ? ", " : before, *word))
                                return false;
                        any = true;
                }
        }
        return !any || text_add(t, " } return\n");
}

bool plan_bypass(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(
                t, "                ip6 saddr fe80::/10 return comment \"link-local clients cannot be spoofed\"\n");

        ok = ok && add_addresses(t, o->bypass_clients, o->bypass_client_count, AF_INET, "                ip saddr { ");
        ok = ok &&
             add_addresses(t, o->bypass_clients, o->bypass_client_count, AF_INET6, "                ip6 saddr { ");
        ok = ok && add_addresses(t, o->bypass_servers, o->bypass_server_count, AF_INET, "                ip daddr { ");
        return ok &&
               add_addresses(t, o->bypass_servers, o->bypass_server_count, AF_INET6, "                ip6 daddr { ");
}

bool plan_handed_back(struct setup_text *t)
{
        return text_add(
                t, "                ip daddr . tcp dport @handed_back4 return comment \"could not be reached lately\"\n"
                   "                ip6 daddr . tcp dport @handed_back6 return\n");
}

bool plan_crowded(struct setup_text *t)
{
        return text_add(
                t, "                meta l4proto tcp ip saddr @crowded4 return comment \"has too many connections\"\n"
                   "                meta l4proto tcp ip6 saddr & ffff:ffff:ffff:ffff:: @crowded6 return\n");
}

bool plan_crowded_sets(struct setup_text *t)
{
        return text_add(t, "        set crowded4 {\n"
                           "                type ipv4_addr\n"
                           "                flags timeout\n"
                           "                size 4096\n"
                           "        }\n"
                           "        set crowded6 {\n"
                           "                type ipv6_addr\n"
                           "                flags timeout\n"
                           "                size 4096\n"
                           "        }\n");
}

bool plan_ports(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(t, "tcp dport { ");

        for (size_t i = 0; i < o->port_count; i++)
                ok = ok && text_add(t, "%s%u", i ? ", " : "", o->ports[i]);
        return ok && text_add(t, " } ");
}

#define SYN "tcp flags & (fin | syn | rst | ack) == syn "
static const char syn[] = SYN;

static bool add_listener(struct setup_text *t, const struct setup_options *o, const char *family, const char *to)
{
        bool ok = text_add(t, "                meta nfproto %s ", family);

        if (o->form == SETUP_MARK)
                return ok && text_add(t, "socket transparent 1 meta mark set meta mark | 0x%x accept\n", o->mark);
        return ok && text_add(t, "meta l4proto tcp tproxy %s to %s:%u meta mark set meta mark | 0x%x accept\n",
                              strcmp(family, "ipv4") ? "ip6" : "ip", to, o->listen_port, o->mark);
}

/* A chain of its own: the operator's condition may name one family's header, which must not meet a rule for the other.
 */
static bool add_intercept(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(t, "        chain intercept {\n") && add_listener(t, o, "ipv4", "127.0.0.1");

        return ok && (!o->ipv6 || add_listener(t, o, "ipv6", "[::1]")) && text_add(t, "        }\n");
}

static bool add_jump(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(t, "                %s", syn) && plan_ports(t, o);

        if (o->match && o->match[0])
                ok = ok && text_add(t, "%s ", o->match);
        return ok && text_add(t, "jump intercept\n");
}

/* The self-test's connections (probe.h): whatever else bypasses, these do not, and what nobody takes is refused. */
static bool add_probe(struct setup_text *t, const struct setup_options *o)
{
        return text_add(t, "                iifname \"" PROBE_LINK "\" %s", syn) && plan_ports(t, o) &&
               text_add(t, "jump intercept comment \"self-test\"\n"
                           "                iifname \"" PROBE_LINK "\" meta l4proto tcp reject with tcp reset\n");
}

static bool add_divert(struct setup_text *t, const struct setup_options *o)
{
        static const char *const kinds[] = {
                "tcp flags & (fin | syn | rst | ack) != syn",
                "meta l4proto icmp",
                "meta l4proto icmpv6",
        };

        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
                if ((i < 2 || o->ipv6) &&
                    !text_add(t, "                %s socket transparent 1 meta mark set meta mark | 0x%x accept\n",
                              kinds[i], o->mark))
                        return false;
        return true;
}

/* ---- datagrams -----------------------------------------------------------------------------------------------------
 */

bool plan_datagrams(const struct setup_options *o)
{
        return o->form == SETUP_TPROXY && (o->dns || o->udp_port_count);
}

bool plan_udp_ports(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(t, "{ %s", o->dns ? "53" : "");

        for (size_t i = 0; i < o->udp_port_count; i++)
                if (!o->dns || o->udp_ports[i] != 53)
                        ok = ok && text_add(t, "%s%u", i || o->dns ? ", " : "", o->udp_ports[i]);
        return ok && text_add(t, " }");
}

static bool add_datagram_listener(struct setup_text *t, const struct setup_options *o, const char *family,
                                  const char *to)
{
        return text_add(
                t,
                "                meta nfproto %s meta l4proto udp tproxy %s to %s:%u meta mark set meta mark | 0x%x"
                " accept\n",
                family, strcmp(family, "ipv4") ? "ip6" : "ip", to, o->listen_port, o->mark);
}

static bool add_datagram_intercept(struct setup_text *t, const struct setup_options *o)
{
        if (!plan_datagrams(o))
                return true;
        return text_add(t, "        chain intercept_datagrams {\n") &&
               add_datagram_listener(t, o, "ipv4", "127.0.0.1") &&
               (!o->ipv6 || add_datagram_listener(t, o, "ipv6", "[::1]")) && text_add(t, "        }\n");
}

/* What comes back to sockets of ours. What goes to an intercepted port never does: it would end in the socket that
 * sends replies from there, which is bound to that very address. */
static bool add_datagram_divert(struct setup_text *t, const struct setup_options *o)
{
        bool ok;

        if (!plan_datagrams(o))
                return true;
        ok = text_add(t, "                udp sport ") && plan_udp_ports(t, o);
        ok = ok && text_add(t, " udp dport != ") && plan_udp_ports(t, o);
        return ok && text_add(t, " socket transparent 1 meta mark set meta mark | 0x%x accept\n", o->mark);
}

static bool add_datagram_jump(struct setup_text *t, const struct setup_options *o)
{
        const char *match = o->match ? o->match : "";
        bool ok;

        if (!plan_datagrams(o))
                return true;
        ok = text_add(t, "                ip daddr . udp dport @handed_back4 return\n"
                         "                ip6 daddr . udp dport @handed_back6 return\n"
                         "                fib daddr type unicast udp dport ");
        ok = ok && plan_udp_ports(t, o) && text_add(t, " %s jump intercept_datagrams\n", match);
        if (o->dns)
                ok = ok && (!o->fail_closed || plan_handed_back(t)) &&
                     text_add(t, "                %stcp dport 53 %s jump intercept\n", syn, match);
        return ok;
}

/* ---- what has answered ---------------------------------------------------------------------------------------------
 *
 * tproxy ends a handshake before the server is asked. Who must not be told that an IPv6 address answers when it does
 * not lets the first connection to each go direct: the kernel sees whether a SYN with ACK comes back. */

static bool proves(const struct setup_options *o)
{
        return o->ipv6 && o->prove_ipv6;
}

bool plan_answered_set(struct setup_text *t, const struct setup_options *o)
{
        return !proves(o) || text_add(t, "        set answered6 {\n"
                                         "                type ipv6_addr . inet_service\n"
                                         "                size 65535\n"
                                         "                flags dynamic,timeout\n"
                                         "                timeout 1d\n"
                                         "        }\n");
}

bool plan_answers(struct setup_text *t, const struct setup_options *o)
{
        bool ok = !proves(o) ||
                  text_add(t, "                tcp flags & (fin | syn | rst | ack) == (syn | ack) tcp sport { ");

        for (size_t i = 0; proves(o) && i < o->port_count; i++)
                ok = ok && text_add(t, "%s%u", i ? ", " : "", o->ports[i]);
        return ok && (!proves(o) || text_add(t, " } update @answered6 { ip6 saddr . tcp sport }\n"));
}

bool plan_unproved(struct setup_text *t, const struct setup_options *o, const char *where)
{
        return !proves(o) || (text_add(t, "                %s", where) && plan_ports(t, o) &&
                              text_add(t, "ip6 daddr . tcp dport != @answered6 return\n"));
}

/* Where this machine knows no way to a destination it says so to the client itself, before any handshake: a program
 * then tries another address at once. On a bridge the way is not for this machine to know. */
static bool add_no_way(struct setup_text *t, const struct setup_options *o)
{
        return text_add(t, "                %s", syn) && plan_ports(t, o) &&
               text_add(t, "meta iifkind != \"bridge\" fib daddr . mark oif missing return comment \"no way to it\"\n");
}

static bool add_prerouting(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(t, "        chain prerouting {\n"
                              "                type filter hook prerouting priority dstnat + 10; policy accept;\n"
                              "                fib daddr type local return comment \"for this machine itself\"\n");

        ok = ok && plan_answers(t, o) && add_divert(t, o) && add_datagram_divert(t, o) &&
             text_add(t, "                iifname != @gate return\n");
        ok = ok && (!o->self_test || add_probe(t, o)) && plan_bypass(t, o) && add_no_way(t, o);
        ok = ok && (o->fail_closed || plan_handed_back(t)) && plan_crowded(t) &&
             plan_unproved(t, o, SYN "meta iifkind != \"bridge\" ") && add_jump(t, o) && add_datagram_jump(t, o);
        return ok && text_add(t, "        }\n");
}

/* fail = "closed": what a client interface sends to an intercepted port and was not intercepted is refused. */
static bool add_closed(struct setup_text *t, const struct setup_options *o)
{
        bool ok = text_add(t, "        chain forward {\n"
                              "                type filter hook forward priority filter; policy accept;\n"
                              "                iifname != { ");

        for (size_t i = 0; i < o->interface_count; i++)
                ok = ok && text_add(t, "%s\"%s\"", i ? ", " : "", o->interfaces[i]);
        ok = ok && text_add(t, " } return\n") && plan_bypass(t, o) && text_add(t, "                ") &&
             plan_ports(t, o);
        if (o->match && o->match[0])
                ok = ok && text_add(t, "%s ", o->match);
        return ok && text_add(t, "reject with tcp reset\n        }\n");
}

bool plan_nft(const struct setup_options *o, struct setup_text *t)
{
        bool ok = text_add(t, "table " PLAN_TABLE "\n"
                              "delete table " PLAN_TABLE "\n"
                              "table " PLAN_TABLE " {\n"
                              "        set gate {\n"
                              "                type ifname\n"
                              "                flags timeout\n"
                              "        }\n"
                              "        set handed_back4 {\n"
                              "                type ipv4_addr . inet_service\n"
                              "                flags timeout\n"
                              "                size 65535\n"
                              "        }\n"
                              "        set handed_back6 {\n"
                              "                type ipv6_addr . inet_service\n"
                              "                flags timeout\n"
                              "                size 65535\n"
                              "        }\n");

        ok = ok && plan_crowded_sets(t) && plan_answered_set(t, o) && add_intercept(t, o) &&
             add_datagram_intercept(t, o) && add_prerouting(t, o);
        if (o->fail_closed && o->interface_count)
                ok = ok && add_closed(t, o);
        return ok && text_add(t, "}\n");
}
