/* A member of Cache-Status: an item with parameters (RFC 8941 §3.3, RFC 9211 §2). */
#include "http/cache_status.h"

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
static void say_detail(struct out *o, const char *text)
{
        out_text(o, "; detail=\"");
        for (; *text; text++) {
                if (*text == '"' || *text == '\\')
                        out_text(o, "\\");
                if (*text >= ' ' && *text <= '~')
                        out_span(o, (struct span){text, 1});
        }
        out_text(o, "\"");
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
        if (s->detail)
                say_detail(o, s->detail);
}
