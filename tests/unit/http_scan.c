/* cases.md F9, F14, F18, R6: finding the end of a head. */
#include "http_heads.h"

#include <stdlib.h>

struct scanned {
        enum scan state;
        struct head_scan at;
        struct fault fault;
};

typedef enum scan scan_fn(struct head_scan *, const char *, size_t, struct fault *);

/* Scans all at once and byte by byte: both must come to the same end. */
static struct scanned scan(scan_fn *fn, struct span text)
{
        struct scanned once = {.state = SCAN_MORE}, slow = {.state = SCAN_MORE};
        once.state = fn(&once.at, text.at, text.len, &once.fault);
        for (size_t len = 1; slow.state == SCAN_MORE && len <= text.len; len++) {
                char *bytes = malloc(len); /* so that a look beyond them is noticed */
                memcpy(bytes, text.at, len);
                slow.state = fn(&slow.at, bytes, len, &slow.fault);
                free(bytes);
        }
        cr_expect_eq(once.state, slow.state, "%.*s", (int)text.len, text.at);
        cr_expect_eq(once.fault.kind, slow.fault.kind);
        if (once.state == SCAN_DONE) {
                cr_expect_eq(once.at.seen, slow.at.seen);
                cr_expect_eq(once.at.blank, slow.at.blank);
        }
        return once;
}

#define EXPECT_DONE(text, from, to)                                                                                    \
        do {                                                                                                           \
                struct scanned s_ = scan(scan_request, SPAN(text));                                                    \
                cr_expect_eq(s_.state, SCAN_DONE, "%s", #text);                                                        \
                cr_expect_eq(s_.at.blank, from);                                                                       \
                cr_expect_eq(s_.at.seen, to);                                                                          \
        } while (0)

#define EXPECT_SCAN_FAULT(fn, fault_kind, code, text)                                                                  \
        do {                                                                                                           \
                struct scanned s_ = scan(fn, SPAN(text));                                                              \
                cr_expect_eq(s_.state, SCAN_FAULT, "state %d for %s", s_.state, #text);                                \
                cr_expect_eq(s_.fault.kind, fault_kind, "kind %d for %s", s_.fault.kind, #text);                       \
                cr_expect_eq(s_.fault.status, code, "status %d for %s", s_.fault.status, #text);                       \
        } while (0)

Test(scan, a_head_ends_with_an_empty_line)
{
        EXPECT_DONE("GET / HTTP/1.1\r\nA: b\r\n\r\nmore", 0, 24);
        EXPECT_DONE("GET / HTTP/1.0\r\n\r\n", 0, 18);
        cr_expect_eq(scan(scan_request, SPAN("GET / HTTP/1.1\r\nA: b\r\n\r")).state, SCAN_MORE);
        cr_expect_eq(scan(scan_request, SPAN("")).state, SCAN_MORE);
        cr_expect_eq(scan(scan_response, SPAN("HTTP/1.1 200 OK\r\n\r\n")).state, SCAN_DONE);
}

Test(scan, F9_a_forgiving_reader_finds_the_same_end)
{
        EXPECT_DONE("GET / HTTP/1.1\nA: b\n\nmore", 0, 21);
        EXPECT_DONE("GET / HTTP/1.1\r\nA: b\r\n\nmore", 0, 23);
        EXPECT_DONE("GET / HTTP/1.1\r\nA: b\n\r\nmore", 0, 23);
}

Test(scan, two_blank_lines_are_forgiven)
{
        EXPECT_DONE("\r\nGET / HTTP/1.0\r\n\r\n", 2, 20);
        EXPECT_DONE("\r\n\r\nGET / HTTP/1.0\r\n\r\n", 4, 22);
        EXPECT_SCAN_FAULT(scan_request, FAULT_ODD, 400, "\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n");
        EXPECT_SCAN_FAULT(scan_request, FAULT_ODD, 400, "\nGET / HTTP/1.0\r\n\r\n");
        EXPECT_SCAN_FAULT(scan_response, FAULT_FRAMING, 502, "\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
        cr_expect_eq(scan(scan_request, SPAN("\r")).state, SCAN_MORE);
        cr_expect_eq(scan(scan_response, SPAN("\r\nHTTP/1.1 200 OK\r\n\r\n")).at.blank, 2);
}

Test(scan, F14_what_cannot_be_http_is_known_by_its_first_bytes)
{
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 400, "\x16\x03\x01\x02");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 400, "SSH-2.0-OpenSSH_9.2p1\r");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 400, "SSH-2.0-OpenSSH_9.2p1\n");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 400, "\0");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 400, " ");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 400, "\rG");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 400, "EHLO a.example\r\n");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 400, "OPTIONS rtsp://a RTSP/1.0\r\n");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 400, "POST /\r\n");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 400, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 505, "PRI * HTTP/2.0\r\n");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 505, "GET / HTTP/3.0\r\n");
        EXPECT_SCAN_FAULT(scan_request, FAULT_ODD, 400, "GET /\r\n");
        EXPECT_SCAN_FAULT(scan_request, FAULT_NOT_HTTP, 400, "G \n");
}

