/* Cache-Control: a list of directives, each a name and perhaps an argument, token or quoted (RFC 9111 §5.2). One table
 * says what each directive sets; what is not in it is passed over (§5.2.3). */
#include "http/cache_control.h"

#include "http/fields.h"

struct rule {
        struct span name;
        uint32_t bit;       /* enum directive */
        uint32_t qualified; /* the bit instead, where the argument names fields */
        size_t seconds;     /* where in struct cache_control its seconds go; 0: it has none */
};

#define NAME(text)                                                                                                     \
        {                                                                                                              \
                text, sizeof(text) - 1                                                                                 \
        }
#define FLAG(text, bit)                                                                                                \
        {                                                                                                              \
                NAME(text), bit, bit, 0                                                                                \
        }
#define SECONDS(member) offsetof(struct cache_control, member)

static const struct rule rules[] = {
        {NAME("max-age"), 0, 0, SECONDS(max_age)},
        {NAME("s-maxage"), 0, 0, SECONDS(s_maxage)},
        {NAME("no-cache"), CC_NO_CACHE, CC_NO_CACHE_FIELDS, 0},
        {NAME("private"), CC_PRIVATE, CC_PRIVATE_FIELDS, 0},
        FLAG("no-store", CC_NO_STORE),
        FLAG("public", CC_PUBLIC),
        FLAG("must-revalidate", CC_MUST_REVALIDATE),
        FLAG("proxy-revalidate", CC_PROXY_REVALIDATE),
        FLAG("must-understand", CC_MUST_UNDERSTAND),
        FLAG("no-transform", CC_NO_TRANSFORM),
        FLAG("only-if-cached", CC_ONLY_IF_CACHED),
        FLAG("immutable", CC_IMMUTABLE),
        {NAME("max-stale"), CC_MAX_STALE_ANY, 0, SECONDS(max_stale)},
        {NAME("min-fresh"), 0, 0, SECONDS(min_fresh)},
        {NAME("stale-while-revalidate"), 0, 0, SECONDS(stale_while_revalidate)},
        {NAME("stale-if-error"), 0, 0, SECONDS(stale_if_error)},
};

struct parts {
        struct span name, argument; /* the argument without its quotes */
        bool has_argument;
};

static struct span unquote(struct span s)
{
        if (s.len >= 2 && s.at[0] == '"' && s.at[s.len - 1] == '"')
                return (struct span){s.at + 1, s.len - 2};
        return s;
}

static struct parts split(struct span element)
{
        const char *equals = memchr(element.at, '=', element.len);
        if (equals == NULL)
                return (struct parts){.name = element};
        size_t before = (size_t)(equals - element.at);
        struct span argument = {equals + 1, element.len - before - 1};
        return (struct parts){span_trim((struct span){element.at, before}), unquote(argument), true};
}

static const struct rule *find(struct span name)
{
        for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
                if (span_equal_fold(name, rules[i].name))
                        return &rules[i];
        return NULL;
}

/* Of several the lowest counts, the most cautious reading of a contradiction (RFC 9111 §4.2.1). */
static void set_seconds(struct cache_control *cc, const struct rule *rule, struct parts parts)
{
        int64_t *member = (int64_t *)(void *)((char *)cc + rule->seconds);
        int64_t n = span_decimal(parts.argument);
        if (rule->bit == CC_MAX_STALE_ANY) {
                if (!parts.has_argument)
                        cc->set |= CC_MAX_STALE_ANY;
                if (n < 0)
                        return;
        }
        if (n < 0)
                n = 0;
        if (*member < 0 || n < *member)
                *member = n;
}

void cache_control_parse(const struct message *m, struct cache_control *cc)
{
        *cc = (struct cache_control){0, -1, -1, -1, -1, -1, -1};
        struct elements e = {.field = NULL};
        struct span element;
        while (elements_next(m, FIELD_CACHE_CONTROL, &e, &element)) {
                struct parts parts = split(element);
                const struct rule *rule = find(parts.name);
                if (rule == NULL)
                        continue;
                if (rule->seconds)
                        set_seconds(cc, rule, parts);
                else
                        cc->set |= parts.argument.len > 0 ? rule->qualified : rule->bit;
        }
}

static bool list_has(struct span list, struct span name)
{
        struct span element;
        while (list_next(&list, &element))
                if (span_equal_fold(element, name))
                        return true;
        return false;
}

bool cache_control_names(const struct message *m, struct span name)
{
        struct elements e = {.field = NULL};
        struct span element;
        while (elements_next(m, FIELD_CACHE_CONTROL, &e, &element)) {
                struct parts parts = split(element);
                const struct rule *rule = find(parts.name);
                if (rule && rule->bit != rule->qualified && !rule->seconds && list_has(parts.argument, name))
                        return true;
        }
        return false;
}
