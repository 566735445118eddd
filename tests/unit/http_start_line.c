/* cases.md F7, F14, R6: the first line. */
#include "http_heads.h"

Test(start_line, F7_malformed_request_lines_are_odd)
{
        ODD("GET  / HTTP/1.1\r\n" HOST END);
        ODD("GET /  HTTP/1.1\r\n" HOST END);
        ODD("GET /a b HTTP/1.1\r\n" HOST END);
        ODD("GET\t/ HTTP/1.1\r\n" HOST END);
        ODD("GET / HTTP/1.1 \r\n" HOST END);
        ODD(" GET / HTTP/1.1\r\n" HOST END);
        ODD("GET HTTP/1.1\r\n" HOST END);
        ODD("GET /\0 HTTP/1.1\r\n" HOST END);
        ODD("GET /\1 HTTP/1.1\r\n" HOST END);
        ODD("GET /\r HTTP/1.1\r\n" HOST END);
        ODD("GET /\x7f HTTP/1.1\r\n" HOST END);
        ODD("G(T / HTTP/1.1\r\n" HOST END);
        ODD("GET / http/1.1\r\n" HOST END);
        ODD("GET /\r\n" HOST END);
        ODD("\r\n" HOST END);
}

Test(start_line, F14_other_versions_are_not_http_1)
{
        EXPECT_FAULT(FAULT_NOT_HTTP, 505, "GET / HTTP/2.0\r\n" HOST END);
        EXPECT_FAULT(FAULT_NOT_HTTP, 505, "PRI * HTTP/2.0\r\n" END);
        EXPECT_FAULT(FAULT_NOT_HTTP, 505, "GET / HTTP/1.2\r\n" HOST END);
        EXPECT_FAULT(FAULT_NOT_HTTP, 505, "GET / HTTP/0.9\r\n" HOST END);
        ODD("GET / HTTP/11\r\n" HOST END);
        ODD("GET / HTTP/1.10\r\n" HOST END);
}

Test(start_line, request_lines_are_taken_apart)
{
        struct message m;
        cr_assert_eq(REQUEST(&m, "HEAD /a?b HTTP/1.0\r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.method, METHOD_HEAD);
        cr_expect_eq(m.minor, 0);
        cr_expect_eq(m.start_len, 18);
        cr_expect_eq(m.status, 0);
        cr_expect(span_equal(message_target(&m), SPAN("/a?b")));
}

Test(start_line, targets_may_hold_octets_beyond_ascii)
{
        struct message m;
        cr_assert_eq(REQUEST(&m, "GET /\xc3\xa4\xff?\x80 HTTP/1.1\r\n" HOST END).kind, FAULT_NONE);
        cr_expect(span_equal(message_target(&m), SPAN("/\xc3\xa4\xff?\x80")));
        ODD("GET /\xc3\xa4\1 HTTP/1.1\r\n" HOST END);
        ODD("GET \xc3\xa4 HTTP/1.1\r\n" HOST END);
}

Test(start_line, R6_malformed_status_lines_are_bad)
{
        BAD_REPLY("HTTP/1.1 000 a\r\n" END);
        BAD_REPLY("HTTP/1.1 099 a\r\n" END);
        BAD_REPLY("HTTP/1.1 2\r\n" END);
        BAD_REPLY("HTTP/1.1 20 a\r\n" END);
        BAD_REPLY("HTTP/1.1 1000 a\r\n" END);
        BAD_REPLY("HTTP/2.0 200 OK\r\n" END);
        BAD_REPLY("HTTP/1.2 200 OK\r\n" END);
        BAD_REPLY("HTTP/0.9 200 OK\r\n" END);
        BAD_REPLY("HTTP/1.1  200 OK\r\n" END);
        BAD_REPLY("HTTP/1.1 200OK\r\n" END);
        BAD_REPLY("HTTP/1.1 -20 OK\r\n" END);
        BAD_REPLY("HTTP/1.1\r\n" END);
        BAD_REPLY("HTTP/\r\n" END);
}

Test(start_line, R6_no_status_line_is_bare)
{
        EXPECT_REPLY(FAULT_BARE, false, "ICY 200 OK\r\n" END);
        EXPECT_REPLY(FAULT_BARE, false, "<html>\r\n" END);
        EXPECT_REPLY(FAULT_BARE, false, "\r\n" END);
}

Test(start_line, status_lines_are_taken_apart)
{
        struct message m;
        cr_assert_eq(RESPONSE(&m, "HTTP/1.1 404 Not \xfc there\r\nContent-Length: 0\r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.status, 404);
        cr_expect_eq(m.minor, 1);
        cr_expect(span_equal(message_target(&m), SPAN("Not \xfc there")));
        cr_assert_eq(RESPONSE(&m, "HTTP/1.0 200 \r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.target_len, 0);
        cr_assert_eq(RESPONSE(&m, "HTTP/1.0 599\r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.target_len, 0);
        cr_expect_eq(m.status, 599);
}

Test(start_line, statuses_without_a_class_are_delivered_and_not_stored)
{
        struct message m;

        cr_assert_eq(RESPONSE(&m, "HTTP/1.1 600 a\r\n" END).kind, FAULT_NONE);
        cr_expect(m.status == 600 && m.odd);
        cr_assert_eq(RESPONSE(&m, "HTTP/1.1 999 a\r\n" END).kind, FAULT_NONE);
        cr_expect(m.status == 999 && m.odd);
}
