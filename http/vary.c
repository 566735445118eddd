/* Variants: the names in Vary, in one canonical form, and one number for a request's values of them (RFC 9111 §4.1). */
#include "http/vary.h"

#include "http/fields.h"

enum { NAMES_MAX = 32 }; /* more than any honest origin nominates */

static int compare(struct span a, struct span b)
{
        int order = strncasecmp(a.at, b.at, a.len < b.len ? a.len : b.len);
        return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Inserts in order, once; false where there is no room. */
static bool insert(struct span *names, size_t *count, struct span name)
{
        size_t i = *count;
        while (i > 0 && compare(names[i - 1], name) > 0)
                i--;
        if (i > 0 && compare(names[i - 1], name) == 0)
                return true;
        if (*count == NAMES_MAX)
                return false;
        memmove(names + i + 1, names + i, (*count - i) * sizeof names[0]);
        names[i] = name;
        ++*count;
        return true;
}

static void out_lower(struct out *o, struct span name)
{
        for (size_t i = 0; i < name.len; i++) {
                char c = name.at[i];
                c = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
                out_span(o, (struct span){&c, 1});
        }
}

bool vary_names(struct out *o, const struct message *response)
{
        struct span names[NAMES_MAX], name;
        size_t count = 0;
        struct elements e = {.field = NULL};
        while (elements_next(response, FIELD_VARY, &e, &name))
                if (span_equal(name, SPAN("*")) || !span_is_token(name) || !insert(names, &count, name))
                        return false;
        for (size_t i = 0; i < count; i++) {
                if (i > 0)
                        out_text(o, ",");
                out_lower(o, names[i]);
        }
        return !o->overflow;
}

/* FNV-1a. Values hold no control characters, so that those which stand for structure cannot be forged. */
enum { MARK_ABSENT = 1, MARK_PRESENT = 2, MARK_ELEMENT = 3 };

static uint64_t mix(uint64_t hash, unsigned char byte)
{
        return (hash ^ byte) * 0x100000001b3;
}

static uint64_t mix_value(uint64_t hash, const struct message *m, const struct field *f)
{
        struct span rest = field_value(m, f), element;
        while (list_next(&rest, &element)) {
                hash = mix(hash, MARK_ELEMENT);
                for (size_t i = 0; i < element.len; i++)
                        hash = mix(hash, (unsigned char)element.at[i]);
        }
        return hash;
}

uint64_t vary_hash(struct span names, const struct message *request)
{
        uint64_t hash = 0xcbf29ce484222325;
        struct span name;
        while (list_next(&names, &name)) {
                const struct field *f = field_next_named(request, name, NULL);
                hash = mix(hash, f ? MARK_PRESENT : MARK_ABSENT);
                for (; f; f = field_next_named(request, name, f))
                        hash = mix_value(hash, request, f);
        }
        return hash;
}
