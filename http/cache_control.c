/* Cache-Control: one table says of each directive what it may have for an argument and where it ends up.
 *
 * Where a directive is badly written, what forbids is heard all the same and what permits is not (RFC 9111 §4.2.1: the
 * most restrictive one is to be honoured); seconds that are no number are no seconds. Of a directive that is given
 * twice the first one counts, and what a client asks for twice counts at its strictest. */
#include "http/cache_control.h"

#include "http/fields.h"
#include "http/octet.h"

/* Lists of field names in more Cache-Control than this are not taken apart for every field of the response: their
 * directives count as unqualified. */
enum { LISTING_MAX = 4096 };

enum kind {
        FORBIDS,   /* no argument; whatever it has is passed over */
        PERMITS,   /* no argument; with one it says nothing */
        LISTS,     /* alone, or with a list of field names */
        FIRST,     /* seconds; of several the first (RFC 9111 §4.2.1) */
        AT_LEAST,  /* seconds; of several the highest */
        TOLERATES, /* alone, or with seconds, of several the lowest */
};

struct rule {
        struct span name;
        enum kind kind;
        uint32_t alone, listed; /* enum directive: without an argument, with a list */
        size_t seconds;         /* the member of struct cache_control */
};

#define NAMED(text)     .name = {(text), sizeof(text) - 1}
#define SECONDS(member) .seconds = offsetof(struct cache_control, member)

static const struct rule rules[] = {
        {NAMED("max-age"), FIRST, SECONDS(max_age)},
        {NAMED("public"), PERMITS, .alone = CC_PUBLIC},
        {NAMED("private"), LISTS, .alone = CC_PRIVATE, .listed = CC_PRIVATE_FIELDS},
        {NAMED("no-cache"), LISTS, .alone = CC_NO_CACHE, .listed = CC_NO_CACHE_FIELDS},
        {NAMED("no-store"), FORBIDS, .alone = CC_NO_STORE},
        {NAMED("s-maxage"), FIRST, SECONDS(s_maxage)},
        {NAMED("must-revalidate"), FORBIDS, .alone = CC_MUST_REVALIDATE},
        {NAMED("proxy-revalidate"), FORBIDS, .alone = CC_PROXY_REVALIDATE},
        {NAMED("must-understand"), PERMITS, .alone = CC_MUST_UNDERSTAND},
        {NAMED("no-transform"), FORBIDS, .alone = CC_NO_TRANSFORM},
        {NAMED("immutable"), PERMITS, .alone = CC_IMMUTABLE},
        {NAMED("stale-while-revalidate"), FIRST, SECONDS(stale_while_revalidate)},
        {NAMED("stale-if-error"), FIRST, SECONDS(stale_if_error)},
        {NAMED("only-if-cached"), FORBIDS, .alone = CC_ONLY_IF_CACHED},
        {NAMED("max-stale"), TOLERATES, .alone = CC_MAX_STALE_ANY, SECONDS(max_stale)},
        {NAMED("min-fresh"), AT_LEAST, SECONDS(min_fresh)},
};

struct argument {
        enum { ARGUMENT_NONE, ARGUMENT_GOOD, ARGUMENT_BAD } kind;
        struct span text; /* without its quotes */
};

/* From `name`'s end on: nothing, or "=" and a token or a quoted string (RFC 9111 §5.2). */
static struct argument argument_read(struct span s)
{
        if (s.len == 0)
                return (struct argument){.kind = ARGUMENT_NONE};
        if (s.at[0] != '=')
                return (struct argument){.kind = ARGUMENT_BAD};
        struct span text = {s.at + 1, s.len - 1};
        if (span_is_token(text))
                return (struct argument){ARGUMENT_GOOD, text};
        if (text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"')
                return (struct argument){ARGUMENT_GOOD, {text.at + 1, text.len - 2}};
        return (struct argument){.kind = ARGUMENT_BAD};
}

/* The next directive that we know, with its argument; NULL at the end. */
static const struct rule *rule_next(const struct message *m, struct elements *e, struct argument *argument)
{
        struct span element;
        while (elements_next(m, FIELD_CACHE_CONTROL, e, &element)) {
                struct span name = {element.at, octet_run(element, OCTET_TOKEN)};
                for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
                        if (span_equal_fold(name, rules[i].name)) {
                                *argument = argument_read((struct span){element.at + name.len, element.len - name.len});
                                return &rules[i];
                        }
        }
        return NULL;
}

static bool is_list_of_names(const struct argument *a)
{
        struct span rest = a->text, name;
        bool any = false;
        if (a->kind != ARGUMENT_GOOD)
                return false;
        for (; list_next(&rest, &name); any = true)
                if (!span_is_token(name))
                        return false;
        return any;
}

static void take_seconds(struct cache_control *cc, const struct rule *d, const struct argument *a)
{
        int64_t n = a->kind == ARGUMENT_GOOD ? span_decimal(a->text) : -1, before;
        char *member = (char *)cc + d->seconds;
        if (n < 0 && d->kind == TOLERATES)
                return;
        if (n < 0)
                n = 0;
        memcpy(&before, member, sizeof before);
        if (before < 0 || (d->kind == AT_LEAST && n > before) || (d->kind == TOLERATES && n < before))
                memcpy(member, &n, sizeof n);
}

static void take(struct cache_control *cc, const struct rule *d, const struct argument *a)
{
        switch (d->kind) {
        case FORBIDS:
                cc->set |= d->alone;
                break;
        case PERMITS:
                if (a->kind == ARGUMENT_NONE)
                        cc->set |= d->alone;
                break;
        case LISTS:
                cc->set |= is_list_of_names(a) ? d->listed : d->alone;
                break;
        case TOLERATES:
                if (a->kind == ARGUMENT_NONE)
                        cc->set |= d->alone;
                take_seconds(cc, d, a);
                break;
        case FIRST:
        case AT_LEAST:
                take_seconds(cc, d, a);
                break;
        }
}

static size_t field_bytes(const struct message *m)
{
        size_t bytes = 0;
        for (const struct field *f = NULL; (f = field_next(m, FIELD_CACHE_CONTROL, f));)
                bytes += f->value_len;
        return bytes;
}

void cache_control_parse(const struct message *m, struct cache_control *cc)
{
        *cc = (struct cache_control){.max_age = -1,
                                     .s_maxage = -1,
                                     .max_stale = -1,
                                     .min_fresh = -1,
                                     .stale_while_revalidate = -1,
                                     .stale_if_error = -1};
        struct elements e = {.field = NULL};
        struct argument argument;
        const struct rule *d;
        while ((d = rule_next(m, &e, &argument)))
                take(cc, d, &argument);
        if (!(cc->set & (CC_NO_CACHE_FIELDS | CC_PRIVATE_FIELDS)) || field_bytes(m) <= LISTING_MAX)
                return;
        cc->set |= cc->set & CC_NO_CACHE_FIELDS ? CC_NO_CACHE : 0;
        cc->set |= cc->set & CC_PRIVATE_FIELDS ? CC_PRIVATE : 0;
}

bool cache_control_names(const struct message *m, struct span name)
{
        struct elements e = {.field = NULL};
        struct argument argument;
        const struct rule *d;
        while ((d = rule_next(m, &e, &argument))) {
                struct span rest = argument.text, listed;
                if (d->kind != LISTS || argument.kind != ARGUMENT_GOOD)
                        continue;
                while (list_next(&rest, &listed))
                        if (span_equal_fold(listed, name))
                                return true;
        }
        return false;
}
