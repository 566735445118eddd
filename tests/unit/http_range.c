#include "http/range.h"
#include "http/render.h"
#include "http_heads.h"

#define AT "Sun, 06 Nov 1994 08:49:37 GMT"
enum { MODIFIED = 784111777 };

static struct stored stored = {.status = 200, .etag = {"\"a\"", 3}, .last_modified = MODIFIED, .date = MODIFIED + 60};
static struct byte_range range;

static enum range_verdict judge(struct span head, uint64_t length)
{
        struct message m;
        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        return range_verdict(&m, &stored, length, MODIFIED + 99, &range);
}
#define JUDGE(fields, length) judge(SPAN(GET fields END), length)
#define PART(from, to, fields, length)                                                                                 \
        do {                                                                                                           \
                cr_expect_eq(JUDGE(fields, length), RANGE_PART, "%s", fields);                                         \
                cr_expect(range.first == (from) && range.last == (to), "%s", fields);                                  \
        } while (0)

Test(range, one_part)
{
        PART(0, 0, "Range: bytes=0-0\r\n", 10);
        PART(2, 9, "Range: Bytes=2-\r\n", 10);
        PART(2, 9, "Range: bytes=2-99999999999999999999999\r\n", 10);
        PART(6, 9, "Range: bytes=-4\r\n", 10);
        PART(0, 9, "Range: bytes=-99999999999999999999999\r\n", 10);
        PART(30000000000, 39999999999, "Range: bytes=30000000000-\r\n", 40000000000);
}

Test(range, unsatisfiable)
{
        cr_expect_eq(JUDGE("Range: bytes=10-\r\n", 10), RANGE_UNSATISFIABLE);
        cr_expect_eq(JUDGE("Range: bytes=-0\r\n", 10), RANGE_UNSATISFIABLE);
        cr_expect_eq(JUDGE("Range: bytes=0-\r\n", 0), RANGE_UNSATISFIABLE);
}

Test(range, ignored)
{
        static const char *const odd[] = {"bytes=5-2",  "bytes=0-0,-4", "lines=1-2", "bytes=",   "bytes=a-b",
                                          "bytes=1-2x", "bytes=1",      "bytes=--1", "bytes 1-2"};
        char head[256];
        for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
                int len = snprintf(head, sizeof head, GET "Range: %s\r\n" END, odd[i]);
                cr_expect_eq(judge((struct span){head, (size_t)len}, 10), RANGE_WHOLE, "%s", odd[i]);
        }
        cr_expect_eq(JUDGE("", 10), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes=0-1\r\nRange: bytes=0-1\r\n", 10), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes=-1\r\n", 0), RANGE_WHOLE);
        stored.status = 404;
        cr_expect_eq(JUDGE("Range: bytes=0-1\r\n", 10), RANGE_WHOLE);
}

