/* Preconditions: a request that is only meant if the stored response is, or is not, the one that the client knows
 * (RFC 9110 §13). */
#include "http/condition.h"

#include "http/date.h"
#include "http/fields.h"

static struct span opaque(struct span etag)
{
        if (etag.len >= 2 && etag.at[0] == 'W' && etag.at[1] == '/')
                return (struct span){etag.at + 2, etag.len - 2};
        return etag;
}

/* RFC 9110 §8.8.3, but for the octets between the quotes, which nobody checks. */
static bool is_quoted(struct span s)
{
        return s.len >= 2 && s.at[0] == '"' && s.at[s.len - 1] == '"' && !memchr(s.at + 1, '"', s.len - 2);
}

bool etag_is_strong(struct span etag)
{
        return is_quoted(etag);
}

bool etag_equal_weak(struct span a, struct span b)
{
        return is_quoted(opaque(a)) && span_equal(opaque(a), opaque(b));
}

bool etag_equal_strong(struct span a, struct span b)
{
        return etag_is_strong(a) && span_equal(a, b);
}

static bool matches(const struct message *m, enum field_id id, struct span etag,
                    bool (*equal)(struct span, struct span))
{
        struct elements e = {.field = NULL};
        struct span element;
        while (elements_next(m, id, &e, &element))
                if (span_equal(element, SPAN("*")) || equal(element, etag))
                        return true;
        return false;
}

/* -1 where there is no such date: then the field is as if absent (§13.1.3, §13.1.4). */
static int64_t date_of(const struct message *m, enum field_id id, int64_t now)
{
        struct span value;
        return field_only(m, id, &value) == 1 ? date_parse(value, now) : -1;
}

/* Steps 1 and 2 of §13.2.2. */
static bool fails(const struct message *m, const struct stored *s, int64_t now)
{
        if (message_has(m, FIELD_IF_MATCH))
                return !matches(m, FIELD_IF_MATCH, s->etag, etag_equal_strong);
        int64_t since = date_of(m, FIELD_IF_UNMODIFIED_SINCE, now);
        return since >= 0 && s->last_modified > since;
}

/* Steps 3 and 4. What has no Last-Modified is as old as its Date says (RFC 9111 §4.3.2). */
static bool is_known(const struct message *m, const struct stored *s, int64_t now)
{
        if (message_has(m, FIELD_IF_NONE_MATCH))
                return matches(m, FIELD_IF_NONE_MATCH, s->etag, etag_equal_weak);
        int64_t since = date_of(m, FIELD_IF_MODIFIED_SINCE, now);
        int64_t modified = s->last_modified >= 0 ? s->last_modified : s->date;
        return since >= 0 && modified <= since;
}

enum condition condition_evaluate(const struct message *request, const struct stored *s, int64_t now)
{
        static const uint64_t fields = 1ULL << FIELD_IF_MATCH | 1ULL << FIELD_IF_NONE_MATCH |
                                       1ULL << FIELD_IF_MODIFIED_SINCE | 1ULL << FIELD_IF_UNMODIFIED_SINCE;
        if (!(request->present & fields) || s->status < 200 || s->status > 299) /* §13.2.1 */
                return CONDITION_PASS;
        if (request->method != METHOD_GET && request->method != METHOD_HEAD)
                return CONDITION_PASS;
        if (fails(request, s, now))
                return CONDITION_FAILED;
        return is_known(request, s, now) ? CONDITION_NOT_MODIFIED : CONDITION_PASS;
}
