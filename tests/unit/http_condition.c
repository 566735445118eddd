#include "http/condition.h"
#include "http_heads.h"

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AT     "Sun, 06 Nov 1994 08:49:37 GMT"
enum { MODIFIED = 784111777 };

static struct stored stored = {.status = 200, .etag = {"\"a\"", 3}, .last_modified = MODIFIED, .date = MODIFIED + 9};

static void expect(enum condition expected, struct span head)
{
        struct message m;
        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        cr_expect_eq(condition_evaluate(&m, &stored, MODIFIED + 99), expected, "%.*s", (int)head.len, head.at);
}
#define EXPECT(verdict, fields) expect(CONDITION_##verdict, SPAN(GET fields END))

Test(condition, tags_weak_and_strong)
{
        cr_expect(etag_is_strong(SPAN("\"a\"")));
        cr_expect_not(etag_is_strong(SPAN("W/\"a\"")));
        cr_expect(etag_equal_weak(SPAN("W/\"a\""), SPAN("\"a\"")));
        cr_expect_not(etag_equal_strong(SPAN("W/\"a\""), SPAN("W/\"a\"")));
        cr_expect_not(etag_equal_strong(SPAN("a"), SPAN("a")));
        cr_expect_not(etag_equal_weak(SPAN("\"a\"b\""), SPAN("\"a\"b\"")));
}

Test(condition, if_none_match_compares_weakly)
{
        EXPECT(PASS, "");
        EXPECT(NOT_MODIFIED, "If-None-Match: \"x\", W/\"a\"\r\n");
        EXPECT(NOT_MODIFIED, "If-None-Match: *\r\n");
        EXPECT(PASS, "If-None-Match: \"x\"\r\n");
}

Test(condition, if_none_match_hides_if_modified_since)
{
        EXPECT(PASS, "If-None-Match: \"x\"\r\nIf-Modified-Since: " AT "\r\n");
}

Test(condition, if_modified_since)
{
        EXPECT(NOT_MODIFIED, "If-Modified-Since: " AT "\r\n");
        EXPECT(PASS, "If-Modified-Since: " BEFORE "\r\n");
        EXPECT(PASS, "If-Modified-Since: soon\r\n");
        stored.last_modified = -1;
        EXPECT(PASS, "If-Modified-Since: " AT "\r\n");
        EXPECT(NOT_MODIFIED, "If-Modified-Since: Sun, 06 Nov 1994 08:49:46 GMT\r\n");
}

Test(condition, if_match_compares_strongly_and_hides_if_unmodified_since)
{
        EXPECT(PASS, "If-Match: \"a\"\r\nIf-Unmodified-Since: " BEFORE "\r\n");
        EXPECT(PASS, "If-Match: *\r\n");
        EXPECT(FAILED, "If-Match: W/\"a\"\r\n");
        EXPECT(FAILED, "If-Unmodified-Since: " BEFORE "\r\n");
        EXPECT(PASS, "If-Unmodified-Since: " AT "\r\n");
        EXPECT(PASS, "If-Unmodified-Since: x\r\n");
        stored.last_modified = -1;
        EXPECT(PASS, "If-Unmodified-Since: " BEFORE "\r\n");
}

Test(condition, other_statuses_and_methods_have_none)
{
        expect(CONDITION_PASS, SPAN(POST "Content-Length: 0\r\nIf-None-Match: *\r\n" END));
        stored.status = 404;
        EXPECT(PASS, "If-None-Match: *\r\n");
        stored.status = 301;
        EXPECT(PASS, "If-None-Match: *\r\n");
        stored.status = 203; /* RFC 9110 §13.2.1: any success */
        EXPECT(NOT_MODIFIED, "If-None-Match: *\r\n");
}

Test(condition, the_origin_is_asked_about_a_success_alone)
{
        cr_expect(condition_may_ask(&stored));
        stored.etag.len = 0;
        cr_expect(condition_may_ask(&stored));
        stored.last_modified = -1;
        cr_expect_not(condition_may_ask(&stored));
        for (stored.status = 300; stored.status < 600; stored.status++) {
                stored.last_modified = MODIFIED;
                cr_expect_not(condition_may_ask(&stored), "%u", stored.status);
        }
}

