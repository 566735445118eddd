/* Field names and list-valued fields.
 *
 * A name is identified by its length and letters: the names of one length lie together in `names` (sorted by length),
 * so that a field of a typical request is compared with two or three candidates, and mostly by their first letter
 * alone. */
#include "http/fields.h"

#include "http/octet.h"

struct known {
        uint8_t id;
        struct span name; /* lower case */
};

#define KNOWN(id, text)                                                                                                \
        {                                                                                                              \
                FIELD_##id,                                                                                            \
                {                                                                                                      \
                        text, sizeof(text) - 1                                                                         \
                }                                                                                                      \
        }

static const struct known names[] = {
        KNOWN(TE, "te"),
        KNOWN(AGE, "age"),
        KNOWN(VIA, "via"),
        KNOWN(DATE, "date"),
        KNOWN(ETAG, "etag"),
        KNOWN(HOST, "host"),
        KNOWN(VARY, "vary"),
        KNOWN(RANGE, "range"),
        KNOWN(ACCEPT, "accept"),
        KNOWN(COOKIE, "cookie"),
        KNOWN(EXPECT, "expect"),
        KNOWN(PRAGMA, "pragma"),
        KNOWN(EXPIRES, "expires"),
        KNOWN(REFERER, "referer"),
        KNOWN(TRAILER, "trailer"),
        KNOWN(UPGRADE, "upgrade"),
        KNOWN(IF_MATCH, "if-match"),
        KNOWN(IF_RANGE, "if-range"),
        KNOWN(LOCATION, "location"),
        KNOWN(FORWARDED, "forwarded"),
        KNOWN(CONNECTION, "connection"),
        KNOWN(KEEP_ALIVE, "keep-alive"),
        KNOWN(SET_COOKIE, "set-cookie"),
        KNOWN(USER_AGENT, "user-agent"),
        KNOWN(CACHE_STATUS, "cache-status"),
        KNOWN(CONTENT_TYPE, "content-type"),
        KNOWN(MAX_FORWARDS, "max-forwards"),
        KNOWN(ACCEPT_RANGES, "accept-ranges"),
        KNOWN(AUTHORIZATION, "authorization"),
        KNOWN(CACHE_CONTROL, "cache-control"),
        KNOWN(CONTENT_RANGE, "content-range"),
        KNOWN(IF_NONE_MATCH, "if-none-match"),
        KNOWN(LAST_MODIFIED, "last-modified"),
        KNOWN(X_REWRITE_URL, "x-rewrite-url"),
        KNOWN(CONTENT_LENGTH, "content-length"),
        KNOWN(X_ORIGINAL_URL, "x-original-url"),
        KNOWN(ACCEPT_ENCODING, "accept-encoding"),
        KNOWN(ACCEPT_LANGUAGE, "accept-language"),
        KNOWN(CONTENT_ENCODING, "content-encoding"),
        KNOWN(CONTENT_LOCATION, "content-location"),
        KNOWN(PROXY_CONNECTION, "proxy-connection"),
        KNOWN(WWW_AUTHENTICATE, "www-authenticate"),
        KNOWN(IF_MODIFIED_SINCE, "if-modified-since"),
        KNOWN(TRANSFER_ENCODING, "transfer-encoding"),
        KNOWN(PROXY_AUTHENTICATE, "proxy-authenticate"),
        KNOWN(IF_UNMODIFIED_SINCE, "if-unmodified-since"),
        KNOWN(PROXY_AUTHORIZATION, "proxy-authorization"),
        KNOWN(X_HTTP_METHOD_OVERRIDE, "x-http-method-override"),
        KNOWN(PROXY_AUTHENTICATION_INFO, "proxy-authentication-info"),
};

enum { NAMES = sizeof names / sizeof names[0], LONGEST = 25 };
_Static_assert(NAMES == FIELD_IDS - 2, "every id but OTHER and X_FORWARDED has a name");

/* first[n]: where the names of n bytes begin in `names`; a unit test compares it with the table. */
static const uint8_t first[LONGEST + 2] = {0,  0,  0,  1,  3,  7,  8,  12, 16, 19, 20, 24, 24, 27,
                                           34, 36, 38, 42, 44, 45, 47, 47, 47, 48, 48, 48, 49};

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_lower_of(struct span name, const char *lower_case)
{
        for (size_t i = 0; i < name.len; i++)
                if (lower(name.at[i]) != lower_case[i])
                        return false;
        return true;
}

/* Names for the host, the scheme, the method or the target that frameworks are known to believe before the request's
 * own. */
