/* The conditions of RFC 9111 §3, each a rule with the phrase that says it is not met; and what is then stored. */
#include "http/storing.h"

#include "http/condition.h"
#include "http/date.h"
#include "http/fields.h"
#include "http/freshness.h"
#include "http/storing_private.h"

#define BIT(id) (1ULL << FIELD_##id)

struct storing {
        const struct message *request, *response;
        struct cache_control asked, said; /* the request's, the response's */
        const struct storing_rules *rules;
        const struct stored *stored; /* as it would be */
};

/* ---- what the rules ask ---------------------------------------------------------------------------------------- */

static bool is_explicit(const struct storing *s)
{
        return freshness_is_explicit(s->response, &s->said);
}

/* What is stored answers GET and HEAD; a POST's reply may be what GET would have got (RFC 9110 §9.3.3). */
static bool method_is_not_stored(const struct storing *s)
{
        if (s->request->method == METHOD_POST)
                return !s->rules->represents || !is_explicit(s);
        return s->request->method != METHOD_GET;
}

static bool status_is_interim(const struct storing *s)
{
        return s->response->status < 200;
}

/* A head that was mended to be delivered (cases.md R1). */
static bool head_is_odd(const struct storing *s)
{
        return s->response->odd;
}

/* §3.3, §3.4: a part is stored as part of a whole alone. */
static bool is_partial(const struct storing *s)
{
        return s->response->status == 206;
}

static bool is_not_modified(const struct storing *s)
{
        return s->response->status == 304;
}

/* Final statuses of RFC 9110 §15 that ask nothing of a cache that is not done here. */
static bool is_understood(uint16_t status)
{
        static const uint16_t understood[] = {200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405,
                                              406, 409, 410, 413, 414, 415, 421, 422, 500, 501, 502, 503, 504};
        for (size_t i = 0; i < sizeof understood / sizeof understood[0]; i++)
                if (understood[i] == status)
                        return true;
        return false;
}

/* Answers to this very request, its size, its time or its client, which say nothing to anybody else who asks for the
 * same: some of them must never be stored (RFC 6585 §3-§6), and none is what a plain request would get. */
static bool is_about_request(const struct storing *s)
{
        static const uint16_t statuses[] = {407, 408, 412, 416, 417, 425, 428, 429, 431, 511};
        for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
                if (statuses[i] == s->response->status)
                        return true;
        return false;
}

/* An error may be due to what the request demands beyond its key: another's plain request need not meet it. */
static bool may_be_about_demands(const struct storing *s)
{
        static const uint64_t demands = BIT(EXPECT) | BIT(IF_MATCH) | BIT(IF_UNMODIFIED_SINCE) | BIT(IF_NONE_MATCH) |
                                        BIT(IF_MODIFIED_SINCE) | BIT(IF_RANGE) | BIT(RANGE);
        return s->response->status >= 400 && s->request->present & demands;
}

/* §5.2.2.3 */
static bool must_be_understood(const struct storing *s)
{
        return s->said.set & CC_MUST_UNDERSTAND && !is_understood(s->response->status);
}

/* §5.2.1.5 */
static bool request_says_no_store(const struct storing *s)
{
        return s->asked.set & CC_NO_STORE;
}

/* §5.2.2.5; must-understand stands above it where it was understood. */
static bool response_says_no_store(const struct storing *s)
{
        return s->said.set & CC_NO_STORE && !(s->said.set & CC_MUST_UNDERSTAND);
}

/* §5.2.2.7 */
static bool response_is_private(const struct storing *s)
{
        return s->said.set & CC_PRIVATE;
}

/* §4.1: what it matches cannot be known. Names that are none, or too many, vary_names finds. */
static bool matches_nothing(const struct storing *s)
{
        return field_lists(s->response, FIELD_VARY, SPAN("*"));
}

/* §3.5 */
static bool is_authorized_for_one(const struct storing *s)
{
        bool allowed = s->said.set & (CC_PUBLIC | CC_MUST_REVALIDATE) || s->said.s_maxage >= 0;
        return message_has(s->request, FIELD_AUTHORIZATION) && !allowed;
}