Test(condition, tags_are_quoted_and_may_be_weak)
{
        static const char *const good[] = {"\"\"", "\"a,b\\\"", "W/\"a\xff!\"", "abc", "W/abc"};
        static const char *const bad[] = {"",         "W/",        "\"",  "\"a\"b\"", "\"a b\"",
                                          "\"a\tb\"", "\"a\x7f\"", "a,b", "a\"b",     "\"a"};
        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
                cr_expect(etag_is_valid((struct span){good[i], strlen(good[i])}), "%s", good[i]);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect_not(etag_is_valid((struct span){bad[i], strlen(bad[i])}), "%s", bad[i]);
        cr_expect_not(etag_is_strong(SPAN("w/\"a\"")));
        cr_expect_not(etag_is_strong(SPAN("a")));
        cr_expect_not(etag_is_strong((struct span){NULL, 0}));
        cr_expect_not(etag_equal_weak((struct span){NULL, 0}, (struct span){NULL, 0}));
}

/* RFC 9110 §8.8.3.2 has this as a table. */
Test(condition, strong_comparison_wants_two_strong_tags)
{
        static const struct {
                const char *a, *b;
                bool strong, weak;
        } pairs[] = {
                {"W/\"1\"", "W/\"1\"", false, true}, {"W/\"1\"", "W/\"2\"", false, false},
                {"W/\"1\"", "\"1\"", false, true},   {"\"1\"", "\"1\"", true, true},
                {"\"a\"", "\"A\"", false, false},    {"a", "\"a\"", false, false},
        };
        for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
                struct span a = {pairs[i].a, strlen(pairs[i].a)}, b = {pairs[i].b, strlen(pairs[i].b)};
                cr_expect_eq(etag_equal_strong(a, b), pairs[i].strong, "%s %s", a.at, b.at);
                cr_expect_eq(etag_equal_weak(a, b), pairs[i].weak, "%s %s", a.at, b.at);
        }
}

Test(condition, if_none_match_is_a_list_of_tags)
{
        EXPECT(NOT_MODIFIED, "If-None-Match: \"x\", W/\"y,z\" ,, \"a\"\r\n");
        EXPECT(NOT_MODIFIED, "If-None-Match: \"x\"\r\nIf-None-Match: \"a\"\r\n");
        EXPECT(NOT_MODIFIED, "If-None-Match: \"x\\\", \"a\"\r\n"); /* a backslash is no escape in a tag */
        EXPECT(PASS, "If-None-Match: \"x,\"a\"\"\r\n");
        EXPECT(PASS, "If-None-Match: \"x, \"a\"\r\n");
        EXPECT(PASS, "If-None-Match:\r\n");
        EXPECT(PASS, "If-None-Match: ,\r\n");
        EXPECT(PASS, "If-None-Match: \"*\"\r\n");
}

Test(condition, a_star_matches_what_has_no_tag)
{
        stored.etag = (struct span){NULL, 0};
        EXPECT(NOT_MODIFIED, "If-None-Match: *\r\n");
        EXPECT(PASS, "If-None-Match: \"a\"\r\n");
}

Test(condition, unquoted_tags_are_compared_as_they_are)
{
        stored.etag = SPAN("a");
        EXPECT(NOT_MODIFIED, "If-None-Match: a\r\n");
        EXPECT(PASS, "If-None-Match: \"a\"\r\n");
        EXPECT(FAILED, "If-Match: a\r\n");
}

Test(condition, if_modified_since_is_one_date)
{
        EXPECT(NOT_MODIFIED, "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n");
        EXPECT(PASS, "If-Modified-Since: " AT ", " AT "\r\n");
        EXPECT(PASS, "If-Modified-Since: " AT "\r\nIf-Modified-Since: " AT "\r\n");
}

Test(condition, if_match_comes_first)
{
        EXPECT(FAILED, "If-Match: \"x\"\r\nIf-None-Match: \"a\"\r\n");
        EXPECT(NOT_MODIFIED, "If-Match: \"x\", \"a\"\r\nIf-None-Match: \"a\"\r\n");
}

Test(condition, head_has_conditions_too)
{
        expect(CONDITION_NOT_MODIFIED, SPAN("HEAD / HTTP/1.1\r\n" HOST "If-None-Match: *\r\n" END));
}

Test(condition, last_modified_is_strong_a_minute_later)
{
        stored.date = MODIFIED + 59;
        cr_expect_not(last_modified_is_strong(&stored));
        stored.date = MODIFIED + 60;
        cr_expect(last_modified_is_strong(&stored));
        stored.last_modified = -1;
        cr_expect_not(last_modified_is_strong(&stored));
        stored.last_modified = 0;
        stored.date = 30;
        cr_expect_not(last_modified_is_strong(&stored));
}
