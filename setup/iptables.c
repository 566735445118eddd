/* The iptables form of the plan. The order is the same as in the nft table (plan.c); what differs is that the target
 * TPROXY drops where nobody listens (xt_TPROXY.c), so that the sets with a time-out are what keeps a dead proxy from
 * taking the network along: `limpid run` with manual = true renews them. */
#include "setup/iptables.h"

#include <string.h>

#include "setup/ipset.h"
#include "setup/plan.h"
#include "setup/text.h"

struct form {
        const struct setup_options *o;
        struct setup_text *t;
        int family;
        const char *tables, *inet, *gate, *back, *many, *icmp, *loopback;
};

static struct form form_of(const struct setup_options *o, int family, struct setup_text *t)
{
        if (family == AF_INET)
                return (struct form){o,           t,           family,      "iptables", "inet",
                                     IPSET_GATE4, IPSET_BACK4, IPSET_MANY4, "icmp",     "127.0.0.1"};
        return (struct form){o,           t,           family,      "ip6tables", "inet6",
                             IPSET_GATE6, IPSET_BACK6, IPSET_MANY6, "icmpv6",    "::1"};
}

static bool add_sets(const struct form *f)
{
        return text_add(f->t, "ipset create %s hash:net,iface family %s timeout 3   # the gate: who is intercepted\n",
                        f->gate, f->inet) &&
               text_add(
                       f->t,
                       "ipset create %s hash:ip,port family %s timeout 60   # could not be reached lately: go direct\n",
                       f->back, f->inet) &&
               text_add(f->t,
                        "ipset create %s hash:net family %s timeout 10   # has too many connections: goes direct\n",
                        f->many, f->inet);
}

static bool add_divert(const struct form *f)
{
        return text_add(f->t,
                        "%s -t mangle -N LIMPID-DIVERT\n"
                        "%s -t mangle -A LIMPID-DIVERT -j MARK --set-xmark 0x%x/0x%x\n"
                        "%s -t mangle -A LIMPID-DIVERT -j ACCEPT\n",
                        f->tables, f->tables, f->o->mark, f->o->mark, f->tables);
}

static bool add_addresses(const struct form *f, const char *chain, char side, const char *const *all, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                bool is_private = strcmp(all[i], "private") == 0;
                const char *const *ranges = is_private ? plan_private(f->family) : NULL;

                if (!is_private && plan_family(all[i]) == f->family &&
                    !text_add(f->t, "%s %s -%c %s -j RETURN\n", f->tables, chain, side, all[i]))
                        return false;
                for (; ranges && *ranges; ranges++)
                        if (!text_add(f->t, "%s %s -%c %s -j RETURN\n", f->tables, chain, side, *ranges))
                                return false;
        }
        return true;
}

static bool add_bypass(const struct form *f, const char *chain)
{
        const struct setup_options *o = f->o;
        bool ok = f->family == AF_INET ||
                  text_add(f->t, "%s %s -s fe80::/10 -j RETURN   # link-local clients cannot be spoofed\n", f->tables,
                           chain);

        return ok && add_addresses(f, chain, 's', o->bypass_clients, o->bypass_client_count) &&
               add_addresses(f, chain, 'd', o->bypass_servers, o->bypass_server_count);
}

/* The mark form marks where a transparent socket listens on the wildcard address, and nowhere else. */
static bool add_target(const struct form *f, uint16_t port)
{
        const struct setup_options *o = f->o;

        if (o->form == SETUP_MARK)
                return text_add(f->t,
                                "%s -t mangle -A LIMPID -p tcp --syn --dport %u -m socket --transparent --nowildcard "
                                "-j LIMPID-DIVERT\n",
                                f->tables, port);
        return text_add(f->t,
                        "%s -t mangle -A LIMPID -p tcp --syn --dport %u -j TPROXY --on-ip %s --on-port %u "
                        "--tproxy-mark 0x%x/0x%x\n",
                        f->tables, port, f->loopback, o->listen_port, o->mark, o->mark);
}

/* ---- datagrams -----------------------------------------------------------------------------------------------------
 */

/* A line for each port, with the port between its two parts. */
static bool add_for_ports(const struct form *f, const char *before, const char *after)
{
        bool ok = !f->o->dns || text_add(f->t, "%s %s 53 %s\n", f->tables, before, after);

        for (size_t i = 0; i < f->o->udp_port_count; i++)
                ok = ok && text_add(f->t, "%s %s %u %s\n", f->tables, before, f->o->udp_ports[i], after);
        return ok;
}

/* What comes back to sockets of ours; what goes to a relayed port never does (plan.c). */
static bool add_datagram_divert(const struct form *f)
{
        if (!plan_datagrams(f->o))
                return true;
        return text_add(f->t, "%s -t mangle -N LIMPID-DATAGRAMS\n", f->tables) &&
               add_for_ports(f, "-t mangle -A LIMPID-DATAGRAMS -p udp --dport", "-j RETURN") &&
               add_for_ports(f, "-t mangle -A LIMPID-DATAGRAMS -p udp --sport",
                             "-m socket --transparent -j LIMPID-DIVERT") &&
               text_add(f->t, "%s -t mangle -A LIMPID -p udp -j LIMPID-DATAGRAMS\n", f->tables);
}

