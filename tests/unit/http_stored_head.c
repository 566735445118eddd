/* The head of a reply from the store. */
#include "http/render.h"

#include <criterion/criterion.h>

#define FIELDS                                                                                                         \
        "Date: D\r\nServer: s\r\nContent-Type: t\r\nContent-Encoding: gzip\r\nETag: \"e\"\r\nLast-Modified: L\r\n"     \
        "Cache-Control: max-age=9\r\nVary: Accept-Encoding\r\nSet-Cookie: c\r\nContent-MD5: m\r\nExpires: E\r\n"

static struct stored stored(void)
{
        return (struct stored){.status = 200,
                               .reason = SPAN("OK"),
                               .etag = SPAN("\"e\""),
                               .fields = SPAN(FIELDS),
                               .last_modified = -1};
}

static void expect_head(const struct stored *s, struct stored_reply_options options, struct span text)
{
        char bytes[2048];
        struct out o = {.at = bytes, .cap = sizeof bytes};
        render_stored_head(&o, s, &options);
        cr_expect(!o.overflow);
        cr_expect(span_equal((struct span){o.at, o.len}, text), "got:\n%.*s", (int)o.len, o.at);
}

Test(stored_head, a_200_has_all_stored_fields)
{
        struct stored s = stored();
        expect_head(&s,
                    (struct stored_reply_options){.status = 200,
                                                  .age = 7,
                                                  .length = 11,
                                                  .with_length = true,
                                                  .via = true,
                                                  .keep_alive = true,
                                                  .cache_status = SPAN("Limpid; hit")},
                    SPAN("HTTP/1.1 200 OK\r\n" FIELDS "Content-Length: 11\r\nAge: 7\r\nCache-Status: Limpid; hit\r\n"
                         "Via: 1.1 limpid\r\nConnection: keep-alive\r\n\r\n"));
}

Test(stored_head, the_stored_reason_goes_with_the_stored_status_alone)
{
        struct stored s = stored();
        s.status = 404;
        s.reason = SPAN("Gone fishing");
        s.fields = SPAN("A: b\r\n");
        expect_head(&s, (struct stored_reply_options){.status = 404, .chunked = true, .close = true},
                    SPAN("HTTP/1.1 404 Gone fishing\r\nA: b\r\nTransfer-Encoding: chunked\r\nAge: 0\r\nConnection: "
                         "close\r\n\r\n"));
        s.status = 200;
        expect_head(&s,
                    (struct stored_reply_options){
                            .status = 206, .length = 2, .with_length = true, .content_range = SPAN("bytes 0-1/9")},
                    SPAN("HTTP/1.1 206 Partial Content\r\nA: b\r\nContent-Range: bytes 0-1/9\r\nContent-Length: "
                         "2\r\nAge: 0\r\n\r\n"));
}

Test(stored_head, a_304_has_the_fields_of_rfc_9110_15_4_5)
{
        struct stored s = stored();
        struct stored_reply_options options = {.status = 304, .length = 11, .with_length = true};
        expect_head(&s, options,
                    SPAN("HTTP/1.1 304 Not Modified\r\nDate: D\r\nETag: \"e\"\r\nCache-Control: max-age=9\r\n"
                         "Vary: Accept-Encoding\r\nExpires: E\r\nAge: 0\r\n\r\n"));
        s.etag = (struct span){NULL, 0};
        s.fields = SPAN("Last-Modified: L\r\nContent-Length: 3\r\nContent-Location: /l\r\nX: y\r\n");
        expect_head(&s, options,
                    SPAN("HTTP/1.1 304 Not Modified\r\nLast-Modified: L\r\nContent-Location: /l\r\nAge: 0\r\n\r\n"));
}

Test(stored_head, a_416_says_nothing_of_the_content_but_its_length)
{
        struct stored s = stored();
        expect_head(
                &s,
                (struct stored_reply_options){.status = 416, .with_length = true, .content_range = SPAN("bytes */9")},
                SPAN("HTTP/1.1 416 Range Not Satisfiable\r\nDate: D\r\nServer: s\r\nVary: Accept-Encoding\r\n"
                     "Content-Range: bytes */9\r\nContent-Length: 0\r\nAge: 0\r\n\r\n"));
        expect_head(&s, (struct stored_reply_options){.status = 412, .with_length = true},
                    SPAN("HTTP/1.1 412 Precondition Failed\r\nDate: D\r\nServer: s\r\nVary: Accept-Encoding\r\n"
                         "Content-Length: 0\r\nAge: 0\r\n\r\n"));
}

Test(stored_head, what_the_origin_has_just_sent_has_no_age_and_a_small_buffer_overflows)
{
        struct stored s = stored();
        char bytes[40];
        struct out o = {.at = bytes, .cap = sizeof bytes};
        render_stored_head(&o, &s, &(struct stored_reply_options){.status = 200, .age = -5});
        cr_expect(o.overflow);
        s.fields = (struct span){NULL, 0};
        expect_head(&s, (struct stored_reply_options){.status = 200, .age = -5}, SPAN("HTTP/1.1 200 OK\r\n\r\n"));
}

Test(stored_head, a_part_has_the_range_that_is_said_and_no_other)
{
        struct stored s = stored();
        s.fields = SPAN("Content-Range: abc\r\nA: b\r\n");
        expect_head(&s,
                    (struct stored_reply_options){.status = 206,
                                                  .age = -1,
                                                  .content_range = SPAN("bytes 0-1/9"),
                                                  .with_length = true,
                                                  .length = 2},
                    SPAN("HTTP/1.1 206 Partial Content\r\nA: b\r\nContent-Range: bytes 0-1/9\r\nContent-Length: "
                         "2\r\n\r\n"));
}
