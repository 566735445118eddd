/* The plan as commands for a shell. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "setup/bridge.h"
#include "setup/bridge_plan.h"
#include "setup/ebtables.h"
#include "setup/iptables.h"
#include "setup/links.h"
#include "setup/plan.h"
#include "setup/sysctl.h"
#include "setup/text.h"

static const int families[] = {AF_INET, AF_INET6};

static const char *ip_of(int family)
{
        return family == AF_INET ? "ip" : "ip -6";
}

static bool shown(const struct setup_options *o, int family)
{
        return family == AF_INET || o->ipv6;
}

static bool show_sysctls(struct setup_text *out)
{
        bool ok = text_add(out, "# reverse path filters and marks that break interception\n");

        for (const struct plan_sysctl *s = plan_sysctls; s->path; s++)
                ok = ok && text_add(out, "sysctl -w %s=%s   # %s\n", s->path, s->value, s->why);
        return ok;
}

static bool show_routes(const struct setup_options *o, struct setup_text *out)
{
        bool ok = text_add(out, "# marked packets are delivered on this machine, whatever their destination\n");

        for (size_t i = 0; i < 2; i++)
                if (shown(o, families[i]))
                        ok = ok && text_add(out,
                                            "%s rule add priority %d fwmark 0x%x/0x%x lookup %u\n"
                                            "%s route add local default dev lo table %u proto static\n",
                                            ip_of(families[i]), PLAN_PRIORITY, o->mark, o->mark, o->table,
                                            ip_of(families[i]), o->table);
        return ok;
}

static bool show_undone_routes(const struct setup_options *o, struct setup_text *out)
{
        bool ok = true;

        for (size_t i = 0; i < 2; i++)
                if (shown(o, families[i]))
                        ok = ok && text_add(out,
                                            "# %s rule del priority %d fwmark 0x%x/0x%x lookup %u\n"
                                            "# %s route del local default dev lo table %u proto static\n",
                                            ip_of(families[i]), PLAN_PRIORITY, o->mark, o->mark, o->table,
                                            ip_of(families[i]), o->table);
        return ok;
}

int setup_show(const struct setup_options *o, struct setup_text *out)
{
        bool ok = show_sysctls(out) && show_routes(o, out), bridged;

        ok = ok && text_add(out, "# what is intercepted; the elements of `gate` are the interfaces for which it is\n"
                                 "nft -f - <<'LIMPID'\n");
        ok = ok && plan_nft(o, out) && text_add(out, "LIMPID\n") && bridge_show(o, out);
        bridged = ok && strstr(out->at, "table " BRIDGE_TABLE);
        ok = ok && text_add(out, "# to undo this: limpid setup down, or\n") && show_undone_routes(o, out) &&
             text_add(out, "# nft delete table " PLAN_TABLE "\n");
        ok = ok && (!bridged || text_add(out, "# nft delete table " BRIDGE_TABLE "\n"));
        return ok ? 0 : -ENOMEM;
}

/* ---- bridges in the iptables form ----------------------------------------------------------------------------------
 */

/* Where it is otherwise now; with `undo` what it is. */
static bool show_setting(struct setup_text *out, bool undo, const char *path, const char *value)
{
        char now[SYSCTL_VALUE];

        return sysctl_read(path, now) != 0 || strcmp(now, value) == 0 ||
               text_add(out, "%ssysctl -w %s=%s\n", undo ? "# " : "", path, undo ? now : value);
}

/* By what frames go on that were taken off a bridge and are not intercepted. That they go back by the same interface is
 * no reason to tell who sent them of a shorter way (RFC 1122 §3.2.2.2). */
static bool show_forwarding(const struct setup_options *o, const struct links *all, bool undo, struct setup_text *out)
{
        bool ok = show_setting(out, undo, "net/ipv4/conf/all/send_redirects", "0");
        char path[64];

        for (size_t i = 0; i < all->count; i++)
                if (all->at[i].wanted && all->at[i].is_bridge) {
                        snprintf(path, sizeof path, "net/ipv4/conf/%s/send_redirects", all->at[i].name);
                        ok = ok && show_setting(out, undo, path, "0");
                }
        return ok && show_setting(out, undo, "net/ipv4/ip_forward", "1") &&
               (!o->ipv6 || show_setting(out, undo, "net/ipv6/conf/all/forwarding", "1"));
}

static bool show_bridges(const struct setup_options *o, struct setup_text *out)
{
        struct links all = {NULL, 0, 0};
        bool ok = true;

        if (links_read(&all, o) == 0 && links_have_bridge(&all))
                ok = text_add(out, "# frames of what is intercepted are addressed to the bridge; what is not then "
                                   "intercepted is routed on. A port that joins later takes a line of its own\n") &&
                     show_forwarding(o, &all, false, out) && bridge_show_switches(&all, out) &&
                     ebtables_rules(o, &all, out);
        links_free(&all);
        return ok;
}

static bool show_undone_bridges(const struct setup_options *o, struct setup_text *out)
{
        struct links all = {NULL, 0, 0};
        bool ok = true;

        if (links_read(&all, o) == 0 && links_have_bridge(&all))
                ok = ebtables_undo(&all, out) && bridge_show_undone_switches(&all, out) &&
                     show_forwarding(o, &all, true, out);
        links_free(&all);
        return ok;
}

int setup_show_iptables(const struct setup_options *o, struct setup_text *out)
{
        bool ok;

        if (o->match && o->match[0]) {
                text_add(out, "`match` is an nft condition and has no iptables form");
                return -EOPNOTSUPP;
        }
        if (o->prove_ipv6) {
                text_add(out, "`prove_ipv6` has no iptables form");
                return -EOPNOTSUPP;
        }
        ok = text_add(out, "# for manual = true; limpid run then renews the sets as long as it is well, and without "
                           "that the gate shuts\n") &&
             show_sysctls(out) && show_routes(o, out);
        for (size_t i = 0; i < 2; i++)
                if (shown(o, families[i]))
                        ok = ok && iptables_rules(o, families[i], out);
        ok = ok && show_bridges(o, out) && text_add(out, "# to undo this:\n") && show_undone_bridges(o, out) &&
             show_undone_routes(o, out);
        for (size_t i = 0; i < 2; i++)
                if (shown(o, families[i]))
                        ok = ok && iptables_undo(o, families[i], out);
        return ok ? 0 : -ENOMEM;
}
