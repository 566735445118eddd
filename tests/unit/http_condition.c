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
        cr_expect_not(etag_equal_weak(SPAN("a"), SPAN("a")));
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
}

Test(condition, other_statuses_and_methods_have_none)
{
        expect(CONDITION_PASS, SPAN(POST "Content-Length: 0\r\nIf-None-Match: *\r\n" END));
        stored.status = 404;
        EXPECT(PASS, "If-None-Match: *\r\n");
}
