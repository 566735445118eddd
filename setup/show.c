/* The plan as commands for a shell. */
#include <errno.h>
#include <string.h>

#include "setup/bridge.h"
#include "setup/bridge_plan.h"
#include "setup/iptables.h"
#include "setup/links.h"
#include "setup/plan.h"
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

/* Which frames are a connection of ours is known by sets that are kept on the bridge (bridge_plan.c). ebtables can ask
 * neither sets nor sockets: whatever it took off the bridge would depend on this machine's forwarding it. */
static bool show_bridges(const struct setup_options *o, struct setup_text *out)
{
        struct links all = {NULL, 0, 0};
        bool ok = links_read(&all, o) == 0;

        for (size_t i = 0; ok && i < all.count; i++)
                if (all.at[i].wanted && all.at[i].is_bridge)
                        ok = text_add(
                                out,
                                "# what goes from one port of %s to another stays on that bridge: ebtables cannot "
                                "ask whether the gate is open. For bridge mode use limpid setup up.\n",
                                all.at[i].name);
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
        ok = text_add(out, "# for manual = true; limpid run then renews the sets as long as it is well, and without "
                           "that the gate shuts\n") &&
             show_bridges(o, out) && show_sysctls(out) && show_routes(o, out);
        for (size_t i = 0; i < 2; i++)
                if (shown(o, families[i]))
                        ok = ok && iptables_rules(o, families[i], out);
        ok = ok && text_add(out, "# to undo this:\n") && show_undone_routes(o, out);
        for (size_t i = 0; i < 2; i++)
                if (shown(o, families[i]))
                        ok = ok && iptables_undo(o, families[i], out);
        return ok ? 0 : -ENOMEM;
}
