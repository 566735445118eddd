/* ebtables knows neither sets nor sockets, so it can tell neither whether the gate is open nor which connections are
 * ours. It need not: every frame of an intercepted port, of both directions, is addressed to this machine, and what
 * iptables then leaves alone (the gate is shut, the program is dead, the connection was made before it began) is routed
 * on, as on any gateway. So, other than the nft form (bridge_plan.c), this one takes forwarding, and routes to both
 * sides.
 *
 * The target is redirect in nat's PREROUTING: it writes the bridge's own address into the frame. The table broute,
 * which recipes use, is neither in ebtables-nft of Debian 12 nor in every kernel. */
#include "setup/ebtables.h"

#include <string.h>

#include "setup/plan.h"
#include "setup/text.h"

#define COMMAND "ebtables -t nat "
#define TAKE    "redirect --redirect-target ACCEPT"

struct version {
        int family;
        const char *ethertype, *header, *icmp;
        const char *const *errors; /* ICMP's messages that concern a connection; ends with NULL */
};

static const char *const errors4[] = {"destination-unreachable", "time-exceeded", "parameter-problem", NULL};
static const char *const errors6[] = {"destination-unreachable", "packet-too-big", "time-exceeded", "parameter-problem",
                                      NULL};

static const struct version versions[] = {
        {AF_INET, "IPv4", "ip", "icmp", errors4},
        {AF_INET6, "IPv6", "ip6", "ipv6-icmp", errors6},
};

/* What goes to a server, and what comes from one. */
static const struct way {
        const char *chain, *port, *client, *server;
} ways[] = {
        {"LIMPID-TO", "dport", "src", "dst"},
        {"LIMPID-FROM", "sport", "dst", "src"},
};

/* In the order in which they can be removed. */
static const char *const chains[] = {"LIMPID", "LIMPID-TO", "LIMPID-FROM"};

static bool add_return(struct setup_text *t, const struct version *v, const char *chain, const char *side,
                       const char *range)
{
        return text_add(t, COMMAND "-A %s -p %s --%s-%s %s -j RETURN\n", chain, v->ethertype, v->header, side, range);
}

static bool add_addresses(struct setup_text *t, const struct version *v, const char *chain, const char *side,
                          const char *const *all, size_t count)
{
        bool ok = true;

        for (size_t i = 0; i < count; i++) {
                bool is_private = strcmp(all[i], "private") == 0;
                const char *const *ranges = is_private ? plan_private(v->family) : NULL;

                if (!is_private && plan_family(all[i]) == v->family)
                        ok = ok && add_return(t, v, chain, side, all[i]);
                for (; ranges && *ranges; ranges++)
                        ok = ok && add_return(t, v, chain, side, *ranges);
        }
        return ok;
}

/* What is never intercepted stays on the bridge. */
static bool add_way(struct setup_text *t, const struct setup_options *o, const struct way *w)
{
        bool ok = true;

        for (size_t i = 0; i < (o->ipv6 ? 2U : 1U); i++) {
                const struct version *v = &versions[i];

                if (v->family == AF_INET6)
                        ok = ok && add_return(t, v, w->chain, w->client, "fe80::/10");
                ok = ok && add_addresses(t, v, w->chain, w->client, o->bypass_clients, o->bypass_client_count) &&
                     add_addresses(t, v, w->chain, w->server, o->bypass_servers, o->bypass_server_count);
        }
        return ok && text_add(t, COMMAND "-A %s -j " TAKE "\n", w->chain);
}

static bool add_port(struct setup_text *t, const struct version *v, const char *protocol, unsigned port)
{
        bool ok = true;

        for (size_t i = 0; i < 2; i++)
                ok = ok && text_add(t, COMMAND "-A LIMPID -p %s --%s-proto %s --%s-%s %u -j %s\n", v->ethertype,
                                    v->header, protocol, v->header, ways[i].port, port, ways[i].chain);
        return ok;
}

static bool add_ports(struct setup_text *t, const struct setup_options *o, const struct version *v)
{
        bool ok = true;

        for (size_t i = 0; i < o->port_count; i++)
                ok = ok && add_port(t, v, "tcp", o->ports[i]);
        if (!plan_datagrams(o))
                return ok;
        if (o->dns)
                ok = ok && add_port(t, v, "tcp", 53) && add_port(t, v, "udp", 53);
        for (size_t i = 0; i < o->udp_port_count; i++)
                ok = ok && add_port(t, v, "udp", o->udp_ports[i]);
        return ok;
}

static bool add_errors(struct setup_text *t, const struct version *v)
{
        bool ok = true;

        for (const char *const *e = v->errors; *e; e++)
                ok = ok && text_add(t, COMMAND "-A LIMPID -p %s --%s-proto %s --%s-icmp-type %s -j " TAKE "\n",
                                    v->ethertype, v->header, v->icmp, v->header, *e);
        return ok;
}

static bool for_each_port(const struct links *all, struct setup_text *t, const char *before, const char *after)
{
        bool ok = true;

        for (size_t i = 0; i < all->count; i++)
                if (links_reached_by(all, &all->at[i]))
                        ok = ok && text_add(t, "%s%s%s", before, all->at[i].name, after);
        return ok;
}

bool ebtables_rules(const struct setup_options *o, const struct links *all, struct setup_text *t)
{
        bool ok = true;

        for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++)
                ok = ok && text_add(t, COMMAND "-N %s -P RETURN\n", chains[i]);
        for (size_t i = 0; i < 2; i++)
                ok = ok && add_way(t, o, &ways[i]);
        ok = ok && text_add(t, COMMAND "-A LIMPID -d Multicast -j RETURN\n");
        for (size_t i = 0; i < (o->ipv6 ? 2U : 1U); i++)
                ok = ok && add_ports(t, o, &versions[i]) && add_errors(t, &versions[i]);
        return ok && for_each_port(all, t, COMMAND "-A PREROUTING -i ", " -j LIMPID\n");
}

bool ebtables_undo(const struct links *all, struct setup_text *t)
{
        bool ok = for_each_port(all, t, "# " COMMAND "-D PREROUTING -i ", " -j LIMPID\n");

        for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++)
                ok = ok && text_add(t, "# " COMMAND "-F %s; " COMMAND "-X %s\n", chains[i], chains[i]);
        return ok;
}
