/* Resolving references, RFC 3986 §5.2.2 without the parts that cannot name a resource of the same origin. */
#include "http/reference.h"

enum { MERGED_MAX = 8192 };

static struct span until(struct span s, const char *stops)
{
        size_t n = 0;

        while (n < s.len && !strchr(stops, s.at[n]))
                n++;
        return (struct span){s.at, n};
}

static struct span after(struct span s, size_t n)
{
        return (struct span){s.at + n, s.len - n};
}

static bool begins(struct span s, struct span prefix)
{
        return s.len >= prefix.len && memcmp(s.at, prefix.at, prefix.len) == 0;
}

/* What merging takes of the base: everything up to its last slash (§5.2.3). */
static struct span directory(struct span path)
{
        path = until(path, "?");
        while (path.len && path.at[path.len - 1] != '/')
                path.len--;
        return path;
}

/* §5.2.4, segment by segment; `start` is where the path begins in the output. */
static void add_segments(struct out *o, size_t start, struct span path)
{
        while (path.len) {
                struct span segment = until(after(path, 1), "/"); /* behind its slash */
                bool last = segment.len + 1 == path.len, dots = false;

                if (span_equal(segment, SPAN("..")))
                        for (dots = true; o->len > start && o->at[--o->len] != '/';)
                                ;
                else if (span_equal(segment, SPAN(".")))
                        dots = true;
                else
                        out_span(o, (struct span){path.at, segment.len + 1});
                if (dots && last)
                        out_text(o, "/");
                path = after(path, segment.len + 1);
        }
}

static bool same_origin(const struct authority *base, struct span text)
{
        struct authority a;

        return authority_parse(text, &a) && a.port == base->port && span_equal_fold(a.host, base->host);
}

/* Takes scheme and authority off. False: another origin. */
static bool strip_origin(const struct authority *base, struct span *reference)
{
        struct span authority, path;

        if (target_is_absolute(*reference, &authority, &path)) {
                authority = until(authority, "?#");
                path = after(*reference, (size_t)(authority.at + authority.len - reference->at));
        } else if (begins(*reference, SPAN("//"))) {
                authority = until(after(*reference, 2), "/?#");
                path = after(*reference, 2 + authority.len);
        } else {
                return true;
        }
        *reference = path;
        return authority.len && same_origin(base, authority);
}

bool reference_resolve(struct out *o, const struct authority *base, struct span path, struct span reference)
{
        char merged_text[MERGED_MAX];
        struct out merged = {.at = merged_text, .cap = sizeof merged_text};
        struct span file;
        size_t whole;

        for (size_t i = 0; i < reference.len; i++)
                if (reference.at[i] <= ' ' || reference.at[i] == 0x7f)
                        return false;
        whole = reference.len;
        if (!strip_origin(base, &reference))
                return false;
        if (reference.len < whole && (!reference.len || reference.at[0] != '/'))
                path = SPAN("/"); /* with an authority, and no path (RFC 9110 §4.2.3) */
        reference = until(reference, "#");
        file = until(reference, "?");
        if (!file.len) { /* the same path: with its query, unless there is another */
                out_span(o, until(path, "?"));
                out_span(o, reference.len ? reference : after(path, until(path, "?").len));
                return !o->overflow;
        }
        if (file.at[0] != '/')
                out_span(&merged, directory(path));
        out_span(&merged, file);
        if (merged.overflow || !merged.len || merged.at[0] != '/')
                return false;
        add_segments(o, o->len, (struct span){merged.at, merged.len});
        out_span(o, after(reference, file.len));
        return !o->overflow;
}
