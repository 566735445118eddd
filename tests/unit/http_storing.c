#include "http/storing.h"
#include "http_heads.h"

#define DATE      "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define TAG       "ETag: \"a\"\r\n"
#define CC(value) "Cache-Control: " value "\r\n"
enum { DATED = 784111777 };

static struct message request, response;
static struct stored stored;
static struct storing_rules rules;

static const char *judge(struct span asked, struct span said)
{
        cr_assert_eq(parse_request(&request, asked).kind, FAULT_NONE);
        cr_assert_eq(parse_response(&response, said, request.method).kind, FAULT_NONE);
        return storing_verdict(&request, &response, &rules, DATED, DATED + 1, &stored);
}

#define STORED(asked, said) cr_expect_null(judge(SPAN(asked), SPAN(said)))
#define OBJECTED(why, asked, said)                                                                                     \
        do {                                                                                                           \
                const char *why_ = judge(SPAN(asked), SPAN(said));                                                     \
                cr_expect(why_ &&strcmp(why_, why) == 0, "%s: %s", why, why_ ? why_ : "stored");                       \
        } while (0)

Test(storing, what_is_known_of_a_stored_response)
{
        STORED(GET END, OK DATE TAG CC("max-age=9, stale-if-error=4, immutable") "Age: 3, 9\r\n" END);
        cr_expect_eq(stored.status, 200);
        cr_expect_eq(stored.date, DATED);
        cr_expect_eq(stored.age, 3);
        cr_expect_eq(stored.lifetime, 9);
        cr_expect_eq(stored.stale_if_error, 4);
        cr_expect_eq(stored.stale_while_revalidate, -1);
        cr_expect_eq(stored.last_modified, -1);
        cr_expect_eq(stored.flags, STORED_IMMUTABLE);
        cr_expect(span_equal(stored.etag, SPAN("\"a\"")));
        cr_expect(span_equal(stored.reason, SPAN("OK")));
}

Test(storing, objections)
{
        OBJECTED("method", POST "Content-Length: 0\r\n" END, OK CC("max-age=9") END);
        OBJECTED("partial", GET END, "HTTP/1.1 206 P\r\n" CC("max-age=9") END);
        OBJECTED("not-modified", GET END, "HTTP/1.1 304 N\r\n" CC("max-age=9") END);
        OBJECTED("interim", GET END, "HTTP/1.1 103 N\r\n" CC("max-age=9") END);
        OBJECTED("request-no-store", GET CC("no-store") END, OK CC("max-age=9") END);
        OBJECTED("no-store", GET END, OK CC("no-store, max-age=9") END);
        OBJECTED("private", GET END, OK CC("private, max-age=9") END);
        OBJECTED("vary-star", GET END, OK CC("max-age=9") "Vary: a, *\r\n" END);
        OBJECTED("status", GET END, "HTTP/1.1 302 F\r\n" TAG END);
        OBJECTED("no freshness, no validator", GET END, OK DATE END);
        OBJECTED("no freshness, no validator", GET END, OK CC("no-cache, max-age=9") END);
        OBJECTED("no freshness, no validator", GET END, OK "ETag: unquoted\r\n" END);
}

Test(storing, odd_responses_are_not_stored)
{
        OBJECTED("odd framing or fields", GET END, OK CC("max-age=9") "X: a\r\n b\r\n" END);
}

Test(storing, explicit_freshness_allows_any_final_status)
{
        STORED(GET END, "HTTP/1.1 302 F\r\n" CC("max-age=9") END);
        STORED(GET END, "HTTP/1.1 599 F\r\n" CC("s-maxage=9") END);
        cr_expect(stored.flags & STORED_MUST_REVALIDATE);
}

Test(storing, must_understand_overrides_no_store_for_known_statuses)
{
        STORED(GET END, OK CC("must-understand, no-store, max-age=9") END);
        OBJECTED("must-understand", GET END, "HTTP/1.1 299 F\r\n" CC("must-understand, max-age=9") END);
}

#define AUTHORIZED GET "Authorization: Basic eDp5\r\n" END

Test(storing, authorization_needs_a_word_from_the_origin)
{
        OBJECTED("authorization", AUTHORIZED, OK CC("max-age=9") END);
        STORED(AUTHORIZED, OK CC("max-age=9, public") END);
        cr_expect(stored.flags & STORED_AUTHORIZED);
        STORED(AUTHORIZED, OK CC("max-age=9, must-revalidate") END);
        STORED(AUTHORIZED, OK CC("s-maxage=9") END);
        OBJECTED("authorization", AUTHORIZED, OK CC("max-age=9, proxy-revalidate") END);
}

#define COOKIE "Set-Cookie: a=b\r\n"