Test(range, if_range_holds_for_strong_validators_only)
{
        PART(0, 1, "Range: bytes=0-1\r\nIf-Range: \"a\"\r\n", 10);
        PART(0, 1, "Range: bytes=0-1\r\nIf-Range: " AT "\r\n", 10);
        cr_expect_eq(JUDGE("Range: bytes=0-1\r\nIf-Range: W/\"a\"\r\n", 10), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n", 10), RANGE_WHOLE);
        stored.date = MODIFIED + 59;
        cr_expect_eq(JUDGE("Range: bytes=0-1\r\nIf-Range: " AT "\r\n", 10), RANGE_WHOLE);
}

Test(range, content_range)
{
        uint64_t total;
        cr_expect(content_range_parse(SPAN("bytes 0-9/10"), &range, &total));
        cr_expect(range.first == 0 && range.last == 9 && total == 10);
        cr_expect(content_range_parse(SPAN("bytes 3-9/*"), &range, &total));
        cr_expect_eq(total, UINT64_MAX);
        cr_expect(content_range_parse(SPAN("bytes */10"), &range, &total));
        cr_expect_eq(total, 10);
        static const char *const bad[] = {"",
                                          "bytes 0-10/10",
                                          "bytes 5-4/10",
                                          "bytes */*",
                                          "bytes 0-9",
                                          "bytes 0-9/10x",
                                          "lines 0-9/10",
                                          "bytes",
                                          "bytes ",
                                          "bytes 0-9/",
                                          "bytes 0-9/x",
                                          "bytes 0-/10",
                                          "bytes -9/10",
                                          "bytes=0-9/10",
                                          "bytes */",
                                          "bytes */x",
                                          "0-9/10",
                                          "bytes 0-9/99999999999999999999",
                                          "bytes 99999999999999999998-99999999999999999999/*"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect_not(content_range_parse((struct span){bad[i], strlen(bad[i])}, &range, &total), "%s", bad[i]);
}

Test(range, what_cannot_be_satisfied_is_left_out)
{
        PART(0, 0, "Range: bytes=0-0,-0\r\n", 10);
        PART(5, 6, "Range: bytes=20-30,5-6\r\n", 10);
        cr_expect_eq(JUDGE("Range: bytes=-0,10-\r\n", 10), RANGE_UNSATISFIABLE);
        cr_expect_eq(JUDGE("Range: bytes=99999999999999999999999-\r\n", 10), RANGE_UNSATISFIABLE);
}

Test(range, ranges_that_touch_or_overlap_are_one)
{
        PART(0, 19, "Range: bytes=0-9,10-19\r\n", 100);
        PART(0, 19, "Range: bytes=10-19, 0-9\r\n", 100);
        PART(0, 29, "Range: bytes=0-9,20-29,10-19\r\n", 100);
        PART(0, 50, "Range: bytes=0-50,10-20\r\n", 100);
        PART(0, 99, "Range: bytes=0-,0-,0-,5-\r\n", 100);
        PART(0, 99, "Range: bytes=0-98,-1\r\n", 100);
        PART(0, 99, "Range: bytes=50-99999999999999999999999,0-49\r\n", 100);
}

Test(range, several_parts_are_the_whole)
{
        cr_expect_eq(JUDGE("Range: bytes=0-9,11-19\r\n", 100), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes=0-0,-4,-0\r\n", 100), RANGE_WHOLE);
}

Test(range, one_syntax_error_makes_the_field_be_ignored)
{
        cr_expect_eq(JUDGE("Range: bytes=0-9,9-0\r\n", 100), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes=0-9;5\r\n", 100), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes=0 - 9\r\n", 100), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes=-\r\n", 100), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: =0-9\r\n", 100), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes\r\n", 100), RANGE_WHOLE);
        PART(0, 9, "Range: bytes= 0-9 ,\r\n", 100);
}

/* cases.md G1: each within the next but one; 256 are still read. */
Test(range, many_ranges_are_ignored)
{
        static char head[16384];
        for (int count = RANGES_MAX; count <= 1300; count += 1300 - RANGES_MAX) {
                size_t len = (size_t)sprintf(head, GET "Range: bytes=0-");
                for (int i = 1; i < count; i++)
                        len += (size_t)sprintf(head + len, ",%d-%d", count - i, count - i);
                len += (size_t)sprintf(head + len, "\r\n\r\n");
                cr_expect_eq(judge((struct span){head, len}, 100), count == RANGES_MAX ? RANGE_PART : RANGE_WHOLE);
        }
}

Test(range, objects_may_be_large)
{
        PART(21474836480, 21474836481, "Range: bytes=21474836480-21474836481\r\n", 1UL << 40);
        PART(INT64_MAX - 1UL, INT64_MAX - 1UL, "Range: bytes=-1\r\n", INT64_MAX);
        PART(0, UINT64_MAX - 1, "Range: bytes=0-\r\n", UINT64_MAX);
}

Test(range, is_for_get)
{
        cr_expect_eq(judge(SPAN("HEAD / HTTP/1.1\r\n" HOST "Range: bytes=0-1\r\n" END), 10), RANGE_WHOLE);
}

Test(range, if_range_is_one_validator)
{
        cr_expect_eq(JUDGE("Range: bytes=0-1\r\nIf-Range: \"a\"\r\nIf-Range: \"a\"\r\n", 10), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes=0-1\r\nIf-Range: *\r\n", 10), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes=0-1\r\nIf-Range:\r\n", 10), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes=10-\r\nIf-Range: \"x\"\r\n", 10), RANGE_WHOLE);
        cr_expect_eq(JUDGE("Range: bytes=10-\r\nIf-Range: \"a\"\r\n", 10), RANGE_UNSATISFIABLE);
        stored.last_modified = -1;
        cr_expect_eq(JUDGE("Range: bytes=0-1\r\nIf-Range: x\r\n", 10), RANGE_WHOLE);
        stored.etag = (struct span){NULL, 0};
        cr_expect_eq(JUDGE("Range: bytes=0-1\r\nIf-Range: \"a\"\r\n", 10), RANGE_WHOLE);
}