static const struct span routing[] = {
        {"x-host", 6},
        {"x-scheme", 8},
        {"x-forwarded", 11},
        {"x-url-scheme", 12},
        {"x-rewrite-url", 13},
        {"x-http-method", 13},
        {"x-original-url", 14},
        {"x-original-host", 15},
        {"x-method-override", 17},
        {"x-http-host-override", 20},
        {"x-http-method-override", 22},
};

/* Behind CGI and its heirs an underscore is a hyphen (RFC 3875 §4.1.18). */
static bool begins_like(struct span name, struct span lower_case)
{
        for (size_t i = 0; i < lower_case.len; i++)
                if (lower(name.at[i] == '_' ? '-' : name.at[i]) != lower_case.at[i])
                        return false;
        return true;
}

static bool routes(struct span name)
{
        static const struct span forwarded = {"x-forwarded-", 12};
        if (name.len > forwarded.len && begins_like(name, forwarded))
                return true;
        for (size_t i = 0; i < sizeof routing / sizeof routing[0]; i++)
                if (name.len == routing[i].len && begins_like(name, routing[i]))
                        return true;
        return false;
}

enum field_id field_identify(struct span name)
{
        if (name.len == 0)
                return FIELD_OTHER;
        if (name.len <= LONGEST)
                for (unsigned i = first[name.len]; i < first[name.len + 1]; i++)
                        if (is_lower_of(name, names[i].name.at))
                                return names[i].id;
        return lower(name.at[0]) == 'x' && routes(name) ? FIELD_X_FORWARDED : FIELD_OTHER;
}

static const struct field *after(const struct message *m, const struct field *previous)
{
        return previous ? previous + 1 : m->fields;
}

const struct field *field_next(const struct message *m, enum field_id id, const struct field *previous)
{
        if (!message_has(m, id))
                return NULL;
        for (const struct field *f = after(m, previous); f < m->fields + m->field_count; f++)
                if (f->id == id)
                        return f;
        return NULL;
}

const struct field *field_next_named(const struct message *m, struct span name, const struct field *previous)
{
        for (const struct field *f = after(m, previous); f < m->fields + m->field_count; f++)
                if (span_equal_fold(field_name(m, f), name))
                        return f;
        return NULL;
}

int field_only(const struct message *m, enum field_id id, struct span *value)
{
        const struct field *f = field_next(m, id, NULL);
        if (f == NULL)
                return 0;
        *value = field_value(m, f);
        return field_next(m, id, f) ? 2 : 1;
}

/* The bytes up to the next comma that is not inside a quoted string (RFC 9110 §5.6.4); an open quote has no end. */
static size_t element_length(struct span list)
{
        bool quoted = false;
        size_t i = 0;
        for (; i < list.len; i++) {
                char c = list.at[i];
                if (c == '"')
                        quoted = !quoted;
                else if (c == '\\' && quoted && i + 1 < list.len)
                        i++;
                else if (c == ',' && !quoted)
                        break;
        }
        return i;
}

bool list_next(struct span *rest, struct span *element)
{
        while (rest->len > 0) {
                size_t len = element_length(*rest);
                size_t taken = len < rest->len ? len + 1 : len; /* the comma too */
                *element = span_trim((struct span){rest->at, len});
                *rest = (struct span){rest->at + taken, rest->len - taken};
                if (element->len > 0)
                        return true;
        }
        return false;
}

bool elements_next(const struct message *m, enum field_id id, struct elements *e, struct span *element)
{
        if (e->field == NULL)
                e->rest = (struct span){NULL, 0};
        while (!list_next(&e->rest, element)) {
                const struct field *f = field_next(m, id, e->field);
                if (f == NULL)
                        return false;
                e->field = f;
                e->rest = field_value(m, f);
        }
        return true;
}

bool field_lists(const struct message *m, enum field_id id, struct span token)
{
        struct elements e = {.field = NULL};
        struct span element;
        while (elements_next(m, id, &e, &element))
                if (span_equal_fold(element, token))
                        return true;
        return false;
}

/* A folded value of a response still holds its line ends; they count as white space (RFC 9112 §5.2). */
static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span s)
{
        while (s.len > 0 && is_space(s.at[0]))
                s = (struct span){s.at + 1, s.len - 1};
        while (s.len > 0 && is_space(s.at[s.len - 1]))
                s.len--;
        return s;
}

bool span_is_token(struct span s)
{
        return s.len > 0 && octet_run(s, OCTET_TOKEN) == s.len;
}

int64_t span_decimal(struct span s)
{
        int64_t n = 0;
        if (s.len == 0 || octet_run(s, OCTET_DIGIT) != s.len)
                return -1;
        for (size_t i = 0; i < s.len; i++) {
                int digit = s.at[i] - '0';
                if (n > (INT64_MAX - digit) / 10)
                        return INT64_MAX;
                n = n * 10 + digit;
        }
        return n;
}