static bool add_handed_back(const struct form *f, const char *what)
{
        return text_add(f->t, "%s -t mangle -A LIMPID %s-m set --match-set %s dst,dst -j RETURN\n", f->tables, what,
                        f->back);
}

/* With fail = "closed" too they are handed back: it does not hold for datagrams. */
static bool add_datagram_targets(const struct form *f)
{
        const struct setup_options *o = f->o;
        struct setup_text target = {NULL, 0, 0};
        bool ok;

        if (!plan_datagrams(o))
                return true;
        ok = (!o->fail_closed || add_handed_back(f, "-p udp ")) &&
             text_add(&target,
                      "-m addrtype --dst-type UNICAST -j TPROXY --on-ip %s --on-port %u --tproxy-mark 0x%x/0x%x",
                      f->loopback, o->listen_port, o->mark, o->mark) &&
             add_for_ports(f, "-t mangle -A LIMPID -p udp --dport", target.at) && (!o->dns || add_target(f, 53));
        setup_text_free(&target);
        return ok;
}

static bool add_chain(const struct form *f)
{
        const struct setup_options *o = f->o;
        bool ok = text_add(f->t,
                           "%s -t mangle -N LIMPID\n"
                           "%s -t mangle -A LIMPID -m addrtype --dst-type LOCAL -j RETURN   # for this machine itself\n"
                           "%s -t mangle -A LIMPID -p tcp ! --syn -m socket --transparent -j LIMPID-DIVERT\n"
                           "%s -t mangle -A LIMPID -p %s -m socket --transparent -j LIMPID-DIVERT\n",
                           f->tables, f->tables, f->tables, f->tables, f->icmp);

        ok = ok && add_datagram_divert(f) &&
             text_add(f->t, "%s -t mangle -A LIMPID -m set ! --match-set %s src,src -j RETURN\n", f->tables, f->gate);
        ok = ok && add_bypass(f, "-t mangle -A LIMPID");
        if (!o->fail_closed)
                ok = ok && add_handed_back(f, "");
        ok = ok &&
             text_add(f->t, "%s -t mangle -A LIMPID -p tcp -m set --match-set %s src -j RETURN\n", f->tables, f->many);
        for (size_t i = 0; i < o->port_count; i++)
                ok = ok && add_target(f, o->ports[i]);
        ok = ok && add_datagram_targets(f);
        return ok && text_add(f->t, "%s -t mangle -A PREROUTING -j LIMPID\n", f->tables);
}

/* fail = "closed": what a client interface sends to an intercepted port and was not intercepted is refused. */
static bool add_closed(const struct form *f)
{
        const struct setup_options *o = f->o;
        bool ok = text_add(f->t, "%s -N LIMPID-CLOSED\n", f->tables) && add_bypass(f, "-A LIMPID-CLOSED");

        for (size_t i = 0; i < o->port_count; i++)
                ok = ok && text_add(f->t, "%s -A LIMPID-CLOSED -p tcp --dport %u -j REJECT --reject-with tcp-reset\n",
                                    f->tables, o->ports[i]);
        for (size_t i = 0; i < o->interface_count; i++)
                ok = ok && text_add(f->t, "%s -I FORWARD -i %s -j LIMPID-CLOSED\n", f->tables, o->interfaces[i]);
        return ok;
}

bool iptables_rules(const struct setup_options *o, int family, struct setup_text *t)
{
        const struct form f = form_of(o, family, t);

        return add_sets(&f) && add_divert(&f) && add_chain(&f) && (!o->fail_closed || add_closed(&f));
}

static bool undo_chain(const struct form *f, const char *table, const char *chain)
{
        return text_add(f->t, "# %s%s -F %s; %s%s -X %s\n", f->tables, table, chain, f->tables, table, chain);
}

bool iptables_undo(const struct setup_options *o, int family, struct setup_text *t)
{
        const struct form f = form_of(o, family, t);
        bool ok = text_add(t, "# %s -t mangle -D PREROUTING -j LIMPID\n", f.tables) &&
                  undo_chain(&f, " -t mangle", "LIMPID") &&
                  (!plan_datagrams(o) || undo_chain(&f, " -t mangle", "LIMPID-DATAGRAMS")) &&
                  undo_chain(&f, " -t mangle", "LIMPID-DIVERT");

        for (size_t i = 0; o->fail_closed && i < o->interface_count; i++)
                ok = ok && text_add(t, "# %s -D FORWARD -i %s -j LIMPID-CLOSED\n", f.tables, o->interfaces[i]);
        ok = ok && (!o->fail_closed || undo_chain(&f, "", "LIMPID-CLOSED"));
        return ok && text_add(t, "# ipset destroy %s; ipset destroy %s; ipset destroy %s\n", f.gate, f.back, f.many);
}
