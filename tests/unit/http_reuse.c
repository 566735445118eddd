#include "http/reuse.h"
#include "http_heads.h"

/* Received at 100, good till 110. */
static struct stored stored = {.request_time = 100,
                               .response_time = 100,
                               .date = 100,
                               .lifetime = 10,
                               .last_modified = -1,
                               .stale_while_revalidate = -1,
                               .stale_if_error = -1};

static void expect(enum reuse expected, const char *detail, struct span head, int64_t now)
{
        struct message m;
        const char *why = "unset";
        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        cr_expect_eq(reuse_verdict(&m, &stored, now, &why), expected, "%.*s", (int)head.len, head.at);
        cr_expect((why == NULL && detail == NULL) || (why && detail && strcmp(why, detail) == 0), "%s, not %s",
                  why ? why : "NULL", detail ? detail : "NULL");
}

#define EXPECT(verdict, detail, fields, now) expect(REUSE_##verdict, detail, SPAN(GET fields END), now)
#define SPAN_OF(text)                                                                                                  \
        {                                                                                                              \
                text, sizeof(text) - 1                                                                                 \
        }
#define CC(value) "Cache-Control: " value "\r\n"

Test(reuse, fresh_until_the_lifetime_is_over)
{
        EXPECT(FRESH, NULL, "", 109);
        EXPECT(VALIDATE, "stale", "", 110);
        EXPECT(FRESH, NULL, CC("x"), 109);
        EXPECT(VALIDATE, "stale", CC("x"), 110);
}

Test(reuse, stored_no_cache_is_validated)
{
        stored.flags = STORED_NO_CACHE;
        EXPECT(VALIDATE, "no-cache", "", 100);
        EXPECT(VALIDATE, "no-cache", CC("max-stale"), 100);
}

Test(reuse, request_no_cache_is_validated)
{
        EXPECT(VALIDATE, "request-no-cache", CC("no-cache"), 100);
        EXPECT(VALIDATE, "request-no-cache", "Pragma: no-cache\r\n", 100);
        EXPECT(FRESH, NULL, "Pragma: no-cache\r\n" CC("max-age=9"), 100);
}

Test(reuse, request_max_age_bounds_the_age)
{
        EXPECT(FRESH, NULL, CC("max-age=5"), 105);
        EXPECT(VALIDATE, "request-max-age", CC("max-age=5"), 106);
        EXPECT(VALIDATE, "request-max-age", CC("max-age=0"), 100);
}

Test(reuse, immutable_survives_a_reload_but_not_a_forced_one)
{
        stored.flags = STORED_IMMUTABLE;
        EXPECT(FRESH, NULL, CC("max-age=0"), 105);
        EXPECT(VALIDATE, "request-max-age", CC("max-age=0"), 111);
        EXPECT(VALIDATE, "request-no-cache", CC("no-cache"), 105);
}

Test(reuse, min_fresh_asks_for_time_left)
{
        EXPECT(FRESH, NULL, CC("min-fresh=5"), 105);
        EXPECT(VALIDATE, "request-min-fresh", CC("min-fresh=5"), 106);
}

Test(reuse, stale_by_max_stale_alone)
{
        EXPECT(STALE, "max-stale", CC("max-stale=5"), 115);
        EXPECT(VALIDATE, "stale", CC("max-stale=5"), 116);
        EXPECT(STALE, "max-stale", CC("max-stale"), 99999);
        stored.flags = STORED_MUST_REVALIDATE;
        EXPECT(VALIDATE, "must-revalidate", CC("max-stale"), 115);
}

Test(reuse, only_if_cached_never_goes_on)
{
        EXPECT(FRESH, NULL, CC("only-if-cached"), 105);
        EXPECT(ONLY_CACHED, "stale", CC("only-if-cached"), 115);
}

