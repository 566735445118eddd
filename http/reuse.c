/* The conditions of RFC 9111 §4 that are left once the key and the selecting fields have matched: a table of rules,
 * asked in order; the first that applies decides. A request that says nothing about caching and finds something fresh
 * is answered before the table. */
#include "http/reuse.h"

#include "http/condition.h"
#include "http/fields.h"
#include "http/freshness.h"

#define BIT(id) (1ULL << FIELD_##id)

/* Fields of a request that can make a difference here. */
static const uint64_t heeded = BIT(CACHE_CONTROL) | BIT(PRAGMA) | BIT(IF_MATCH) | BIT(IF_UNMODIFIED_SINCE);

struct reusing {
        const struct message *request;
        struct cache_control cc; /* the request's */
        const struct stored *stored;
        int64_t now, age, left;
};

bool request_wants_origin(const struct message *request)
{
        struct cache_control cc;
        if (request->reload_ignored)
                return false;
        if (!message_has(request, FIELD_CACHE_CONTROL))
                return field_lists(request, FIELD_PRAGMA, SPAN("no-cache")); /* §5.4 */
        cache_control_parse(request, &cc);
        return cc.set & (CC_NO_CACHE | CC_NO_CACHE_FIELDS);
}

bool request_is_anybodys(const struct message *request)
{
        struct cache_control cc;
        if (condition_is_made(request) || message_has(request, FIELD_AUTHORIZATION))
                return false;
        cache_control_parse(request, &cc);
        return !(cc.set & CC_NO_STORE);
}

/* ---- what the rules ask ---------------------------------------------------------------------------------------- */

/* §5.2.2.4 */
static bool stored_says_no_cache(const struct reusing *r)
{
        return r->stored->flags & STORED_NO_CACHE;
}

/* §5.2.1.4 */
static bool request_says_no_cache(const struct reusing *r)
{
        return request_wants_origin(r->request);
}

static bool precondition_fails(const struct reusing *r)
{
        return condition_is_for_origin(r->request, r->stored, r->now);
}

/* §5.2.1.1; a reload does not make what is immutable change (RFC 8246 §2). */
static bool older_than_max_age(const struct reusing *r)
{
        bool immutable = r->stored->flags & STORED_IMMUTABLE && r->left > 0;
        bool older = r->age > r->cc.max_age || r->cc.max_age == 0; /* an age of 0 is anything below a second */
        return r->cc.max_age >= 0 && older && !immutable && !r->request->reload_ignored;
}

/* §5.2.1.3 */
static bool not_fresh_for_long(const struct reusing *r)
{
        return r->cc.min_fresh >= 0 && r->left < r->cc.min_fresh;
}

/* §4.2 */
static bool is_fresh(const struct reusing *r)
{
        return r->left > 0;
}

/* §5.2.2.2, §5.2.2.8, §5.2.2.10 */
static bool must_not_be_stale(const struct reusing *r)
{
        return r->stored->flags & STORED_MUST_REVALIDATE;
}

/* §5.2.1.2 */
static bool max_stale_allows(const struct reusing *r)
{
        if (r->cc.max_stale >= 0)
                return -r->left <= r->cc.max_stale;
        return r->cc.set & CC_MAX_STALE_ANY;
}

static bool always(const struct reusing *r)
{
        (void)r;
        return true;
}

/* ---- the rules ------------------------------------------------------------------------------------------------- */

struct rule {
        bool (*applies)(const struct reusing *);
        enum reuse verdict;
        const char *why, *paragraph;
};

static const struct rule rules[] = {
        {stored_says_no_cache, REUSE_VALIDATE, "no-cache", "RFC 9111 §5.2.2.4"},
        {request_says_no_cache, REUSE_VALIDATE, "request-no-cache", "RFC 9111 §5.2.1.4"},
        {precondition_fails, REUSE_VALIDATE, "precondition", "RFC 9111 §4.3.2"},
        {older_than_max_age, REUSE_VALIDATE, "request-max-age", "RFC 9111 §5.2.1.1"},
        {not_fresh_for_long, REUSE_VALIDATE, "request-min-fresh", "RFC 9111 §5.2.1.3"},
        {is_fresh, REUSE_FRESH, NULL, "RFC 9111 §4.2"},
        {must_not_be_stale, REUSE_VALIDATE, "must-revalidate", "RFC 9111 §5.2.2.2"},
        {max_stale_allows, REUSE_STALE, "max-stale", "RFC 9111 §5.2.1.2"},
        {always, REUSE_VALIDATE, "stale", "RFC 9111 §4.2.4"},
};

/* The last one: stale, and nothing but that stands against using it. */
static const struct rule *const merely_stale = &rules[sizeof rules / sizeof rules[0] - 1];

/* The first rule that applies. */
static const struct rule *consider(struct reusing *r, const struct message *request, const struct stored *s,
                                   int64_t now)
{
        const struct rule *rule = rules;
        *r = (struct reusing){.request = request, .stored = s, .now = now};
        r->age = freshness_age(s, now);
        r->left = freshness_left(s, now);
        cache_control_parse(request, &r->cc);
        while (!rule->applies(r))
                rule++;
        return rule;
}

struct reuse_ruling reuse_ruling(const struct message *request, const struct stored *s, int64_t now)
{
        struct reusing r;
        const struct rule *rule = consider(&r, request, s, now);
        if (rule->verdict == REUSE_VALIDATE && r.cc.set & CC_ONLY_IF_CACHED)
                return (struct reuse_ruling){REUSE_ONLY_CACHED, rule->why, "RFC 9111 §5.2.1.7"};
        return (struct reuse_ruling){rule->verdict, rule->why, rule->paragraph};
}

enum reuse reuse_verdict(const struct message *request, const struct stored *s, int64_t now, const char **why)
{
        *why = NULL;
        if (!(request->present & heeded) && !(s->flags & STORED_NO_CACHE) && freshness_left(s, now) > 0)
                return REUSE_FRESH;
        struct reuse_ruling ruling = reuse_ruling(request, s, now);
        *why = ruling.why;
        return ruling.verdict;
}

/* ---- stale on purpose ------------------------------------------------------------------------------------------ */

/* A grace of some seconds from the end of freshness on; -1: none. */
static bool within(int64_t grace, const struct reusing *r)
{
        return grace > 0 && -r->left <= grace;
}

/* A client that says how old or how fresh does not want it stale (RFC 9111 §5.2.1.1). */
bool reuse_while_validating(const struct message *request, const struct stored *s, int64_t now)
{
        struct reusing r;
        return consider(&r, request, s, now) == merely_stale && r.cc.max_age < 0 && r.cc.min_fresh < 0 &&
               within(s->stale_while_revalidate, &r);
}

bool reuse_despite_failure(const struct message *request, const struct stored *s, int64_t now,
                           enum reuse_failure failure, const char **why)
{
        struct reusing r;
        const struct rule *rule = consider(&r, request, s, now);
        *why = NULL;
        if (rule != merely_stale)
                return false;
        if (within(s->stale_if_error, &r) || within(r.cc.stale_if_error, &r))
                *why = "stale-if-error";
        else if (failure == REUSE_UNREACHABLE && s->stale_if_error < 0) /* a limit is one (RFC 5861 §4) */
                *why = "origin-unreachable";
        return *why != NULL;
}