/* The last of §3's conditions. */
static bool nothing_makes_it_cacheable(const struct storing *s)
{
        return !is_explicit(s) && !(s->said.set & CC_PUBLIC) && !freshness_status_allows_heuristic(s->response->status);
}

/* Safety before the letter: most such responses are one client's own, and their servers never thought of a cache. */
static bool sets_cookie_unasked(const struct storing *s)
{
        return message_has(s->response, FIELD_SET_COOKIE) && !s->rules->keep_set_cookie && !is_explicit(s);
}

static bool could_never_be_reused(const struct storing *s)
{
        const struct stored *as = s->stored;
        bool usable = as->lifetime > 0 || as->stale_while_revalidate > 0 || as->stale_if_error > 0;
        return !condition_may_ask(as) && (!usable || as->flags & STORED_NO_CACHE);
}

bool storing_may_update(const struct message *request, const struct message *response)
{
        struct storing s = {.request = request, .response = response};
        cache_control_parse(request, &s.asked);
        cache_control_parse(response, &s.said);
        return !request_says_no_store(&s) && !response_says_no_store(&s) && !response_is_private(&s) &&
               !is_authorized_for_one(&s);
}

bool storing_withdraws(const struct message *not_modified)
{
        struct storing s = {.response = not_modified};
        cache_control_parse(not_modified, &s.said);
        return response_says_no_store(&s) || response_is_private(&s);
}

void storing_as_whole(struct message *response, bool whole)
{
        response->status = whole ? 200 : 206;
        for (unsigned i = 0; i < response->field_count; i++)
                if (response->fields[i].id == FIELD_CONTENT_RANGE)
                        response->fields[i].hop = whole;
}

/* ---- the rules ------------------------------------------------------------------------------------------------- */

static const struct {
        bool (*forbids)(const struct storing *);
        const char *why;
} forbidding[] = {
        {method_is_not_stored, "method"},
        {status_is_interim, "interim"},
        {head_is_odd, "odd framing or fields"},
        {is_partial, "partial"},
        {is_not_modified, "not-modified"},
        {is_about_request, "status of this request alone"},
        {may_be_about_demands, "error to a range or condition"},
        {must_be_understood, "must-understand"},
        {request_says_no_store, "request-no-store"},
        {response_says_no_store, "no-store"},
        {response_is_private, "private"},
        {matches_nothing, "vary-star"},
        {is_authorized_for_one, "authorization"},
        {nothing_makes_it_cacheable, "status"},
        {sets_cookie_unasked, "set-cookie"},
        {could_never_be_reused, "no freshness, no validator"},
};

/* Whether Set-Cookie is left out: it is not what the origin gave to all. */
static bool strips_set_cookie(const struct storing *s)
{
        return message_has(s->response, FIELD_SET_COOKIE) && !s->rules->keep_set_cookie && !(s->said.set & CC_PUBLIC) &&
               s->said.s_maxage < 0;
}

const char *storing_verdict(const struct message *request, const struct message *response,
                            const struct storing_rules *rules, int64_t request_time, int64_t response_time,
                            struct stored *stored)
{
        struct storing s = {.request = request, .response = response, .rules = rules, .stored = stored};
        cache_control_parse(request, &s.asked);
        cache_control_parse(response, &s.said);
        storing_describe(stored, request, response, &s.said, request_time, response_time);
        if (message_has(request, FIELD_AUTHORIZATION))
                stored->flags |= STORED_AUTHORIZED;
        if (strips_set_cookie(&s))
                stored->flags |= STORED_COOKIE_STRIPPED;
        for (size_t i = 0; i < sizeof forbidding / sizeof forbidding[0]; i++)
                if (forbidding[i].forbids(&s))
                        return forbidding[i].why;
        return NULL;
}

/* ---- what is stored -------------------------------------------------------------------------------------------- */

