/* May what is stored answer a request? The usual request says nothing about caching: for it there is one comparison of
 * an age with a lifetime, and nothing is parsed (RFC 9111 §4). */
#include "http/reuse.h"

#include "http/fields.h"
#include "http/freshness.h"

bool request_wants_origin(const struct message *request, const struct cache_control *cc)
{
        if (message_has(request, FIELD_CACHE_CONTROL)) /* Pragma is for those who do not know it (§5.4) */
                return cc->set & CC_NO_CACHE;
        return field_lists(request, FIELD_PRAGMA, SPAN("no-cache"));
}

/* max-age=0 is what a reload says; an immutable response that is fresh need not be asked for again (RFC 8246 §2). */
static bool too_old(const struct cache_control *cc, const struct stored *s, int64_t age, int64_t left)
{
        if (cc->max_age < 0 || ((s->flags & STORED_IMMUTABLE) && left > 0))
                return false;
        return cc->max_age == 0 || age > cc->max_age;
}

static bool may_be_stale(const struct cache_control *cc, const struct stored *s, int64_t left)
{
        if (s->flags & STORED_MUST_REVALIDATE)
                return false;
        return cc->max_stale >= 0 ? -left <= cc->max_stale : (cc->set & CC_MAX_STALE_ANY) != 0;
}

static enum reuse judge(const struct message *request, const struct cache_control *cc, const struct stored *s,
                        int64_t now, const char **why)
{
        int64_t age = freshness_age(s, now), left = s->lifetime - age;
        bool stale = left <= 0, allowed = stale && may_be_stale(cc, s, left);
        const struct {
                bool holds;
                const char *why;
        } objections[] = {
                {s->flags & STORED_NO_CACHE, "no-cache"},
                {request_wants_origin(request, cc), "request-no-cache"},
                {too_old(cc, s, age, left), "request-max-age"},
                {cc->min_fresh >= 0 && left < cc->min_fresh, "request-min-fresh"},
                {stale && !allowed, "stale"},
        };
        for (size_t i = 0; i < sizeof objections / sizeof objections[0]; i++)
                if (objections[i].holds) {
                        *why = objections[i].why;
                        return cc->set & CC_ONLY_IF_CACHED ? REUSE_ONLY_CACHED : REUSE_VALIDATE;
                }
        *why = stale ? "max-stale" : NULL;
        return stale ? REUSE_STALE : REUSE_FRESH;
}

enum reuse reuse_verdict(const struct message *request, const struct stored *s, int64_t now, const char **why)
{
        struct cache_control cc;
        if (!message_has(request, FIELD_CACHE_CONTROL) && !message_has(request, FIELD_PRAGMA)) {
                const char *objection = s->flags & STORED_NO_CACHE ? "no-cache" : "stale";
                bool fresh = !(s->flags & STORED_NO_CACHE) && freshness_left(s, now) > 0;
                *why = fresh ? NULL : objection;
                return fresh ? REUSE_FRESH : REUSE_VALIDATE;
        }
        cache_control_parse(request, &cc);
        return judge(request, &cc, s, now, why);
}
