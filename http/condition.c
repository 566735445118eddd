/* Preconditions: is what the client has what is stored here? (RFC 9110 §8.8, §13) */
#include "http/condition.h"

#include "http/date.h"
#include "http/fields.h"
#include "http/octet.h"

#define BIT(id) (1ULL << FIELD_##id)

static const uint64_t for_origin = BIT(IF_MATCH) | BIT(IF_UNMODIFIED_SINCE);
static const uint64_t for_cache = BIT(IF_NONE_MATCH) | BIT(IF_MODIFIED_SINCE);

enum { CLOCKS_DIFFER = 60 };

/* ---- entity tags ----------------------------------------------------------------------------------------------- */

static bool is_weak(struct span tag)
{
        return tag.len >= 2 && tag.at[0] == 'W' && tag.at[1] == '/';
}

static struct span opaque(struct span tag)
{
        return is_weak(tag) ? (struct span){tag.at + 2, tag.len - 2} : tag;
}

static bool is_quoted(struct span s)
{
        return s.len >= 2 && s.at[0] == '"' && s.at[s.len - 1] == '"';
}

bool etag_is_valid(struct span tag)
{
        struct span s = opaque(tag);
        bool quoted = is_quoted(s);
        if (quoted)
                s = (struct span){s.at + 1, s.len - 2};
        for (size_t i = 0; i < s.len; i++) {
                char c = s.at[i];
                if (c == '"' || octet_is(c, OCTET_CONTROL | OCTET_BLANK) || (c == ',' && !quoted))
                        return false;
        }
        return quoted || s.len > 0;
}

bool etag_is_strong(struct span tag)
{
        return is_quoted(tag) && etag_is_valid(tag);
}

bool etag_equal_weak(struct span a, struct span b)
{
        return etag_is_valid(a) && etag_is_valid(b) && span_equal(opaque(a), opaque(b));
}

bool etag_equal_strong(struct span a, struct span b)
{
        return etag_is_strong(a) && etag_is_strong(b) && span_equal(a, b);
}

/* The next of a list of tags. Within the quotes of a tag a backslash is an octet like any other, which makes it no
 * list for list_next. */
static bool tag_next(struct span *rest, struct span *tag)
{
        while (rest->len > 0 && (octet_is(rest->at[0], OCTET_BLANK) || rest->at[0] == ','))
                *rest = (struct span){rest->at + 1, rest->len - 1};
        size_t len = 0;
        for (bool quoted = false; len < rest->len && (quoted || rest->at[len] != ','); len++)
                quoted ^= rest->at[len] == '"';
        *tag = span_trim((struct span){rest->at, len});
        *rest = (struct span){rest->at + len, rest->len - len};
        return len > 0;
}

/* Whether the fields of this id are "*" or list a tag equal to `tag`. */
static bool lists_tag(const struct message *m, enum field_id id, struct span tag,
                      bool (*equal)(struct span, struct span))
{
        for (const struct field *f = NULL; (f = field_next(m, id, f));) {
                struct span rest = field_value(m, f), listed;
                while (tag_next(&rest, &listed))
                        if (span_equal(listed, SPAN("*")) || equal(listed, tag))
                                return true;
        }
        return false;
}

/* ---- dates ----------------------------------------------------------------------------------------------------- */

bool last_modified_is_strong(const struct stored *s)
{
        return s->last_modified >= 0 && s->date >= CLOCKS_DIFFER && s->date - CLOCKS_DIFFER >= s->last_modified;
}

struct span strong_validator(const struct stored *s)
{
        if (etag_is_strong(s->etag))
                return s->etag;
        if (!s->etag.len && last_modified_is_strong(s))
                return s->last_modified_text;
        return (struct span){NULL, 0};
}

bool stored_is_fragment(const struct stored *s)
{
        return s->flags & STORED_SPARSE && strong_validator(s).len == 0;
}

/* The date of the only field of this id; -1 where there is none that can be read, or several (RFC 9110 §13.1.3, .4). */
static int64_t only_date(const struct message *m, enum field_id id, int64_t now)
{
        struct span value;
        return field_only(m, id, &value) == 1 ? date_parse(value, now) : -1;
}

/* ---- the order of RFC 9110 §13.2.2 ----------------------------------------------------------------------------- */

static bool is_success(const struct stored *s)
{
        return s->status / 100 == 2;
}

/* They speak of a success that a GET or HEAD would get (RFC 9110 §13.2.1, RFC 9111 §4.3.2). */
static bool applies(const struct message *request, const struct stored *s)
{
        return is_success(s) && (request->method == METHOD_GET || request->method == METHOD_HEAD);
}

bool condition_may_ask(const struct stored *s)
{
        return is_success(s) && (s->etag.len > 0 || s->last_modified >= 0);
}

bool condition_is_made(const struct message *request)
{
        return request->present & (for_origin | for_cache);
}

bool condition_is_for_origin(const struct message *request, const struct stored *s, int64_t now)
{
        if (!(request->present & for_origin) || !applies(request, s))
                return false;
        if (message_has(request, FIELD_IF_MATCH))
                return !lists_tag(request, FIELD_IF_MATCH, s->etag, etag_equal_strong);
        int64_t since = only_date(request, FIELD_IF_UNMODIFIED_SINCE, now);
        return since >= 0 && s->last_modified > since;
}

static bool is_modified_since(const struct stored *s, int64_t since)
{
        int64_t modified = s->last_modified >= 0 ? s->last_modified : s->date; /* RFC 9111 §4.3.2 */
        return modified > since;
}

enum condition condition_evaluate(const struct message *request, const struct stored *s, int64_t now)
{
        if (!condition_is_made(request) || !applies(request, s))
                return CONDITION_PASS;
        if (condition_is_for_origin(request, s, now))
                return CONDITION_FAILED;
        if (message_has(request, FIELD_IF_NONE_MATCH))
                return lists_tag(request, FIELD_IF_NONE_MATCH, s->etag, etag_equal_weak) ? CONDITION_NOT_MODIFIED
                                                                                         : CONDITION_PASS;
        int64_t since = only_date(request, FIELD_IF_MODIFIED_SINCE, now);
        return since < 0 || is_modified_since(s, since) ? CONDITION_PASS : CONDITION_NOT_MODIFIED;
}
