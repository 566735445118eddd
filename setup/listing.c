/* What nft lists is not what it was given: it spells rules in its own way, which differs from version to version. So
 * the plan is compared in the kernel's own words: as it is listed back after it was applied, here (by who applied it)
 * or in a network namespace that exists for that alone. */
#include "setup/listing.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "setup/bridge_plan.h"
#include "setup/links.h"
#include "setup/nft.h"
#include "setup/plan.h"
#include "setup/text.h"

enum { LISTING_MAX = 1 << 20 };

/* ---- comparing -----------------------------------------------------------------------------------------------------
 */

struct line {
        const char *at;
        size_t len;
};

static bool next_line(const char **rest, struct line *line)
{
        while (**rest == '\n')
                ++*rest;
        line->at = *rest + strspn(*rest, " \t");
        line->len = strcspn(line->at, "\n");
        *rest = line->at + line->len;
        return line->len > 0;
}

static bool same(struct line a, struct line b)
{
        return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* How often the line stands in the text before `end`. */
static unsigned times(const char *text, const char *end, struct line line)
{
        unsigned n = 0;

        for (struct line other; next_line(&text, &other) && other.at < end;)
                n += same(line, other);
        return n;
}

/* The lines of one text that another has not so often. */
static bool tell_missing(const char *table, const char *in, const char *from, const char *what, struct setup_text *out)
{
        const char *rest = in, *from_end = from + strlen(from);
        bool ok = true;

        for (struct line line; ok && next_line(&rest, &line);) {
                if (*line.at == '}' || times(in, rest, line) <= times(from, from_end, line)) /* a brace says nothing */
                        continue;
                ok = text_add(out, "table %s: %s: %.*s\n", table, what, (int)line.len, line.at);
        }
        return ok;
}

static bool in_order(const char *wanted, const char *now)
{
        struct line a, b;
        bool more;

        do {
                more = next_line(&wanted, &a);
                if (more != next_line(&now, &b))
                        return false;
        } while (more && same(a, b));
        return !more;
}

static bool compare(const char *table, const char *wanted, const char *now, struct setup_text *out)
{
        return tell_missing(table, wanted, now, "missing", out) &&
               tell_missing(table, now, wanted, "not of Limpid's", out);
}

/* The table for bridges stands last: cut off, and returned. */
static const char *cut_bridges(char *listing)
{
        char *at = strstr(listing, "table " BRIDGE_TABLE);

        if (at && at > listing)
                at[-1] = 0;
        return at;
}

bool listing_compare(const char *wanted_all, const char *now_all, struct setup_text *out)
{
        char *wanted = strdup(wanted_all), *now = strdup(now_all);
        bool ok = wanted && now;
        size_t before = out->len;

        if (ok) {
                const char *wanted_bridges = cut_bridges(wanted), *now_bridges = cut_bridges(now);

                ok = compare(PLAN_TABLE, wanted, now, out);
                if (ok && out->len == before && !in_order(wanted, now))
                        ok = text_add(out, "table " PLAN_TABLE ": its rules are in another order\n");
                if (wanted_bridges && now_bridges)
                        ok = ok && compare(BRIDGE_TABLE, wanted_bridges, now_bridges, out);
        }
        free(wanted);
        free(now);
        return ok;
}

/* ---- listing -------------------------------------------------------------------------------------------------------
 */

int setup_listing(struct setup_text *out)
{
        struct nft_ctx *nft = nft_open(NULL);
        int error;

        if (!nft)
                return -ENODEV;
        error = nft_list(nft, "list table " PLAN_TABLE, out);
        nft_list(nft, "list table " BRIDGE_TABLE, out); /* which need not be there */
        nft_ctx_free(nft);
        return error ? -ENOENT : 0;
}

/* Into *out what is listed, or with an error what is wrong. */
static int apply_elsewhere(const struct setup_options *o, bool bridged, struct setup_text *out)
{
        struct setup_text script = {NULL, 0, 0};
        struct nft_ctx *nft;

        if (unshare(CLONE_NEWNET) != 0)
                return errno;
        nft = nft_open(out);
        if (!nft)
                return ENODEV;
        if (!plan_nft(o, &script) || (bridged && !bridge_plan_nft(o, &script)))
                return ENOMEM;
        return nft_run(nft, script.at, out) ? EINVAL : -setup_listing(out);
}

static int list_elsewhere(const struct setup_options *o, bool bridged, int to)
{
        struct setup_text out = {NULL, 0, 0};
        int error = apply_elsewhere(o, bridged, &out);

        for (size_t at = 0; at < out.len;) {
                ssize_t n = write(to, out.at + at, out.len - at);

                if (n < 0)
                        return errno;
                at += (size_t)n;
        }
        return error;
}

static bool read_all(int from, struct setup_text *out)
{
        char part[4096];
        ssize_t n;
        bool ok = true;

        while (ok && (n = read(from, part, sizeof part)) > 0)
                ok = out->len < LISTING_MAX && text_add(out, "%.*s", (int)n, part);
        return ok;
}

int setup_wanted(const struct setup_options *o, struct setup_text *out)
{
        struct links all = {NULL, 0, 0};
        int pair[2], status = 0;
        pid_t child;
        bool ok, bridged;

        if (pipe(pair) != 0)
                return -errno;
        bridged = links_read(&all, o) == 0 && links_have_bridge(&all);
        links_free(&all);
        child = fork();
        if (child == 0)
                _exit(list_elsewhere(o, bridged, pair[1]));
        close(pair[1]);
        ok = child > 0 && read_all(pair[0], out);
        close(pair[0]);
        if (child < 0 || waitpid(child, &status, 0) != child)
                return -EAGAIN;
        if (!WIFEXITED(status) || WEXITSTATUS(status))
                return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
        return ok ? 0 : -ENOMEM;
}
