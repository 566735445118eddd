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
        OBJECTED("no freshness, no validator", GET END, OK "ETag: not one\r\n" END);
        STORED(GET END, OK "ETag: unquoted\r\n" END);
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

Test(storing, what_answers_one_request_alone_is_not_stored)
{
        OBJECTED("status of this request alone", GET END, "HTTP/1.1 412 F\r\n" CC("max-age=9") END);
        OBJECTED("status of this request alone", GET "Range: bytes=9-\r\n" END,
                 "HTTP/1.1 416 F\r\n" CC("max-age=9") END);
        OBJECTED("status of this request alone", GET END, "HTTP/1.1 429 F\r\n" CC("public, max-age=9") END);
        OBJECTED("status of this request alone", GET END, "HTTP/1.1 431 F\r\n" CC("max-age=9") END);
        OBJECTED("status of this request alone", GET END, "HTTP/1.1 511 F\r\n" CC("max-age=9") END);
}

Test(storing, an_error_to_a_range_or_a_condition_is_not_stored)
{
        OBJECTED("error to a range or condition", GET "Range: bytes=9-\r\n" END,
                 "HTTP/1.1 400 F\r\n" CC("max-age=9") END);
        OBJECTED("error to a range or condition", GET "If-Match: \"a\"\r\n" END,
                 "HTTP/1.1 404 F\r\n" CC("max-age=9") END);
        STORED(GET "Range: bytes=9-\r\n" END, OK CC("max-age=9") END);
        STORED(GET END, "HTTP/1.1 404 F\r\n" CC("max-age=9") END);
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
        storing_fields(&o, &response, &stored, FOR_STORE);
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

Test(storing, what_is_heuristically_cacheable_is_stored_for_its_validator)
{
        STORED(GET END, "HTTP/1.1 203 N\r\n" TAG END);
        STORED(GET END, "HTTP/1.1 201 C\r\n" TAG CC("public") END);
        OBJECTED("status", GET END, "HTTP/1.1 302 F\r\n" TAG CC("must-revalidate") END);
        OBJECTED("no freshness, no validator", GET END, OK CC("max-age=0") END);
        STORED(GET END, OK CC("max-age=0, stale-while-revalidate=9") END);
        STORED(GET END, OK CC("max-age=0, stale-if-error=9") END);
        STORED(GET END, OK "Expires: 0\r\n" TAG END);
}

/* A 304 stands for a 200 (RFC 9110 §15.4.5). */
Test(storing, a_validator_of_what_is_no_success_is_of_no_use)
{
        OBJECTED("no freshness, no validator", GET END, "HTTP/1.1 404 N\r\n" TAG END);
        OBJECTED("no freshness, no validator", GET END, "HTTP/1.1 302 F\r\n" TAG CC("public") END);
        STORED(GET END, "HTTP/1.1 404 N\r\n" TAG CC("max-age=9") END);
}

Test(storing, two_entity_tags_are_none)
{
        OBJECTED("no freshness, no validator", GET END, OK TAG "ETag: \"b\"\r\n" END);
        OBJECTED("no freshness, no validator", GET END, OK "Last-Modified: yesterday\r\n" END);
}

Test(storing, what_private_names_is_not_the_whole)
{
        STORED(GET END, OK CC("max-age=9, private=\"x\"") END);
        OBJECTED("private", GET END, OK CC("max-age=9, private=\"x\", private") END);
        OBJECTED("private", GET END, OK CC("max-age=9, private=\"(\"") END);
        STORED(GET END, OK TAG CC("max-age=9, no-cache=\"x\"") END);
        cr_expect_not(stored.flags & STORED_NO_CACHE);
}

Test(storing, a_date_of_one_hop_is_replaced)
{
        STORED(GET END, OK DATE CC("max-age=9") "Connection: date\r\n" END);
        expect_fields(CC("max-age=9") DATE);
}

Test(storing, a_posts_reply_is_what_get_would_have_got_only_if_it_says_so)
{
        OBJECTED("method", POST "Content-Length: 0\r\n" END, OK CC("max-age=9") END);
        rules.represents = true;
        STORED(POST "Content-Length: 0\r\n" END, OK CC("max-age=9") END);
        OBJECTED("method", POST "Content-Length: 0\r\n" END, OK TAG END);
        OBJECTED("method", "PUT / HTTP/1.1\r\n" HOST END, OK CC("max-age=9") END);
}