Test(storing, cookies_need_explicit_freshness_and_are_stripped)
{
        OBJECTED("set-cookie", GET END, OK COOKIE TAG END);
        STORED(GET END, OK COOKIE CC("max-age=9") END);
        cr_expect(stored.flags & STORED_COOKIE_STRIPPED);
        STORED(GET END, OK COOKIE CC("max-age=9, public") END);
        cr_expect_not(stored.flags & STORED_COOKIE_STRIPPED);
        rules.keep_set_cookie = true;
        STORED(GET END, OK COOKIE CC("max-age=9") END);
        cr_expect_not(stored.flags & STORED_COOKIE_STRIPPED);
}

Test(storing, no_cache_is_stored_to_be_validated)
{
        STORED(GET END, OK TAG CC("no-cache") END);
        cr_expect(stored.flags & STORED_NO_CACHE);
}

Test(storing, requests_with_cookies_get_no_guess)
{
        STORED(GET END, OK DATE "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT\r\n" END);
        cr_expect_eq(stored.lifetime, 100);
        cr_expect(stored.flags & STORED_HEURISTIC);
        STORED(GET "Cookie: a=b\r\n" END, OK DATE "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT\r\n" END);
        cr_expect_eq(stored.lifetime, 0);
}

static char text[4096];

static void expect_fields(const char *expected)
{
        struct out o = {.at = text, .cap = sizeof text};
        storing_fields(&o, &response, &stored);
        cr_expect_eq(o.len, strlen(expected));
        cr_expect_eq(memcmp(text, expected, strlen(expected)), 0, "%.*s", (int)o.len, text);
}

Test(storing, fields_of_hop_transfer_and_client_are_left_out)
{
        STORED(GET END, OK DATE CC("max-age=9, private=\"x-me\"") "Connection: x-hop\r\nX-Hop: 1\r\nX-Me: 1\r\n"
                                                                  "Age: 4\r\nContent-Length: 0\r\nKeep-Alive: "
                                                                  "1\r\nCache-Status: o; hit\r\n" COOKIE END);
        expect_fields(DATE CC("max-age=9, private=\"x-me\"") "Cache-Status: o; hit\r\n");
}

Test(storing, what_has_no_date_gets_one)
{
        STORED(GET END, OK CC("max-age=9") END);
        expect_fields(CC("max-age=9") "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
}

static bool freshen(struct span not_modified, size_t cap, struct stored *updated)
{
        struct message m;
        struct out o = {.at = text, .cap = cap};
        cr_assert_eq(parse_request(&request, SPAN(GET END)).kind, FAULT_NONE);
        cr_assert_eq(parse_response(&m, not_modified, METHOD_GET).kind, FAULT_NONE);
        struct stored old = {.status = 203,
                             .reason = SPAN("Fine"),
                             .flags = STORED_COOKIE_STRIPPED,
                             .fields = SPAN(DATE TAG CC("max-age=9") "X-A: 1\r\nVary: a\r\nContent-Encoding: br\r\n")};
        return storing_freshen(&o, &old, &m, &request, DATED + 10, DATED + 11, updated);
}

#define FRESH "HTTP/1.1 304 N\r\nDate: Sun, 06 Nov 1994 08:49:47 GMT\r\n"

Test(storing, a_304_replaces_what_it_brings_and_keeps_the_rest)
{
        struct stored new;
        cr_assert(freshen(SPAN(FRESH CC("max-age=50") "X-A: 2\r\nX-A: 3\r\nVary: b\r\nContent-Encoding: x\r\n"
                                                      "Content-Length: 7\r\nAge: 2\r\n" COOKIE END),
                          sizeof text, &new));
        cr_expect(span_equal(new.fields, SPAN(TAG "Vary: a\r\nContent-Encoding: br\r\n"
                                                  "Date: Sun, 06 Nov 1994 08:49:47 GMT\r\n" CC(
                                                          "max-age=50") "X-A: 2\r\nX-A: 3\r\n")),
                  "%.*s", (int)new.fields.len, new.fields.at);
        cr_expect_eq(new.status, 203);
        cr_expect(span_equal(new.reason, SPAN("Fine")));
        cr_expect(span_equal(new.etag, SPAN("\"a\"")));
        cr_expect_eq(new.lifetime, 50);
        cr_expect_eq(new.age, 2);
        cr_expect_eq(new.date, DATED + 10);
        cr_expect_eq(new.response_time, DATED + 11);
        cr_expect(new.flags &STORED_COOKIE_STRIPPED);
}

Test(storing, a_304_without_date_is_of_now)
{
        struct stored new;
        cr_assert(freshen(SPAN("HTTP/1.1 304 N\r\n" END), sizeof text, &new));
        cr_expect_eq(new.date, DATED + 11);
        cr_expect_eq(new.lifetime, 9);
}

Test(storing, a_304_that_forbids_storing_is_used_once)
{
        struct stored new;
        cr_assert(freshen(SPAN(FRESH CC("no-store, max-age=9") END), sizeof text, &new));
        cr_expect(new.flags &STORED_NO_CACHE);
}

Test(storing, freshening_says_where_it_does_not_fit)
{
        struct stored new;
        cr_expect_not(freshen(SPAN(FRESH END), 60, &new));
}
