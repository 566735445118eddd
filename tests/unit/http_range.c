#include "http/range.h"
#include "http_heads.h"

#define AT "Sun, 06 Nov 1994 08:49:37 GMT"
enum { MODIFIED = 784111777 };

static struct stored stored = {.status = 200, .etag = {"\"a\"", 3}, .last_modified = MODIFIED, .date = MODIFIED + 9};
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
        stored.date = MODIFIED;
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
        static const char *const bad[] = {"",          "bytes 0-10/10", "bytes 5-4/10", "bytes */*",
                                          "bytes 0-9", "bytes 0-9/10x", "lines 0-9/10"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect_not(content_range_parse((struct span){bad[i], strlen(bad[i])}, &range, &total), "%s", bad[i]);
}