Test(reuse, max_stale_with_several_values_takes_the_lowest)
{
        EXPECT(VALIDATE, "stale", CC("max-stale, max-stale=5"), 116);
        EXPECT(VALIDATE, "stale", CC("max-stale=x"), 111);
        EXPECT(FRESH, NULL, CC("max-stale"), 109);
}

Test(reuse, max_stale_does_not_stretch_max_age)
{
        EXPECT(VALIDATE, "request-max-age", CC("max-age=5, max-stale"), 106);
        EXPECT(STALE, "max-stale", CC("max-age=50, max-stale=5"), 115);
        EXPECT(VALIDATE, "stale", CC("max-age=50"), 110);
}

Test(reuse, must_revalidate_matters_only_once_it_is_stale)
{
        stored.flags = STORED_MUST_REVALIDATE;
        EXPECT(FRESH, NULL, "", 109);
        EXPECT(FRESH, NULL, CC("max-stale"), 109);
        EXPECT(VALIDATE, "must-revalidate", "", 110);
}

Test(reuse, no_store_in_a_request_does_not_keep_it_from_the_store)
{
        EXPECT(FRESH, NULL, CC("no-store"), 105);
}

Test(reuse, only_if_cached_goes_with_max_stale)
{
        EXPECT(STALE, "max-stale", CC("only-if-cached, max-stale"), 115);
        EXPECT(ONLY_CACHED, "request-no-cache", CC("only-if-cached, no-cache"), 105);
}

Test(reuse, no_cache_with_an_argument_is_no_cache)
{
        EXPECT(VALIDATE, "request-no-cache", CC("no-cache=\"x\""), 105);
        EXPECT(VALIDATE, "request-no-cache", "Pragma: x, No-Cache\r\n", 105);
        EXPECT(FRESH, NULL, "Pragma: x\r\n", 105);
}

