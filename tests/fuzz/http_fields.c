/* Values of fields that rules ask about: what is read once is read alike again, and no answer is out of its bounds. The
 * first byte says which kind of value the rest is. */
#include <assert.h>

#include "http/cache_control.h"
#include "http/condition.h"
#include "http/date.h"
#include "http/parse.h"
#include "http/range.h"
#include "http/reuse.h"
#include "http/storing.h"
#include "http/vary.h"

enum { NOW = 1795420000, LENGTH = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void fuzz_date(struct span value)
{
        char text[DATE_LEN + 1];
        int64_t date = date_parse(value, NOW);
        assert(date >= -1 && date <= 253402300799);
        if (date < 0)
                return;
        date_format(date, text);
        assert(date_parse((struct span){text, DATE_LEN}, NOW) == date);
}

static void fuzz_content_range(struct span value)
{
        struct byte_range r;
        uint64_t total;
        if (content_range_parse(value, &r, &total))
                assert((r.first <= r.last && r.last < total) || (r.first == 1 && r.last == 0 && total != UINT64_MAX));
}

static void fuzz_tags(struct span value)
{
        const char *comma = value.len ? memchr(value.at, '|', value.len) : NULL;
        if (comma == NULL)
                return;
        struct span a = {value.at, (size_t)(comma - value.at)}, b = {comma + 1, value.len - a.len - 1};
        assert(!etag_equal_strong(a, b) || etag_equal_weak(a, b));
        assert(etag_equal_weak(a, b) == etag_equal_weak(b, a));
        assert(etag_equal_weak(a, a) == etag_is_valid(a));
}

/* A head with the input for its fields; false if it is none. */
static bool head_of(struct message *m, char *head, struct span start, struct span fields, bool response)
{
        struct out o = {.at = head, .cap = HEAD_MAX};
        out_span(&o, start);
        out_span(&o, fields);
        out_text(&o, "\r\n\r\n");
        struct span all = {o.at, o.len};
        struct fault f = response ? parse_response(m, all, METHOD_GET) : parse_request(m, all);
        return !o.overflow && f.kind == FAULT_NONE;
}

static void fuzz_request(struct span fields)
{
        static char head[HEAD_MAX];
        static struct message m;
        static const struct stored stored = {.status = 200,
                                             .request_time = NOW - 50,
                                             .response_time = NOW - 50,
                                             .date = NOW - 50,
                                             .lifetime = 60,
                                             .etag = {"\"a\"", 3},
                                             .last_modified = NOW - 5000};
        struct byte_range r;
        const char *why;
        if (!head_of(&m, head, SPAN("GET / HTTP/1.1\r\nHost: a\r\n"), fields, false))
                return;
        if (range_verdict(&m, &stored, LENGTH, NOW, &r) == RANGE_PART)
                assert(r.first <= r.last && r.last < LENGTH);
        enum reuse verdict = reuse_verdict(&m, &stored, NOW, &why);
        assert((verdict == REUSE_FRESH) == (why == NULL));
        reuse_despite_failure(&m, &stored, NOW + 50, REUSE_SERVER_ERROR, &why);
        condition_evaluate(&m, &stored, NOW);
        assert(vary_hash(SPAN("accept-encoding,accept-language,x"), &m) ==
               vary_hash(SPAN("accept-encoding,accept-language,x"), &m));
}

/* What is stored is good enough to be freshened by itself. */
static void fuzz_response(struct span fields)
{
        static char head[HEAD_MAX], lines[HEAD_MAX + 64], again[2 * HEAD_MAX], names[4096];
        static struct message m, request;
        static const struct storing_rules rules = {.keep_set_cookie = false};
        struct stored s, updated;
        struct out o = {.at = lines, .cap = sizeof lines}, n = {.at = names, .cap = sizeof names},
                   u = {.at = again, .cap = sizeof again};
        if (!head_of(&m, head, SPAN("HTTP/1.1 200 OK\r\n"), fields, true))
                return;
        parse_request(&request, SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        if (storing_verdict(&request, &m, &rules, NOW - 1, NOW, &s))
                return;
        assert(s.lifetime >= 0 && s.age >= 0 && s.date >= 0 && s.last_modified >= -1);
        storing_fields(&o, &m, &s, FOR_STORE);
        assert(!o.overflow);
        s.fields = (struct span){o.at, o.len};
        if (!vary_names(&n, &m) || m.field_count > FIELDS_MAX - 2 || o.len > HEAD_MAX - 64)
                return;
        m.status = 304;
        assert(storing_freshen(&u, &s, &m, &request, NOW, NOW, FOR_STORE, &updated));
        assert(updated.lifetime == s.lifetime && updated.fields.len == s.fields.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
        static void (*const targets[])(struct span) = {fuzz_date, fuzz_content_range, fuzz_tags, fuzz_request,
                                                       fuzz_response};
        if (len > 0)
                targets[bytes[0] % (sizeof targets / sizeof targets[0])](
                        (struct span){(const char *)bytes + 1, len - 1});
        return 0;
}
