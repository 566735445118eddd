/* What may be stored: a row of objections (RFC 9111 §3). A response against which none holds is stored. */
#include "http/storing.h"

#include "http/condition.h"
#include "http/date.h"
#include "http/fields.h"
#include "http/freshness.h"
#include "http/parse.h"

struct facts {
        const struct message *request, *response;
        struct cache_control asked, said; /* by the request, by the response */
        const struct stored *stored;
};

#define BIT(id) (1ULL << FIELD_##id)

/* Of one hop or one transfer, or counted anew by each cache (§3.1, §5.1). */
static const uint64_t never_stored = BIT(AGE) | BIT(CONNECTION) | BIT(CONTENT_LENGTH) | BIT(KEEP_ALIVE) |
                                     BIT(PROXY_AUTHENTICATE) | BIT(PROXY_AUTHENTICATION_INFO) |
                                     BIT(PROXY_AUTHORIZATION) | BIT(PROXY_CONNECTION) | BIT(TE) | BIT(TRAILER) |
                                     BIT(TRANSFER_ENCODING) | BIT(UPGRADE);

/* What the stored body and the choice of variant depend upon: a 304 does not change it (§3.2). */
static const uint64_t never_updated = BIT(CONTENT_ENCODING) | BIT(CONTENT_RANGE) | BIT(VARY);

/* ---- objections ------------------------------------------------------------------------------------------------ */

static bool other_method(const struct facts *f)
{
        return f->request->method != METHOD_GET;
}

static bool interim(const struct facts *f)
{
        return f->response->status < 200;
}

static bool partial(const struct facts *f)
{
        return f->response->status == 206;
}

static bool not_modified(const struct facts *f)
{
        return f->response->status == 304;
}

static bool odd(const struct facts *f)
{
        return f->response->odd;
}

static bool request_no_store(const struct facts *f)
{
        return f->asked.set & CC_NO_STORE;
}

static bool is_understood(unsigned status)
{
        static const uint16_t statuses[] = {200, 203, 204, 300, 301, 302, 303, 307, 308, 400,
                                            403, 404, 405, 410, 414, 500, 501, 502, 503, 504};
        for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
                if (status == statuses[i])
                        return true;
        return false;
}

/* must-understand stands above the no-store that comes with it for caches that do not know it (§5.2.2.3). */
static bool not_understood(const struct facts *f)
{
        return (f->said.set & CC_MUST_UNDERSTAND) && !is_understood(f->response->status);
}

static bool no_store(const struct facts *f)
{
        return (f->said.set & CC_NO_STORE) && !(f->said.set & CC_MUST_UNDERSTAND);
}

static bool is_private(const struct facts *f)
{
        return f->said.set & CC_PRIVATE;
}

static bool vary_star(const struct facts *f)
{
        return field_lists(f->response, FIELD_VARY, SPAN("*"));
}

static bool authorized(const struct facts *f) /* §3.5 */
{
        return message_has(f->request, FIELD_AUTHORIZATION) && f->said.s_maxage < 0 &&
               !(f->said.set & (CC_PUBLIC | CC_MUST_REVALIDATE));
}

static bool is_explicit(const struct facts *f)
{
        return f->said.s_maxage >= 0 || f->said.max_age >= 0 || message_has(f->response, FIELD_EXPIRES);
}

/* A cookie beside a response whose origin says nothing of its freshness is mostly one client's page. */
static bool cookie_set(const struct facts *f)
{
        return message_has(f->response, FIELD_SET_COOKIE) && !is_explicit(f);
}

/* The last condition of §3: something must allow storing, the status where nothing else does. */
static bool not_cacheable(const struct facts *f)
{
        static const uint16_t by_default[] = {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501};
        if (is_explicit(f) || (f->said.set & CC_PUBLIC))
                return false;
        for (size_t i = 0; i < sizeof by_default / sizeof by_default[0]; i++)
                if (f->response->status == by_default[i])
                        return false;
        return true;
}

static bool useless(const struct facts *f)
{
        bool fresh_once = f->stored->lifetime > 0 && !(f->stored->flags & STORED_NO_CACHE);
        return !fresh_once && f->stored->etag.len == 0 && f->stored->last_modified < 0;
}

