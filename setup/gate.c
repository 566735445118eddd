/* The gate: what keeps interception going is that somebody renews it. Elements of the set live for a few seconds; add,
 * delete, add in one transaction gives an element its full time again, whatever state it was in. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

#include "setup/nft.h"
#include "setup/plan.h"
#include "setup/probe.h"
#include "setup/text.h"

struct gate {
        const struct setup_options *options;
        struct nft_ctx *nft;
};

int gate_open_handle(struct gate **made, const struct setup_options *o)
{
        struct gate *g = calloc(1, sizeof *g);

        if (!g)
                return ENOMEM;
        g->options = o;
        g->nft = nft_open();
        if (!g->nft) {
                free(g);
                return ENOMEM;
        }
        *made = g;
        return 0;
}

void gate_free(struct gate **held)
{
        struct gate *g = *held;

        *held = NULL;
        if (!g)
                return;
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

int gate_renew(struct gate *g, unsigned seconds)
{
        const struct setup_options *o = g->options;
        struct setup_text script = {NULL, 0, 0};
        bool ok = true;

        for (size_t i = 0; i < o->interface_count; i++)
                ok = ok && renew_element(&script, o->interfaces[i], seconds);
        return o->interface_count ? run(g, &script, ok) : 0;
}

int gate_probe(struct gate *g, unsigned seconds)
{
        struct setup_text script = {NULL, 0, 0};

        return run(g, &script, renew_element(&script, PROBE_LINK, seconds));
}

int gate_shut(struct gate *g)
{
        struct setup_text script = {NULL, 0, 0};

        return run(g, &script, text_add(&script, "flush set " PLAN_TABLE " gate\n"));
}

int gate_bypass(struct gate *g, const struct sockaddr *a, unsigned seconds)
{
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)a;
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)a;
        bool is_six = a->sa_family == AF_INET6;
        struct setup_text script = {NULL, 0, 0};
        char host[INET6_ADDRSTRLEN];

        if (a->sa_family != AF_INET && !is_six)
                return EAFNOSUPPORT;
        inet_ntop(a->sa_family, is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr, host,
                  sizeof host);
        return run(g, &script,
                   text_add(&script, "add element " PLAN_TABLE " handed_back%c { %s . %u timeout %us }\n",
                            is_six ? '6' : '4', host, ntohs(is_six ? six->sin6_port : four->sin_port), seconds));
}

size_t gate_missing(struct gate *g, char missing[][IF_NAMESIZE], size_t max)
{
        size_t count = 0;

        for (size_t i = 0; i < g->options->interface_count && count < max; i++)
                if (if_nametoindex(g->options->interfaces[i]) == 0) {
                        strncpy(missing[count], g->options->interfaces[i], IF_NAMESIZE - 1);
                        missing[count++][IF_NAMESIZE - 1] = 0;
                }
        return count;
}
