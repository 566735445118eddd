/* Applying, checking, showing and removing the plan. Each part can be done twice without harm, and a failure takes back
 * what was done before it. */
#include "setup/setup.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setup/bridge.h"
#include "setup/listing.h"
#include "setup/nft.h"
#include "setup/plan.h"
#include "setup/probe.h"
#include "setup/route.h"
#include "setup/state.h"
#include "setup/sysctl.h"
#include "setup/text.h"

static const int families[] = {AF_INET, AF_INET6};
static const enum route_thing things[] = {ROUTE_RULE, ROUTE_LOCAL};
static const char *const thing_names[] = {[ROUTE_RULE] = "routing rule", [ROUTE_LOCAL] = "local route"};

/* IPv6 may be switched off on the machine: then IPv4 goes on. */
static bool wanted(const struct setup_options *o, int family)
{
        return family == AF_INET || (o->ipv6 && sysctl_ipv6());
}

static char version_of(int family)
{
        return family == AF_INET ? '4' : '6';
}

/* ---- routes --------------------------------------------------------------------------------------------------------
 */

/* A mark or a table that another program uses is not taken from it. */
static int find_rivals(const struct setup_options *o, struct setup_text *why)
{
        for (size_t f = 0; f < 2; f++)
                for (size_t t = 0; t < 2 && wanted(o, families[f]); t++) {
                        unsigned others = 0;
                        int there = route_find(things[t], o, families[f], &others);

                        if (there < 0) {
                                text_add(why, "%ss cannot be read: %s", thing_names[t], strerror(-there));
                                return there;
                        }
                        if (!others)
                                continue;
                        if (things[t] == ROUTE_RULE)
                                text_add(why,
                                         "another program's routing rule uses bits of mark 0x%x; set another `mark`",
                                         o->mark);
                        else
                                text_add(why, "routing table %u is used by another program; set another `table`",
                                         o->table);
                        return -EEXIST;
                }
        return 0;
}

static int add_routes(const struct setup_options *o, struct setup_text *why)
{
        for (size_t f = 0; f < 2; f++)
                for (size_t t = 0; t < 2 && wanted(o, families[f]); t++) {
                        int error = route_add(things[t], o, families[f]);

                        if (error) {
                                text_add(why, "IPv%c %s: %s", version_of(families[f]), thing_names[t],
                                         strerror(-error));
                                return error;
                        }
                }
        return 0;
}

/* Only what is surely ours is deleted. */
static int delete_things(enum route_thing thing, const struct setup_options *o, struct setup_text *why)
{
        int result = 0;

        for (size_t f = 0; f < 2; f++) {
                unsigned others;
                int error = route_find(thing, o, families[f], &others);

                if (error == 1)
                        error = route_delete(thing, o, families[f]);
                if (error && error != -EAFNOSUPPORT && !result) { /* a kernel without IPv6 has none of it */
                        result = error;
                        text_add(why, "IPv%c %s: %s", version_of(families[f]), thing_names[thing], strerror(-error));
                }
        }
        return result;
}

static int delete_routes(const struct setup_options *o, struct setup_text *why)
{
        int rules = delete_things(ROUTE_RULE, o, why), routes = delete_things(ROUTE_LOCAL, o, why);

        return rules ? rules : routes;
}

/* ---- what another configuration has left ---------------------------------------------------------------------------
 *
 * Which mark and table are in use is remembered: whoever killed the program may have changed both since, and nobody
 * could tell then that this rule and this route are ours. A line is "routes MARK/TABLE". */

#define ROUTES "routes "

static int remember_routes(const struct setup_options *o, struct setup_text *why)
{
        char line[64];
        int error;

        snprintf(line, sizeof line, ROUTES "%u/%u\n", o->mark, o->table);
        error = state_remember(o->state, line, strlen(line));
        if (error)
                text_add(why, "%s: %s", o->state, strerror(-error));
        return error;
}

/* True: *then is `o` with another mark or table, as the line says. */
static bool are_others(const char *line, const struct setup_options *o, struct setup_options *then)
{
        char *slash;

        if (strncmp(line, ROUTES, sizeof ROUTES - 1) != 0)
                return false;
        *then = *o;
        then->mark = (uint32_t)strtoul(line + sizeof ROUTES - 1, &slash, 10);
        then->table = *slash == '/' ? (uint32_t)strtoul(slash + 1, NULL, 10) : o->table;
        return then->mark != o->mark || then->table != o->table;
}

static int delete_others(const struct setup_options *o, struct setup_text *why)
{
        FILE *state = state_open(o->state, "r");
        struct setup_options then;
        char line[256];
        int result = 0;

        while (state && !result && fgets(line, sizeof line, state)) {
                if (!are_others(line, o, &then))
                        continue;
                result = delete_things(ROUTE_RULE, &then, why);
                if (!result && then.table != o->table)
                        result = delete_things(ROUTE_LOCAL, &then, why);
        }
        if (state)
                fclose(state);
        return result;
}

/* ---- nftables ------------------------------------------------------------------------------------------------------
 */

