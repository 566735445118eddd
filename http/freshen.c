/* A stored response that was validated: which 304 speaks of it (RFC 9111 §4.3.4, for HEAD §4.3.5), and its fields after
 * the update (§3.2).
 *
 * The lines are put together in the caller's buffer and then read like a message's, so that the same rules decide on
 * the updated response as on a new one. */
#include "http/condition.h"
#include "http/fields.h"
#include "http/freshness.h"
#include "http/storing_private.h"
#include "http/vary.h"

/* ---- does it speak of this one? -------------------------------------------------------------------------------- */

/* §4.3.4. A strong validator of the 304 must be the stored one's; Last-Modified counts as one where it is strong and
 * the entity tags do not speak against it (some servers weaken the tag of what they compress, but not that of its 304).
 * Weak ones must correspond. Without any, the 304 answers the one that was asked for. */
static bool is_about(const struct stored *old, const struct message *response, int64_t now)
{
        struct span etag = storing_etag(response), text;
        int64_t modified = storing_last_modified(response, now, &text);
        bool same_date = modified >= 0 && modified == old->last_modified;
        if (etag.len == 0)
                return modified < 0 || same_date;
        if (old->etag.len > 0 && !etag_equal_weak(etag, old->etag))
                return false;
        if (etag_is_strong(etag))
                return etag_equal_strong(etag, old->etag) || (same_date && last_modified_is_strong(old));
        return old->etag.len > 0 || same_date;
}

bool storing_head_agrees(const struct stored *old, uint64_t length, const struct message *head)
{
        struct span etag = storing_etag(head), text, value;
        int64_t modified = storing_last_modified(head, old->response_time, &text);
        if (old->status != 200) /* a 200 is news, whatever it says */
                return false;
        if (message_has(head, FIELD_ETAG) && (etag.len == 0 || !span_equal(etag, old->etag)))
                return false;
        if (message_has(head, FIELD_LAST_MODIFIED) && (modified < 0 || modified != old->last_modified))
                return false;
        struct elements e = {.field = NULL};
        while (elements_next(head, FIELD_CONTENT_LENGTH, &e, &value))
                if (span_decimal(value) < 0 || (uint64_t)span_decimal(value) != length)
                        return false;
        return true;
}

/* ---- lines ----------------------------------------------------------------------------------------------------- */

static void read_line(struct message *m, struct span line)
{
        const char *colon = memchr(line.at, ':', line.len);
        struct span name = {line.at, colon ? (size_t)(colon - line.at) : 0};
        struct span value = span_trim((struct span){line.at + name.len + 1, line.len - name.len - 1});
        struct field *f = &m->fields[m->field_count++];
        *f = (struct field){.line = (uint16_t)(line.at - m->head),
                            .line_len = (uint16_t)line.len,
                            .value = (uint16_t)(value.at - m->head),
                            .value_len = (uint16_t)value.len,
                            .name_len = (uint16_t)name.len,
                            .id = (uint8_t)field_identify(name)};
        m->present |= 1ULL << f->id;
}

/* Stored lines as the fields of a message. They were a message's once, so only its limits are checked. */
static bool read_lines(struct message *m, struct span lines, uint16_t status)
{
        struct span rest = lines;
        const char *end;
        *m = (struct message){.head = lines.at, .status = status};
        if (lines.len > HEAD_MAX)
                return false;
        m->head_len = (uint16_t)lines.len;
        while (rest.len > 0 && (end = memchr(rest.at, '\r', rest.len))) {
                struct span line = {rest.at, (size_t)(end - rest.at)};
                if (m->field_count == FIELDS_MAX || line.len == 0 || rest.len < line.len + 2)
                        return false;
                read_line(m, line);
                rest = (struct span){end + 2, rest.len - line.len - 2};
        }
        return rest.len == 0;
}

/* ---- the update ------------------------------------------------------------------------------------------------ */

/* §3.2: all that may be stored, but for what the stored bytes depend upon. */
static bool is_update(const struct message *response, const struct field *f, const struct cache_control *cc,
                      enum storing_for whom)
{
        return f->id != FIELD_CONTENT_RANGE && f->id != FIELD_CONTENT_ENCODING &&
               storing_keeps(response, f, cc, false, whom);
}

static bool updates(const struct message *response, struct span name, const struct cache_control *cc,
                    enum storing_for whom)
{
        for (const struct field *f = NULL; (f = field_next_named(response, name, f));)
                if (is_update(response, f, cc, whom))
                        return true;
        return false;
}

/* Old lines that are not replaced, then the new ones. A message without a Date has that of its arrival (RFC 9110
 * §6.6.1). */