Test(range, the_content_range_of_a_416_is_empty)
{
        uint64_t total;
        cr_assert(content_range_parse(SPAN("BYTES  */281474976710656"), &range, &total));
        cr_expect(range.first > range.last && total == 1UL << 48);
}

static enum range_asked asked(struct span head)
{
        struct message m;

        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        return range_asked(&m, &range);
}

#define ASKED(fields) asked(SPAN(GET fields END))

#define IS(kind, fields) cr_expect_eq(ASKED(fields), RANGE_ASKED_##kind, "%s", fields)

Test(range, one_range_that_can_be_taken_apart)
{
        IS(ONE, "Range: bytes=5-9\r\n");
        cr_expect(range.first == 5 && range.last == 9);
        IS(ONE, "Range: bytes=5-\r\n");
        cr_expect(range.first == 5 && range.last == UINT64_MAX);
        IS(ONE, "Range: bytes=20000000000-20000000009\r\n");
        cr_expect(range.first == 20000000000 && range.last == 20000000009);
}

Test(range, a_suffix_and_several)
{
        IS(SUFFIX, "Range: bytes=-5\r\n");
        cr_expect_eq(range.last, 5);
        IS(SEVERAL, "Range: bytes=7-9,4-5\r\n");
        cr_expect(range.first == 4 && range.last == 5);
        IS(SEVERAL, "Range: bytes=-5,4-5\r\n");
        cr_expect(range.first == 4 && range.last == 5);
        IS(NONE, "Range: bytes=-5,-9\r\n");
}

Test(range, what_is_not_taken_apart)
{
        IS(NONE, "");
        IS(NONE, "Range: bytes=9-5\r\n");
        IS(NONE, "Range: lines=1-2\r\n");
        IS(NONE, "Range: bytes=1-2\r\nRange: bytes=1-2\r\n");
        IS(NONE, "Range: bytes=1-2\r\nIf-Range: \"a\"\r\n");
        cr_expect_eq(RANGE_ASKED_NONE, asked(SPAN("HEAD / HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\n" END)));
}

Test(range, described)
{
        char text[80];
        struct out o = {.at = text, .cap = sizeof text};

        range_describe(&o, &(struct byte_range){5, 9}, 20000000000);
        cr_expect(span_equal((struct span){text, o.len}, SPAN("bytes 5-9/20000000000")));
        o.len = 0;
        range_describe(&o, NULL, 7);
        cr_expect(span_equal((struct span){text, o.len}, SPAN("bytes */7")));
}

Test(range, several_parts)
{
        struct byte_range parts[RANGES_MAX];
        struct message m;

        cr_assert_eq(parse_request(&m, SPAN(GET "Range: bytes=8-,0-1,5-5,1-2\r\n" END)).kind, FAULT_NONE);
        cr_assert_eq(range_parts(&m, &stored, 10, MODIFIED + 99, parts), 3);
        cr_expect(parts[0].first == 8 && parts[0].last == 9 && parts[1].first == 0 && parts[1].last == 2 &&
                  parts[2].first == 5 && parts[2].last == 5);
        cr_assert_eq(range_parts(&m, &stored, 3, MODIFIED + 99, parts), 0, "only one can be satisfied");
        cr_assert_eq(parse_request(&m, SPAN(GET "Range: bytes=0-1,5-5\r\nIf-Range: \"b\"\r\n" END)).kind, FAULT_NONE);
        cr_assert_eq(range_parts(&m, &stored, 10, MODIFIED + 99, parts), 0);
}