/* `trial`: it is only checked (nft(8) --check). */
static int run_script(const char *script, bool trial, struct setup_text *why)
{
        struct nft_ctx *nft = nft_open(why);
        int error;

        if (!nft)
                return -ENODEV;
        nft_ctx_set_dry_run(nft, trial);
        error = nft_run(nft, script, why) ? -EINVAL : 0;
        nft_ctx_free(nft);
        return error;
}

static int apply_nft(const struct setup_options *o, bool trial, struct setup_text *why)
{
        struct setup_text script = {NULL, 0, 0};
        int error = plan_nft(o, &script) ? run_script(script.at, trial, why) : -ENOMEM;

        if (error == -EINVAL && o->match[0])
                text_add(why, "; is it intercept.match = \"%s\"?", o->match);
        setup_text_free(&script);
        return error;
}

/* "add" first, so that deleting a table that is not there is no error. */
static int delete_nft(struct setup_text *why)
{
        return run_script("add table " PLAN_TABLE "\ndelete table " PLAN_TABLE "\n", false, why);
}

/* ---- up and down ---------------------------------------------------------------------------------------------------
 */

static bool is_up(void)
{
        struct setup_text listed = {NULL, 0, 0};
        bool there = setup_listing(&listed) == 0;

        setup_text_free(&listed);
        return there;
}

/* Where it was up already, what could not be made anew is as it was: nftables changes all or nothing. */
int setup_up(const struct setup_options *o, struct setup_text *why)
{
        struct setup_text ignored = {NULL, 0, 0};
        int error = delete_others(o, why);
        bool was_up = is_up();

        if (!error)
                error = find_rivals(o, why);
        if (error)
                return error;
        error = sysctl_apply(o, why);
        if (!error)
                error = remember_routes(o, why);
        if (!error)
                error = add_routes(o, why);
        if (!error)
                error = apply_nft(o, false, why);
        if (!error)
                error = bridge_up(o, why);
        if (error && !was_up)
                setup_down(o, &ignored);
        setup_text_free(&ignored);
        return error;
}

int setup_down(const struct setup_options *o, struct setup_text *why)
{
        int nft = delete_nft(why), routes = delete_routes(o, why), others = delete_others(o, why);
        int sysctls = sysctl_restore(o, why); /* and forgets all of it */
        int bridges = bridge_down(o, why), link = probe_remove();

        if (link)
                text_add(why, "the link " PROBE_LINK ": %s", strerror(-link));
        return nft ? nft : routes ? routes : others ? others : sysctls ? sysctls : bridges ? bridges : link;
}

int setup_try(const struct setup_options *o, struct setup_text *why)
{
        return apply_nft(o, true, why);
}

int setup_change(const struct setup_options *from, const struct setup_options *to, struct setup_text *why)
{
        struct setup_text ignored = {NULL, 0, 0};
        int error = delete_nft(why);

        if (!error)
                error = delete_routes(from, why);
        if (!error)
                error = bridge_down(from, why);
        if (!error)
                error = setup_up(to, why);
        if (error)
                setup_up(from, &ignored);
        setup_text_free(&ignored);
        return error;
}

/* ---- check ---------------------------------------------------------------------------------------------------------
 */

static void check_routes(const struct setup_options *o, struct setup_text *out)
{
        for (size_t f = 0; f < 2; f++)
                for (size_t t = 0; t < 2 && wanted(o, families[f]); t++) {
                        unsigned others = 0;
                        int there = route_find(things[t], o, families[f], &others);

                        if (there < 0)
                                text_add(out, "the IPv%c %s cannot be read: %s\n", version_of(families[f]),
                                         thing_names[t], strerror(-there));
                        else if (!there)
                                text_add(out, "the IPv%c %s is missing\n", version_of(families[f]), thing_names[t]);
                        if (others)
                                text_add(out, "another program's IPv%c %s uses our mark or table\n",
                                         version_of(families[f]), thing_names[t]);
                }
}

static void check_sysctls(struct setup_text *out)
{
        char value[SYSCTL_VALUE];

        for (const struct plan_sysctl *s = plan_sysctls; s->path; s++)
                if (sysctl_read(s->path, value) == 0 && strcmp(value, s->value) != 0)
                        text_add(out, "sysctl %s is %s, must be %s: %s\n", s->path, value, s->value, s->why);
}

static void check_nft(const struct setup_text *wanted, struct setup_text *out)
{
        struct setup_text now = {NULL, 0, 0};

        if (setup_listing(&now) != 0 || !now.at)
                text_add(out, "table " PLAN_TABLE " is missing\n");
        else if (wanted)
                listing_compare(wanted->at, now.at, out);
        setup_text_free(&now);
}

int setup_check(const struct setup_options *o, const struct setup_text *wanted, struct setup_text *out)
{
        size_t before = out->len;

        check_nft(wanted, out);
        check_routes(o, out);
        check_sysctls(out);
        bridge_check(o, out);
        return out->len > before ? 1 : 0;
}