Test(scan, what_may_be_http_is_left_for_the_parser)
{
        EXPECT_DONE("GET / HTTP/1.1 \r\n\r\n", 0, 19);
        EXPECT_DONE("GET / http/1.1\r\n\r\n", 0, 18);
        EXPECT_DONE("GET / HTTP/0.9\r\n\r\n", 0, 18);
        EXPECT_DONE("BREW /\1 HTTP/1.1\r\n\r\n", 0, 20);
        EXPECT_DONE("GET / HTTP/1.1\r\n\1\0\2: \r\r\n b\r\n\r\n", 0, 30);
}

Test(scan, R6_a_response_begins_with_http)
{
        EXPECT_SCAN_FAULT(scan_response, FAULT_BARE, 502, "ICY 200 OK\r\n");
        EXPECT_SCAN_FAULT(scan_response, FAULT_BARE, 502, "<");
        EXPECT_SCAN_FAULT(scan_response, FAULT_BARE, 502, "HTT\r\n");
        EXPECT_SCAN_FAULT(scan_response, FAULT_BARE, 502, "http/1.1 200 OK\r\n");
        cr_expect_eq(scan(scan_response, SPAN("HTTP")).state, SCAN_MORE);
        cr_expect_eq(scan(scan_response, SPAN("HTTP/9 what\r\n\r\n")).state, SCAN_DONE);
}

/* ---- sizes ----------------------------------------------------------------------------------------------------- */

static struct scanned scan_filled(scan_fn *fn, const char *start, char with, size_t len)
{
        char *bytes = malloc(len);
        struct scanned s = {.state = SCAN_MORE};
        memset(bytes, with, len);
        memcpy(bytes, start, strlen(start));
        s.state = fn(&s.at, bytes, len, &s.fault);
        free(bytes);
        return s;
}

Test(scan, F18_no_more_than_head_max_is_asked_for)
{
        cr_expect_eq(scan_filled(scan_request, GET "A: ", 'a', HEAD_MAX - 1).state, SCAN_MORE);
        struct scanned s = scan_filled(scan_request, GET "A: ", 'a', HEAD_MAX);
        cr_expect(s.state == SCAN_FAULT && s.fault.kind == FAULT_ODD && s.fault.status == 431);
        s = scan_filled(scan_request, GET "A: ", 'a', 64 << 20);
        cr_expect(s.state == SCAN_FAULT && s.fault.status == 431);
        s = scan_filled(scan_request, "GET /", 'a', HEAD_MAX);
        cr_expect(s.state == SCAN_FAULT && s.fault.kind == FAULT_ODD && s.fault.status == 414);
        s = scan_filled(scan_response, OK "A: ", 'a', HEAD_MAX);
        cr_expect(s.state == SCAN_FAULT && s.fault.kind == FAULT_FRAMING && s.fault.status == 502);
}

Test(scan, a_head_of_just_head_max_is_read)
{
        static char bytes[HEAD_MAX];
        struct head_scan at = {.seen = 0};
        struct fault fault;
        memset(bytes, 'a', sizeof bytes);
        memcpy(bytes, GET "A: ", strlen(GET "A: "));
        memcpy(bytes + HEAD_MAX - 4, "\r\n\r\n", 4);
        cr_expect_eq(scan_request(&at, bytes, sizeof bytes, &fault), SCAN_DONE);
        cr_expect_eq(at.seen, HEAD_MAX);
        static struct message m;
        cr_expect_eq(parse_request(&m, (struct span){bytes, sizeof bytes}).kind, FAULT_NONE);
}

Test(scan, F18_a_million_fields_or_blank_lines_are_given_up_early)
{
        struct scanned s = scan_filled(scan_request, GET, '\n', 1 << 20);
        cr_expect_eq(s.state, SCAN_DONE, "the first empty line");
        char *lines = malloc(4 << 20);
        memcpy(lines, GET, strlen(GET));
        for (size_t i = strlen(GET); i + 4 <= 4 << 20; i += 4)
                memcpy(lines + i, "a:\r\n", 4);
        s = (struct scanned){.state = SCAN_MORE};
        s.state = scan_request(&s.at, lines, 4 << 20, &s.fault);
        cr_expect(s.state == SCAN_FAULT && s.fault.kind == FAULT_ODD && s.fault.status == 431);
        cr_expect_lt(s.at.seen, 2048);
        free(lines);
        s = scan_filled(scan_request, "\r\n\r\n\r\n", '\n', 1 << 20);
        cr_expect(s.state == SCAN_FAULT && s.at.seen == 6);
}
