/* The gate: what keeps interception going is that somebody renews it. Elements of the set live for a few seconds; add,
 * delete, add in one transaction gives an element its full time again, whatever state it was in. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

#include "setup/bridge_plan.h"
#include "setup/ipset.h"
#include "setup/links.h"
#include "setup/nft.h"
#include "setup/plan.h"
#include "setup/probe.h"
#include "setup/text.h"

struct gate {
        const struct setup_options *options;
        struct nft_ctx *nft; /* NULL: by ipsets */
};

int gate_open_handle(struct gate **made, const struct setup_options *o, bool by_sets)
{
        struct gate *g = calloc(1, sizeof *g);

        if (!g)
                return ENOMEM;
        g->options = o;
        if (!by_sets)
                g->nft = nft_open(NULL);
        if (!by_sets && !g->nft) {
                free(g);
                return ENOMEM;
        }
        *made = g;
        return 0;
}

void gate_take_options(struct gate *g, const struct setup_options *o)
{
        g->options = o;
}

void gate_free(struct gate **held)
{
        struct gate *g = *held;

        *held = NULL;
        if (!g)
                return;
        if (g->nft)
                nft_ctx_free(g->nft);
        free(g);
}

static int run(struct gate *g, struct setup_text *script, bool ok)
{
        int error = ok ? (nft_run(g->nft, script->at, NULL) ? EINVAL : 0) : ENOMEM;

        setup_text_free(script);
        return error;
}

static bool add_element(struct setup_text *t, const char *verb, const char *name, unsigned seconds)
{
        bool ok = text_add(t, "%s element " PLAN_TABLE " gate { \"%s\"", verb, name);

        if (seconds)
                ok = ok && text_add(t, " timeout %us", seconds);
        return ok && text_add(t, " }\n");
}

static bool renew_element(struct setup_text *t, const char *name, unsigned seconds)
{
        return add_element(t, "add", name, seconds) && add_element(t, "delete", name, 0) &&
               add_element(t, "add", name, seconds);
}

static int renew_sets(const struct setup_options *o, const struct links *all, unsigned seconds)
{
        int error = ENOENT;

        for (size_t i = 0; i < o->interface_count; i++)
                if (!links_is_pattern(o->interfaces[i]))
                        error = ipset_renew(o->interfaces[i], seconds);
        for (size_t i = 0; i < all->count; i++)
                if (all->at[i].wanted)
                        error = ipset_renew(all->at[i].name, seconds);
        return error;
}

/* A transaction of its own: without the table for bridges what is routed is intercepted all the same, and frames stay
 * on the bridge. The table is put back by whoever compares plan and machine. */
static void renew_ports(struct gate *g, const struct links *all, unsigned seconds)
{
        struct setup_text script = {NULL, 0, 0};

        if (links_have_bridge(all))
                run(g, &script, bridge_plan_ports(all, seconds, &script));
}

/* A name is renewed whether the interface is there or not; `*` stands for those that are. */
static int renew_all(struct gate *g, const struct links *all, unsigned seconds)
{
        const struct setup_options *o = g->options;
        struct setup_text script = {NULL, 0, 0};
        bool ok = true;

        for (size_t i = 0; i < o->interface_count; i++)
                if (!links_is_pattern(o->interfaces[i]))
                        ok = ok && renew_element(&script, o->interfaces[i], seconds);
        for (size_t i = 0; i < all->count; i++)
                if (all->at[i].wanted)
                        ok = ok && renew_element(&script, all->at[i].name, seconds);
        return script.len || !ok ? run(g, &script, ok) : 0;
}

int gate_renew(struct gate *g, unsigned seconds)
{
        struct links all = {NULL, 0, 0};
        int read = links_read(&all, g->options);
        /* Opened first and shut last: what is taken off a bridge and not intercepted takes a route. */
        unsigned behind = links_have_bridge(&all) ? seconds + 1 : seconds;
        int error = g->nft ? renew_all(g, &all, behind) : renew_sets(g->options, &all, seconds);

        if (!read && g->nft)
                renew_ports(g, &all, seconds);
        links_free(&all);
        return error;
}

int gate_probe(struct gate *g, const char *link, unsigned seconds)
{
        struct setup_text script = {NULL, 0, 0};

        return run(g, &script, renew_element(&script, link, seconds));
}

/* An error is that there is no such table. */
static void shut_ports(struct gate *g)
{
        struct setup_text script = {NULL, 0, 0};

        run(g, &script, text_add(&script, "flush set " BRIDGE_TABLE " gate\n"));
}

