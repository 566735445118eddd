/* A member of Cache-Status: an item with parameters (RFC 8941 §3.3, RFC 9211 §2). */
#include "http/cache_status.h"

enum { REST_MAX = 512 }; /* all but the key */

static void say(struct out *o, const char *text)
{
        out_span(o, (struct span){text, strlen(text)});
}

/* sf-integer: fifteen digits at the most (RFC 8941 §3.3.1), and lifetimes saturate above that. */
static void say_ttl(struct out *o, int64_t ttl)
{
        static const uint64_t most = 999999999999999;
        uint64_t size = ttl < 0 ? 0 - (uint64_t)ttl : (uint64_t)ttl;
        out_text(o, "; ttl=");
        if (ttl < 0)
                out_text(o, "-");
        out_number(o, size < most ? size : most);
}

/* sf-string: printable ASCII, quotes and backslashes escaped. */
static void say_string(struct out *o, struct span text)
{
        static const bool as_it_is[256] = {[' '] = true, ['!'] = true, ['#' ... '['] = true, [']' ... '~'] = true};

        while (text.len) {
                size_t run = 0;

                while (run < text.len && as_it_is[(unsigned char)text.at[run]])
                        run++;
                out_span(o, (struct span){text.at, run});
                if (run < text.len && (text.at[run] == '"' || text.at[run] == '\\')) {
                        out_text(o, "\\");
                        out_span(o, (struct span){text.at + run, 1});
                }
                run += run < text.len;
                text = (struct span){text.at + run, text.len - run};
        }
        out_text(o, "\"");
}

/* A long URL's would make the head as long again; every octet may need another before it. */
static void say_key(struct out *o, struct span key)
{
        if (key.len > (CACHE_STATUS_MAX - REST_MAX) / 2)
                return;
        out_text(o, "; key=\"");
        say_string(o, key);
}

void cache_status(struct out *o, const struct cache_status *s)
{
        out_text(o, "Limpid");
        if (s->hit)
                out_text(o, "; hit");
        else if (s->fwd) {
                out_text(o, "; fwd=");
                say(o, s->fwd);
        }
        if (s->fwd_status) {
                out_text(o, "; fwd-status=");
                out_number(o, s->fwd_status);
        }
        if (s->has_ttl)
                say_ttl(o, s->ttl);
        if (s->stored)
                out_text(o, "; stored");
        if (s->collapsed)
                out_text(o, "; collapsed");
        if (s->key.len)
                say_key(o, s->key);
        if (s->detail) {
                out_text(o, "; detail=\"");
                say_string(o, (struct span){s->detail, strlen(s->detail)});
        }
}