static const struct {
        bool (*holds)(const struct facts *);
        const char *why;
} objections[] = {
        {other_method, "method"},
        {interim, "interim"},
        {partial, "partial"},
        {not_modified, "not-modified"},
        {odd, "odd framing or fields"},
        {request_no_store, "request-no-store"},
        {not_understood, "must-understand"},
        {no_store, "no-store"},
        {is_private, "private"},
        {vary_star, "vary-star"},
        {authorized, "authorization"},
        {cookie_set, "set-cookie"},
        {not_cacheable, "status"},
        {useless, "no freshness, no validator"},
};

/* ---- what is known of a stored response ------------------------------------------------------------------------ */

static const struct {
        uint32_t said; /* any of these directives */
        uint16_t flag;
} flag_rules[] = {
        {CC_NO_CACHE, STORED_NO_CACHE},
        {CC_MUST_REVALIDATE | CC_PROXY_REVALIDATE, STORED_MUST_REVALIDATE},
        {CC_IMMUTABLE, STORED_IMMUTABLE},
};

static uint16_t flags_of(const struct message *request, const struct cache_control *cc)
{
        unsigned flags = cc->s_maxage >= 0 ? STORED_MUST_REVALIDATE : 0; /* §5.2.2.10 */
        for (size_t i = 0; i < sizeof flag_rules / sizeof flag_rules[0]; i++)
                if (cc->set & flag_rules[i].said)
                        flags |= flag_rules[i].flag;
        if (message_has(request, FIELD_AUTHORIZATION))
                flags |= STORED_AUTHORIZED;
        return (uint16_t)flags;
}

/* An entity tag is opaque, but it must be one (RFC 9110 §8.8.3): we compare and send it. */
static struct span etag_of(const struct message *m)
{
        struct span value, none = {NULL, 0};
        if (field_only(m, FIELD_ETAG, &value) != 1)
                return none;
        return etag_equal_weak(value, value) ? value : none;
}

/* Of several ages the first counts; what is no number is left aside (§5.1). */
static int64_t age_of(const struct message *m)
{
        struct elements e = {.field = NULL};
        struct span value;
        int64_t age = elements_next(m, FIELD_AGE, &e, &value) ? span_decimal(value) : 0;
        return age > 0 ? age : 0;
}

/* All but `fields`, the cookie flag and the status, from a head that has them all. */
static void describe(struct stored *s, const struct message *request, const struct message *head,
                     const struct cache_control *cc)
{
        struct span value;
        bool heuristic;
        bool dated = field_only(head, FIELD_DATE, &value) > 0;
        int64_t date = dated ? date_parse(value, s->response_time) : -1;
        s->date = date >= 0 ? date : s->response_time;
        s->lifetime = freshness_lifetime(head, cc, s->response_time, !message_has(request, FIELD_COOKIE), &heuristic);
        s->flags = (uint16_t)(flags_of(request, cc) | (heuristic ? STORED_HEURISTIC : 0));
        s->last_modified = -1;
        s->last_modified_text = (struct span){NULL, 0};
        if (field_only(head, FIELD_LAST_MODIFIED, &value) == 1)
                s->last_modified = date_parse(value, s->response_time);
        if (s->last_modified >= 0)
                s->last_modified_text = value;
        s->stale_while_revalidate = cc->stale_while_revalidate;
        s->stale_if_error = cc->stale_if_error;
        s->etag = etag_of(head);
}

/* Whether the origin meant the cookie for all: it says in so many words that a shared cache may hand it out. */
static bool cookie_for_all(const struct cache_control *cc)
{
        return (cc->set & CC_PUBLIC) || cc->s_maxage >= 0;
}