int gate_shut(struct gate *g)
{
        struct setup_text script = {NULL, 0, 0};

        if (!g->nft)
                return ipset_shut();
        shut_ports(g);
        return run(g, &script, text_add(&script, "flush set " PLAN_TABLE " gate\n"));
}

static int hand_back(struct gate *g, const char *table, bool is_six, const char *host, unsigned port, unsigned seconds)
{
        struct setup_text script = {NULL, 0, 0};

        return run(g, &script,
                   text_add(&script, "add element %s handed_back%c { %s . %u timeout %us }\n", table,
                            is_six ? '6' : '4', host, port, seconds));
}

/* Which is no error where the set is not there. */
static void forget_answer(struct gate *g, const char *table, const char *host, unsigned port)
{
        struct setup_text script = {NULL, 0, 0};

        run(g, &script,
            text_add(&script, "add element %s answered6 { %s . %u }\ndelete element %s answered6 { %s . %u }\n", table,
                     host, port, table, host, port));
}

int gate_prove(struct gate *g, const struct sockaddr_in6 *a, unsigned seconds)
{
        struct setup_text script = {NULL, 0, 0};
        char host[INET6_ADDRSTRLEN];

        inet_ntop(AF_INET6, &a->sin6_addr, host, sizeof host);
        return run(g, &script,
                   text_add(&script, "add element " PLAN_TABLE " answered6 { %s . %u timeout %us }\n", host,
                            ntohs(a->sin6_port), seconds));
}

int gate_bypass(struct gate *g, const struct sockaddr *a, unsigned seconds)
{
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)a;
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)a;
        bool is_six = a->sa_family == AF_INET6;
        char host[INET6_ADDRSTRLEN];
        unsigned port;

        if (a->sa_family != AF_INET && !is_six)
                return EAFNOSUPPORT;
        if (!g->nft)
                return ipset_bypass(a, seconds);
        inet_ntop(a->sa_family, is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr, host,
                  sizeof host);
        port = ntohs(is_six ? six->sin6_port : four->sin_port);
        if (is_six && g->options->prove_ipv6) {
                forget_answer(g, BRIDGE_TABLE, host, port);
                forget_answer(g, PLAN_TABLE, host, port);
        }
        /* Which need not be there. The other one must not outlive it: what is taken off a bridge and not intercepted
         * takes a route. */
        hand_back(g, BRIDGE_TABLE, is_six, host, port, seconds + 1);
        return hand_back(g, PLAN_TABLE, is_six, host, port, seconds);
}

/* Whatever state it is in: it has just these seconds from now on. */
static int renew_crowded(struct gate *g, const char *table, char version, const char *host, unsigned seconds)
{
        struct setup_text script = {NULL, 0, 0};

        return run(g, &script,
                   text_add(&script,
                            "add element %s crowded%c { %s }\n"
                            "delete element %s crowded%c { %s }\n"
                            "add element %s crowded%c { %s timeout %us }\n",
                            table, version, host, table, version, host, table, version, host, seconds));
}

int gate_crowded(struct gate *g, const struct sockaddr *a, unsigned seconds)
{
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)a;
        struct in6_addr network = {0};
        bool is_six = a->sa_family == AF_INET6;
        char host[INET6_ADDRSTRLEN], version = is_six ? '6' : '4';

        if (a->sa_family != AF_INET && !is_six)
                return EAFNOSUPPORT;
        if (is_six)
                memcpy(&network, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 8);
        if (!g->nft)
                return ipset_crowded(a->sa_family, is_six ? (const void *)&network : &four->sin_addr, seconds);
        inet_ntop(a->sa_family, is_six ? (const void *)&network : &four->sin_addr, host, sizeof host);
        renew_crowded(g, BRIDGE_TABLE, version, host, seconds + 1); /* as above */
        return renew_crowded(g, PLAN_TABLE, version, host, seconds);
}

static bool any_is(const struct links *all, const char *interface)
{
        for (size_t i = 0; i < all->count; i++)
                if (links_match(interface, all->at[i].name))
                        return true;
        return false;
}

size_t gate_missing(struct gate *g, char missing[][IF_NAMESIZE], size_t max)
{
        struct links all = {NULL, 0, 0};
        size_t count = 0;
        int error = links_read(&all, g->options);

        for (size_t i = 0; i < g->options->interface_count && count < max && !error; i++)
                if (!any_is(&all, g->options->interfaces[i])) {
                        strncpy(missing[count], g->options->interfaces[i], IF_NAMESIZE - 1);
                        missing[count++][IF_NAMESIZE - 1] = 0;
                }
        links_free(&all);
        return count;
}