Test(reuse, preconditions_that_fail_here_are_for_the_origin)
{
        stored.status = 200;
        stored.etag = SPAN("\"a\"");
        stored.last_modified = 50;
        EXPECT(FRESH, NULL, "If-Match: \"a\"\r\n", 105);
        EXPECT(VALIDATE, "precondition", "If-Match: \"b\"\r\n", 105);
        EXPECT(FRESH, NULL, "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:50 GMT\r\n", 105);
        EXPECT(VALIDATE, "precondition", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:49 GMT\r\n", 105);
}

/* ---- stale on purpose ------------------------------------------------------------------------------------------ */

static bool meanwhile(struct span head, int64_t now)
{
        struct message m;
        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        return reuse_while_validating(&m, &stored, now);
}
#define MEANWHILE(fields, now) meanwhile(SPAN(GET fields END), now)

Test(reuse, stale_while_revalidate_is_for_a_while)
{
        cr_expect_not(MEANWHILE("", 110));
        stored.stale_while_revalidate = 20;
        cr_expect(MEANWHILE("", 110));
        cr_expect(MEANWHILE("", 130));
        cr_expect_not(MEANWHILE("", 131));
        cr_expect_not(MEANWHILE("", 109), "it is fresh");
        EXPECT(VALIDATE, "stale", "", 110);
}

Test(reuse, stale_while_revalidate_is_not_for_who_wants_it_fresh)
{
        stored.stale_while_revalidate = 20;
        cr_expect_not(MEANWHILE(CC("max-age=100"), 110));
        cr_expect_not(MEANWHILE(CC("min-fresh=0"), 110));
        cr_expect_not(MEANWHILE(CC("no-cache"), 110));
        stored.flags = STORED_MUST_REVALIDATE;
        cr_expect_not(MEANWHILE("", 110));
}

static void despite(enum reuse_failure failure, const char *expected, struct span head, int64_t now)
{
        struct message m;
        const char *why = "unset";
        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        cr_expect_eq(reuse_despite_failure(&m, &stored, now, failure, &why), expected != NULL, "%.*s", (int)head.len,
                     head.at);
        cr_expect(expected ? why && strcmp(why, expected) == 0 : why == NULL, "%s", why ? why : "NULL");
}
#define DESPITE(failure, detail, fields, now) despite(REUSE_##failure, detail, SPAN(GET fields END), now)

Test(reuse, without_an_origin_what_is_stale_is_used)
{
        DESPITE(UNREACHABLE, "origin-unreachable", "", 110);
        DESPITE(UNREACHABLE, "origin-unreachable", "", 999999);
        DESPITE(SERVER_ERROR, NULL, "", 110);
}

Test(reuse, stale_if_error_is_for_a_while)
{
        stored.stale_if_error = 20;
        DESPITE(SERVER_ERROR, "stale-if-error", "", 130);
        DESPITE(SERVER_ERROR, NULL, "", 131);
        DESPITE(UNREACHABLE, "stale-if-error", "", 130);
        DESPITE(UNREACHABLE, NULL, "", 131);
        DESPITE(UNREACHABLE, "stale-if-error", CC("stale-if-error=30"), 140);
        DESPITE(SERVER_ERROR, "stale-if-error", CC("stale-if-error=30"), 140);
        stored.stale_if_error = -1;
        DESPITE(SERVER_ERROR, "stale-if-error", CC("stale-if-error=30"), 140);
        DESPITE(SERVER_ERROR, NULL, CC("stale-if-error=30"), 141);
}

Test(reuse, no_failure_beats_a_directive)
{
        stored.stale_if_error = 20;
        DESPITE(UNREACHABLE, NULL, CC("no-cache"), 110);
        DESPITE(UNREACHABLE, NULL, "Pragma: no-cache\r\n", 110);
        DESPITE(UNREACHABLE, NULL, CC("max-age=5"), 110);
        DESPITE(UNREACHABLE, NULL, CC("min-fresh=5"), 110);
        stored.flags = STORED_MUST_REVALIDATE;
        DESPITE(UNREACHABLE, NULL, "", 110);
        stored.flags = STORED_NO_CACHE;
        DESPITE(UNREACHABLE, NULL, "", 110);
}

static void expect_ignoring(enum reuse expected, struct span head, int64_t now)
{
        struct message m;
        const char *why;

        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        m.reload_ignored = true;
        cr_expect_eq(reuse_verdict(&m, &stored, now, &why), expected, "%.*s", (int)head.len, head.at);
}

Test(reuse, a_reload_may_be_ignored_of_what_is_fresh)
{
        expect_ignoring(REUSE_FRESH, SPAN(GET CC("no-cache") END), 105);
        expect_ignoring(REUSE_FRESH, SPAN(GET CC("max-age=0") END), 105);
        expect_ignoring(REUSE_FRESH, SPAN(GET "Pragma: no-cache\r\n" END), 105);
        expect_ignoring(REUSE_VALIDATE, SPAN(GET CC("no-cache") END), 110);
        stored.flags = STORED_NO_CACHE;
        expect_ignoring(REUSE_VALIDATE, SPAN(GET CC("no-cache") END), 105);
}

Test(reuse, each_ruling_names_its_paragraph)
{
        static const struct {
                struct span head;
                const char *paragraph;
        } cases[] = {
                {SPAN_OF(GET END), "RFC 9111 §4.2"},
                {SPAN_OF(GET CC("no-cache") END), "RFC 9111 §5.2.1.4"},
                {SPAN_OF(GET CC("max-age=0") END), "RFC 9111 §5.2.1.1"},
                {SPAN_OF(GET CC("only-if-cached, min-fresh=99") END), "RFC 9111 §5.2.1.7"},
        };
        struct message m;

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                cr_assert_eq(parse_request(&m, cases[i].head).kind, FAULT_NONE);
                cr_expect_str_eq(reuse_ruling(&m, &stored, 105).paragraph, cases[i].paragraph);
        }
        cr_assert_eq(parse_request(&m, SPAN(GET END)).kind, FAULT_NONE);
        cr_expect_str_eq(reuse_ruling(&m, &stored, 110).paragraph, "RFC 9111 §4.2.4");
}