struct span storing_etag(const struct message *response)
{
        struct span etag;
        if (field_only(response, FIELD_ETAG, &etag) == 1 && etag_is_valid(etag))
                return etag;
        return (struct span){NULL, 0};
}

int64_t storing_last_modified(const struct message *response, int64_t now, struct span *text)
{
        int64_t date = field_only(response, FIELD_LAST_MODIFIED, text) == 1 ? date_parse(*text, now) : -1;
        if (date < 0)
                *text = (struct span){NULL, 0};
        return date;
}

static uint16_t describe_flags(const struct cache_control *cc, bool heuristic)
{
        uint16_t flags = 0;
        if (cc->set & CC_NO_CACHE)
                flags |= STORED_NO_CACHE;
        if (cc->set & (CC_MUST_REVALIDATE | CC_PROXY_REVALIDATE) || cc->s_maxage >= 0)
                flags |= STORED_MUST_REVALIDATE;
        if (cc->set & CC_IMMUTABLE)
                flags |= STORED_IMMUTABLE;
        if (heuristic)
                flags |= STORED_HEURISTIC;
        return flags;
}

void storing_describe(struct stored *s, const struct message *request, const struct message *response,
                      const struct cache_control *cc, int64_t request_time, int64_t response_time)
{
        bool heuristic, allow_heuristic = !message_has(request, FIELD_COOKIE); /* design.md §5.5 */
        *s = (struct stored){.status = response->status,
                             .request_time = request_time,
                             .response_time = response_time,
                             .date = freshness_date(response, response_time),
                             .age = freshness_age_value(response),
                             .stale_while_revalidate = cc->stale_while_revalidate,
                             .stale_if_error = cc->stale_if_error,
                             .etag = storing_etag(response),
                             .reason = message_target(response)};
        s->last_modified = storing_last_modified(response, response_time, &s->last_modified_text);
        s->lifetime = freshness_lifetime(response, cc, response_time, allow_heuristic, &heuristic);
        s->flags = describe_flags(cc, heuristic);
}

bool storing_keeps(const struct message *response, const struct field *f, const struct cache_control *cc,
                   bool strip_set_cookie, enum storing_for whom)
{
        static const uint64_t never = BIT(AGE) | BIT(CONTENT_LENGTH) | BIT(TRANSFER_ENCODING);
        static const uint64_t never_stored =
                BIT(PROXY_AUTHENTICATE) | BIT(PROXY_AUTHENTICATION_INFO) | BIT(PROXY_AUTHORIZATION);
        if (f->hop || never >> f->id & 1 || f->name_len == 0)
                return false;
        if (whom == FOR_CLIENT)
                return true;
        if (never_stored >> f->id & 1)
                return false;
        if (f->id == FIELD_SET_COOKIE && strip_set_cookie)
                return false;
        return !(cc->set & (CC_NO_CACHE_FIELDS | CC_PRIVATE_FIELDS)) ||
               !cache_control_names(response, field_name(response, f));
}

void storing_line(struct out *o, const struct message *m, const struct field *f)
{
        out_span(o, (struct span){m->head + f->line, f->line_len});
        out_text(o, "\r\n");
}

void storing_date(struct out *o, int64_t date)
{
        char text[DATE_LEN + 1];
        date_format(date, text);
        out_text(o, "Date: ");
        out_span(o, (struct span){text, DATE_LEN});
        out_text(o, "\r\n");
}

void storing_fields(struct out *o, const struct message *response, const struct stored *stored, enum storing_for whom)
{
        struct cache_control cc;
        bool dated = false;
        cache_control_parse(response, &cc);
        for (unsigned i = 0; i < response->field_count; i++) {
                const struct field *f = &response->fields[i];
                if (!storing_keeps(response, f, &cc, stored->flags & STORED_COOKIE_STRIPPED, whom))
                        continue;
                storing_line(o, response, f);
                dated |= f->id == FIELD_DATE;
        }
        if (!dated)
                storing_date(o, stored->date);
}