static void out_merged(struct out *o, const struct message *was, const struct message *response, int64_t response_time,
                       enum storing_for whom)
{
        struct cache_control cc;
        cache_control_parse(response, &cc);
        for (unsigned i = 0; i < was->field_count; i++)
                if (was->fields[i].id != FIELD_DATE && !updates(response, field_name(was, &was->fields[i]), &cc, whom))
                        storing_line(o, was, &was->fields[i]);
        for (unsigned i = 0; i < response->field_count; i++)
                if (is_update(response, &response->fields[i], &cc, whom))
                        storing_line(o, response, &response->fields[i]);
        if (!updates(response, SPAN("Date"), &cc, whom))
                storing_date(o, response_time);
}

/* Leaves out, where the lines lie in `base`, what the directives that now hold say must not be stored. */
static size_t drop_unstorable(char *base, const struct message *m, const struct cache_control *cc, bool strip,
                              enum storing_for whom)
{
        bool kept[FIELDS_MAX];
        char *end = base;
        for (unsigned i = 0; i < m->field_count; i++)
                kept[i] = storing_keeps(m, &m->fields[i], cc, strip, whom);
        for (unsigned i = 0; i < m->field_count; i++) {
                size_t len = m->fields[i].line_len + 2U;
                if (kept[i])
                        end = (char *)memmove(end, base + m->fields[i].line, len) + len;
        }
        return (size_t)(end - base);
}

/* Whether the response is still selected by the fields it was stored under. */
static bool varies_alike(const struct message *was, const struct message *response)
{
        enum { NAMES_MAX = 1024 };
        char before[NAMES_MAX], after[NAMES_MAX];
        struct out b = {.at = before, .cap = sizeof before}, a = {.at = after, .cap = sizeof after};
        if (!message_has(response, FIELD_VARY))
                return true;
        return vary_names(&b, was) && vary_names(&a, response) &&
               span_equal((struct span){b.at, b.len}, (struct span){a.at, a.len});
}

static bool strips_set_cookie(const struct message *was, const struct message *response, const struct cache_control *cc)
{
        return message_has(response, FIELD_SET_COOKIE) && !message_has(was, FIELD_SET_COOKIE) &&
               !(cc->set & CC_PUBLIC) && cc->s_maxage < 0;
}

/* What the flags of a new response do not say of an updated one. */
static uint16_t flags_kept(const struct stored *old, const struct cache_control *cc, bool strip)
{
        uint16_t flags = old->flags & (STORED_AUTHORIZED | STORED_COOKIE_STRIPPED);
        bool no_store = cc->set & CC_NO_STORE && !(cc->set & CC_MUST_UNDERSTAND);
        if (strip)
                flags |= STORED_COOKIE_STRIPPED;
        if (no_store || cc->set & CC_PRIVATE)
                flags |= STORED_NO_CACHE;
        return flags;
}

/* The merged lines from `begin` on become *updated. */
static bool become(struct stored *updated, struct out *o, size_t begin, const struct stored *old,
                   const struct message *was, const struct message *request, const int64_t times[2],
                   enum storing_for whom)
{
        struct message m;
        struct cache_control cc;
        struct span lines = {o->at + begin, o->len - begin};
        if (o->overflow || !read_lines(&m, lines, old->status))
                return false;
        cache_control_parse(&m, &cc);
        bool strip = strips_set_cookie(was, &m, &cc);
        lines.len = drop_unstorable(o->at + begin, &m, &cc, strip, whom);
        read_lines(&m, lines, old->status);
        storing_describe(updated, request, &m, &cc, times[0], times[1]);
        updated->flags |= flags_kept(old, &cc, strip);
        updated->fields = lines;
        o->len = begin + lines.len;
        return true;
}

bool storing_freshen(struct out *o, const struct stored *old, const struct message *not_modified,
                     const struct message *request, int64_t request_time, int64_t response_time, enum storing_for whom,
                     struct stored *updated)
{
        struct message was;
        struct span reason = {o->at + o->len, old->reason.len};
        if (not_modified->status == 304 && !is_about(old, not_modified, response_time))
                return false;
        if (!read_lines(&was, old->fields, old->status) || !varies_alike(&was, not_modified))
                return false;
        out_span(o, old->reason);
        size_t begin = o->len;
        out_merged(o, &was, not_modified, response_time, whom);
        if (!become(updated, o, begin, old, &was, request, (const int64_t[2]){request_time, response_time}, whom))
                return false;
        updated->age = freshness_age_value(not_modified);
        updated->reason = reason;
        return true;
}
