/* cases.md F1-F6, H7, R1, R2: where a body ends, and who says so. */
#include "http/fields.h"
#include "http_heads.h"

Test(framing, F1_length_and_coding_together_are_refused)
{
        REFUSED(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END);
        REFUSED(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END);
        REFUSED(POST "transfer-encoding: chunked\r\nX: y\r\nCONTENT-LENGTH: 0\r\n" END);
        REFUSED(GET "Content-Length: 5\r\nTransfer-Encoding:\r\n" END);
}

Test(framing, F2_codings_other_than_one_chunked_are_refused)
{
        REFUSED(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END);
        REFUSED(POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n" END);
        REFUSED(POST "Transfer-Encoding: chunked, chunked\r\n" END);
        REFUSED(POST "Transfer-Encoding: identity\r\n" END);
        REFUSED(POST "Transfer-Encoding: identity, chunked\r\n" END);
        REFUSED(POST "Transfer-Encoding: ,chunked\r\n" END);
        REFUSED(POST "Transfer-Encoding: chunked,\r\n" END);
        REFUSED(POST "Transfer-Encoding: chunked, gzip\r\n" END);
        EXPECT_FAULT(FAULT_FRAMING, 501, POST "Transfer-Encoding: gzip, chunked\r\n" END);
}

Test(framing, F3_codings_that_look_like_chunked_are_refused)
{
        REFUSED(POST "Transfer-Encoding: xchunked\r\n" END);
        REFUSED(POST "Transfer-Encoding: \"chunked\"\r\n" END);
        REFUSED(POST "Transfer-Encoding: chunked;q=1\r\n" END);
        REFUSED(POST "Transfer-Encoding: \vchunked\r\n" END);
        REFUSED(POST "Transfer-Encoding: chunked\v\r\n" END);
        REFUSED(POST "Transfer-Encoding: \xa0"
                     "chunked\r\n" END);
        REFUSED(POST "Transfer-Encoding: chunked\xa0\r\n" END);
        REFUSED(POST "Transfer-Encoding: chunked\0\r\n" END);
        REFUSED(POST "Transfer-Encoding: \rchunked\r\n" END);
        REFUSED(POST "Transfer-Encoding:\r\n" END);
        REFUSED(POST "Transfer-Encoding: chunk\r\n" END);
}

Test(framing, F4_a_coding_needs_http_1_1)
{
        REFUSED("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n" END);
        REFUSED("POST / HTTP/0.9\r\n" HOST "Transfer-Encoding: chunked\r\n" END);
}

Test(framing, F5_lengths_that_are_not_one_number_are_refused)
{
        REFUSED(POST "Content-Length: 5\r\nContent-Length: 5\r\n" END);
        REFUSED(POST "Content-Length: 5\r\nContent-Length: 6\r\n" END);
        REFUSED(POST "Content-Length: 5, 5\r\n" END);
        REFUSED(POST "Content-Length: +5\r\n" END);
        REFUSED(POST "Content-Length: -5\r\n" END);
        REFUSED(POST "Content-Length: 0x5\r\n" END);
        REFUSED(POST "Content-Length: 5x\r\n" END);
        REFUSED(POST "Content-Length: 5 5\r\n" END);
        REFUSED(POST "Content-Length: 5.0\r\n" END);
        REFUSED(POST "Content-Length: 5\v\r\n" END);
        REFUSED(POST "Content-Length:\r\n" END);
        REFUSED(POST "Content-Length: \r\nContent-Length: 5\r\n" END);
}

Test(framing, F6_lengths_of_2_to_the_63_and_more_are_refused)
{
        REFUSED(POST "Content-Length: 9223372036854775808\r\n" END);
        REFUSED(POST "Content-Length: 18446744073709551615\r\n" END);
        REFUSED(POST "Content-Length: 18446744073709551621\r\n" END);
        REFUSED(POST "Content-Length: 99999999999999999999999999999999\r\n" END);
        struct message m;
        cr_expect_eq(REQUEST(&m, POST "Content-Length: 9223372036854775806\r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.length, INT64_MAX - 1);
}

Test(framing, F6_leading_zeros_are_a_number_like_any_other)
{
        struct message m;
        cr_expect_eq(REQUEST(&m, POST "Content-Length: 000000000000000000000000000005\r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.framing, FRAMING_LENGTH);
        cr_expect_eq(m.length, 5);
}

Test(framing, a_request_without_framing_fields_has_no_body)
{
        struct message m;
        cr_expect_eq(REQUEST(&m, GET END).kind, FAULT_NONE);
        cr_expect_eq(m.framing, FRAMING_NONE);
        cr_expect_eq(REQUEST(&m, POST "Transfer-Encoding: \t CHUNKED \r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.framing, FRAMING_CHUNKED);
}

Test(framing, F7_a_blank_before_the_colon_does_not_hide_a_framing_field)
{
        ODD(POST "Transfer-Encoding : chunked\r\n" END);
        REFUSED(POST "Content-Length: 5\r\nTransfer-Encoding : chunked\r\n" END);
        REFUSED(POST "Content-Length : 5\r\nContent-Length: 5\r\n" END);
}

Test(framing, a_fault_of_the_framing_outweighs_an_earlier_oddity)
{
        REFUSED("POST  / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END);
        REFUSED(POST "X : y\r\nContent-Length: 5, 5\r\n" END);
        REFUSED(POST "X: y\nContent-Length: 5\nTransfer-Encoding: chunked\n" END);
        REFUSED("POST / HTTP/1.1\r\nContent-Length: x\r\n" END);
        REFUSED(POST "X: \1\r\nContent-Length: x\r\n" END);
        REFUSED("BREW / HTTP/1.1\r\n" HOST "Content-Length: x\r\n" END);
}

/* ---- Connection ------------------------------------------------------------------------------------------------ */

Test(framing, H7_connection_may_not_name_framing_fields_or_host)
{
        REFUSED(GET "Connection: Host\r\n" END);
        REFUSED(POST "Content-Length: 5\r\nConnection: keep-alive, content-length\r\n" END);
        REFUSED(GET "Connection: close\r\nConnection: transfer-encoding\r\n" END);
        ODD_REPLY(OK "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n" END);
}

Test(framing, H7_connection_makes_fields_its_hops_own)
{
        struct message m;
        cr_expect_eq(
                REQUEST(&m, GET "Cookie: a\r\nX-a: b\r\nConnection: cookie, x-A\r\nVia: c\r\nCookie: b\r\n" END).kind,
                FAULT_NONE);
        static const bool hop[] = {false, true, true, true, false, true};
        cr_assert_eq(m.field_count, sizeof hop);
        for (unsigned i = 0; i < sizeof hop; i++)
                cr_expect_eq(m.fields[i].hop, hop[i], "field %u", i);
        cr_expect(message_has(&m, FIELD_COOKIE), "a rule still sees what Connection names");
}

Test(framing, some_fields_are_always_their_hops_own)
{
        struct message m;
        cr_expect_eq(REQUEST(&m, GET
                             "Connection: x\r\nKeep-Alive: y\r\nProxy-Connection: z\r\nTE: trailers\r\nTrailer: t\r\n"
                             "Transfer-Encoding: chunked\r\nUpgrade: u\r\nProxy-Authorization: v\r\n" END)
                             .kind,
                     FAULT_NONE);
        for (unsigned i = 0; i < m.field_count; i++)
                cr_expect_eq(m.fields[i].hop, i >= 1 && i <= 7, "field %u", i);
}

Test(framing, trailer_of_a_response_is_not_its_hops_own)
{
        struct message m;
        cr_expect_eq(RESPONSE(&m, OK "Trailer: a\r\nKeep-Alive: b\r\n" END).kind, FAULT_NONE);
        cr_expect_not(m.fields[0].hop);
        cr_expect(m.fields[1].hop);
        cr_expect_eq(RESPONSE(&m, OK "Trailer: a\r\nConnection: trailer\r\n" END).kind, FAULT_NONE);
        cr_expect(m.fields[0].hop);
}

Test(framing, too_many_connection_options_are_refused)
{
#define EIGHT "a,b,c,d,e,f,g,h,"
        ACCEPTED(GET "Connection: " EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT "\r\n" END);
        REFUSED(GET "Connection: " EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT EIGHT "i\r\n" END);
}

static bool persistent(struct span head, bool response)
{
        struct message m;
        struct fault f = response ? parse_response(&m, head, METHOD_GET) : parse_request(&m, head);
        cr_expect_eq(f.kind, FAULT_NONE);
        return m.persistent;
}

Test(framing, persistence_follows_version_and_connection)
{
        cr_expect(persistent(SPAN(GET END), false));
        cr_expect(!persistent(SPAN(GET "Connection: Close\r\n" END), false));
        cr_expect(!persistent(SPAN(GET "Connection: keep-alive, close\r\n" END), false));
        cr_expect(!persistent(SPAN("GET / HTTP/1.0\r\n" END), false));
        cr_expect(persistent(SPAN("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" END), false));
        cr_expect(persistent(SPAN(OK "Content-Length: 0\r\n" END), true));
        cr_expect(!persistent(SPAN(OK END), true), "a body that ends with the connection");
        cr_expect(!persistent(SPAN("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n" END), true));
}

static bool upgrade(struct span head)
{
        struct message m;
        cr_expect_eq(parse_request(&m, head).kind, FAULT_NONE);
        return m.upgrade;
}

Test(framing, M3_upgrade_needs_connection_a_protocol_and_http_1_1)
{
        cr_expect(upgrade(SPAN(GET "Connection: Upgrade\r\nUpgrade: websocket\r\n" END)));
        cr_expect(!upgrade(SPAN(GET "Upgrade: websocket\r\n" END)));
        cr_expect(!upgrade(SPAN(GET "Connection: upgrade\r\n" END)));
        cr_expect(!upgrade(SPAN("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" END)));
        cr_expect(
                !upgrade(SPAN(GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\n" END)));
}

/* ---- responses ------------------------------------------------------------------------------------------------- */

Test(framing, R1_responses_framed_twice_or_badly_are_bad)
{
        BAD_REPLY(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END);
        BAD_REPLY(OK "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END);
        BAD_REPLY(OK "Content-Length: 5\r\nContent-Length: 6\r\n" END);
        BAD_REPLY(OK "Content-Length: 5, 6\r\n" END);
        BAD_REPLY(OK "Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 6\r\n" END);
        BAD_REPLY(OK "Content-Length: -1\r\n" END);
        BAD_REPLY(OK "Content-Length:\r\n" END);
        BAD_REPLY(OK "Content-Length: ,\r\n" END);
        BAD_REPLY(OK "Content-Length: 5, x\r\n" END);
        BAD_REPLY(OK "Content-Length:\r\nContent-Length: 5\r\n" END);
        BAD_REPLY(OK "Content-Length: 18446744073709551615\r\n" END);
        BAD_REPLY(OK "Transfer-Encoding: chunked, chunked\r\n" END);
        BAD_REPLY(OK "Transfer-Encoding: gzip, chunked\r\n" END);
        BAD_REPLY(OK "Transfer-Encoding: identity\r\nContent-Length: 5\r\n" END);
        BAD_REPLY("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n" END);
}

Test(framing, R1_lengths_alike_count_once_and_are_not_stored)
{
        ODD_REPLY(OK "Content-Length: 5\r\nContent-Length: 5\r\n" END);
        ODD_REPLY(OK "Content-Length: 5, 5\r\n" END);
        ODD_REPLY(OK "Content-Length: 5, 05\r\nVia: a\r\nContent-Length: 5\r\n" END);
        struct message m;
        cr_expect_eq(RESPONSE(&m, OK "Content-Length: 5,5\r\nContent-Length: 5\r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.framing, FRAMING_LENGTH);
        cr_expect_eq(m.length, 5);
}

Test(framing, identity_of_old_servers_reads_to_the_close)
{
        struct message m;
        ODD_REPLY(OK "Transfer-Encoding: identity\r\n" END);
        cr_expect_eq(RESPONSE(&m, OK "Transfer-Encoding: Identity\r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.framing, FRAMING_CLOSE);
}

Test(framing, a_reply_in_a_coding_of_its_own_goes_on_to_the_close)
{
        struct message m;
        ODD_REPLY(OK "Transfer-Encoding: gzip\r\n" END);
        cr_expect_eq(RESPONSE(&m, OK "Transfer-Encoding: gzip, frobnicate\r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.framing, FRAMING_CLOSE);
        cr_expect(m.foreign_coding);
        cr_expect_eq(RESPONSE(&m, OK "Transfer-Encoding: identity\r\n" END).kind, FAULT_NONE);
        cr_expect_not(m.foreign_coding);
        BAD_REPLY(OK "Transfer-Encoding: xchunked\r\n" END);
        BAD_REPLY(OK "Transfer-Encoding: chunked, gzip\r\n" END);
        BAD_REPLY(OK "Transfer-Encoding: gzip;q=1\r\n" END);
        BAD_REPLY(OK "Transfer-Encoding: ,\r\n" END);
        BAD_REPLY(OK "Transfer-Encoding: gzip\r\nContent-Length: 5\r\n" END);
        BAD_REPLY(OK "Transfer-Encoding: gzip\r\nTransfer-Encoding: gzip\r\n" END);
        BAD_REPLY("HTTP/1.0 200 OK\r\nTransfer-Encoding: gzip\r\n" END);
}

static enum framing framing_of(struct span head, enum method method)
{
        struct message m;
        struct fault f = parse_response(&m, head, method);
        cr_expect_eq(f.kind, FAULT_NONE, "%s", f.why);
        return m.framing;
}

Test(framing, R2_replies_without_a_body_have_none_whatever_they_say)
{
        static const struct span fields[] = {
                {"Content-Length: 5\r\n\r\n", 21}, {"Transfer-Encoding: chunked\r\n\r\n", 30}, {"\r\n", 2}};
        static const char *const starts[] = {"HTTP/1.1 101 a\r\n", "HTTP/1.1 204 a\r\n", "HTTP/1.1 304 a\r\n",
                                             "HTTP/1.1 100 a\r\n"};
        char head[128];
        for (unsigned i = 0; i < 3; i++) {
                for (unsigned j = 0; j < 4; j++) {
                        int len = snprintf(head, sizeof head, "%s%s", starts[j], fields[i].at);
                        cr_expect_eq(framing_of((struct span){head, (size_t)len}, METHOD_GET), FRAMING_NONE);
                }
                int len = snprintf(head, sizeof head, OK "%s", fields[i].at);
                cr_expect_eq(framing_of((struct span){head, (size_t)len}, METHOD_HEAD), FRAMING_NONE);
        }
}

Test(framing, R2_conflicting_framing_is_bad_even_without_a_body)
{
        BAD_REPLY("HTTP/1.1 304 a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" END);
        BAD_REPLY("HTTP/1.1 204 a\r\nContent-Length: 5\r\nContent-Length: 6\r\n" END);
}

Test(framing, responses_are_framed_by_coding_length_or_close)
{
        cr_expect_eq(framing_of(SPAN(OK "Transfer-Encoding: chunked\r\n" END), METHOD_GET), FRAMING_CHUNKED);
        cr_expect_eq(framing_of(SPAN(OK "Content-Length: 0\r\n" END), METHOD_GET), FRAMING_LENGTH);
        cr_expect_eq(framing_of(SPAN(OK END), METHOD_GET), FRAMING_CLOSE);
        cr_expect_eq(framing_of(SPAN("HTTP/1.0 200 OK\r\n" END), METHOD_POST), FRAMING_CLOSE);
}