const char *storing_verdict(const struct message *request, const struct message *response,
                            const struct storing_rules *rules, int64_t request_time, int64_t response_time,
                            struct stored *stored)
{
        struct facts f = {.request = request, .response = response, .stored = stored};
        cache_control_parse(request, &f.asked);
        cache_control_parse(response, &f.said);
        *stored = (struct stored){.status = response->status,
                                  .request_time = request_time,
                                  .response_time = response_time,
                                  .age = age_of(response),
                                  .reason = message_target(response)};
        describe(stored, request, response, &f.said);
        if (message_has(response, FIELD_SET_COOKIE) && !rules->keep_set_cookie && !cookie_for_all(&f.said))
                stored->flags |= STORED_COOKIE_STRIPPED;
        for (size_t i = 0; i < sizeof objections / sizeof objections[0]; i++)
                if (objections[i].holds(&f))
                        return objections[i].why;
        return NULL;
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */

static bool is_stored(const struct message *m, const struct field *f, bool strip_cookie)
{
        return !f->hop && !(never_stored >> f->id & 1) && !(strip_cookie && f->id == FIELD_SET_COOKIE) &&
               !cache_control_names(m, field_name(m, f));
}

static void out_line(struct out *o, struct span line)
{
        out_span(o, line);
        out_text(o, "\r\n");
}

/* A cache that has a clock dates what came without a Date (RFC 9110 §6.6.1). */
static void out_date(struct out *o, int64_t date)
{
        char text[DATE_LEN + 1];
        date_format(date, text);
        out_text(o, "Date: ");
        out_line(o, (struct span){text, DATE_LEN});
}

void storing_fields(struct out *o, const struct message *response, const struct stored *stored)
{
        for (unsigned i = 0; i < response->field_count; i++) {
                const struct field *f = &response->fields[i];
                if (is_stored(response, f, stored->flags & STORED_COOKIE_STRIPPED))
                        out_line(o, (struct span){response->head + f->line, f->line_len});
        }
        if (!message_has(response, FIELD_DATE))
                out_date(o, stored->date);
}

/* ---- freshening by a 304 --------------------------------------------------------------------------------------- */

static bool updates(const struct message *m, const struct field *f, bool strip_cookie)
{
        return is_stored(m, f, strip_cookie) && !(never_updated >> f->id & 1);
}

/* Whether the 304 brings a new value for the stored field of this name. */
static bool is_replaced(const struct message *m, struct span name, bool strip_cookie)
{
        for (const struct field *f = NULL; (f = field_next_named(m, name, f));)
                if (updates(m, f, strip_cookie))
                        return true;
        return span_equal_fold(name, SPAN("date")); /* this one is always new */
}

static void out_old_fields(struct out *o, struct span rest, const struct message *m, bool strip_cookie)
{
        const char *feed;
        while (rest.len > 0 && (feed = memchr(rest.at, '\n', rest.len))) {
                struct span line = {rest.at, (size_t)(feed + 1 - rest.at)};
                const char *colon = memchr(line.at, ':', line.len);
                struct span name = {line.at, colon ? (size_t)(colon - line.at) : 0};
                if (!is_replaced(m, name, strip_cookie))
                        out_span(o, line);
                rest = (struct span){feed + 1, rest.len - line.len};
        }
}

static void out_new_fields(struct out *o, const struct message *m, int64_t response_time, bool strip_cookie)
{
        for (unsigned i = 0; i < m->field_count; i++)
                if (updates(m, &m->fields[i], strip_cookie))
                        out_line(o, (struct span){m->head + m->fields[i].line, m->fields[i].line_len});
        if (!message_has(m, FIELD_DATE))
                out_date(o, response_time);
}

/* The head is written whole and read again, so that the rules see the very fields that will be sent. */
bool storing_freshen(struct out *o, const struct stored *old, const struct message *not_modified_head,
                     const struct message *request, int64_t request_time, int64_t response_time, struct stored *updated)
{
        struct cache_control cc;
        struct message head;
        size_t start = o->len;
        cache_control_parse(not_modified_head, &cc);
        bool strip = !cookie_for_all(&cc);
        out_text(o, "HTTP/1.1 200 OK\r\n");
        size_t fields = o->len;
        out_old_fields(o, old->fields, not_modified_head, strip);
        out_new_fields(o, not_modified_head, response_time, strip);
        size_t end = o->len;
        size_t reason = end + 2;
        out_text(o, "\r\n");
        out_span(o, old->reason);
        if (o->overflow || parse_response(&head, (struct span){o->at + start, reason - start}, METHOD_GET).kind)
                return false;
        head.status = old->status;
        cache_control_parse(&head, &cc);
        *updated = (struct stored){.status = old->status, .request_time = request_time, .response_time = response_time};
        updated->age = age_of(not_modified_head);
        describe(updated, request, &head, &cc);
        updated->flags |= old->flags & (STORED_COOKIE_STRIPPED | STORED_AUTHORIZED);
        if (cc.set & (CC_NO_STORE | CC_PRIVATE)) /* good for the request that asked, and for no other */
                updated->flags |= STORED_NO_CACHE;
        updated->reason = (struct span){o->at + reason, old->reason.len};
        updated->fields = (struct span){o->at + fields, end - fields};
        return true;
}
