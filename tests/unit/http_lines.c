/* cases.md F7-F9, F18: the lines of a head. */
#include "http/fields.h"
#include "http_heads.h"

Test(lines, F7_malformed_names_are_odd)
{
        ODD(GET "X : y\r\n" END);
        ODD(GET "X\t: y\r\n" END);
        ODD(GET ": y\r\n" END);
        ODD(GET "X\0: y\r\n" END);
        ODD(GET "X\1y: z\r\n" END);
        ODD(GET "X y: z\r\n" END);
        ODD(GET "X(y): z\r\n" END);
        ODD(GET "X\xe4: z\r\n" END);
        ODD(GET "no colon\r\n" END);
        ODD(GET "token\r\n" END);
}

Test(lines, F8_folded_fields_are_odd)
{
        ODD(GET "X: y\r\n z\r\n" END);
        ODD(GET "X: y\r\n\tz\r\n" END);
        ODD(GET "X:\r\n y\r\n" END);
        ODD(GET "X: y\r\n \r\n" END);
        ODD("GET / HTTP/1.1\r\n " HOST HOST END);
}

Test(lines, F8_folded_framing_fields_are_refused)
{
        REFUSED(POST "Transfer-Encoding:\r\n chunked\r\n" END);
        REFUSED(POST "Transfer-Encoding: chunked\r\n \r\n" END);
        REFUSED(POST "Content-Length: 5\r\n\t5\r\n" END);
        REFUSED("GET / HTTP/1.1\r\nHost: a.example\r\n b\r\n" END);
}

Test(lines, F9_bare_line_feeds_are_odd)
{
        ODD("GET / HTTP/1.1\n" HOST END);
        ODD("GET / HTTP/1.1\r\nHost: a.example\n" END);
        ODD(GET "X: y\nZ: z\r\n" END);
        ODD(GET "\n");
        ODD("GET / HTTP/1.1\nHost: a.example\n\n");
}

Test(lines, a_head_ends_with_its_empty_line)
{
        REFUSED(GET);
        REFUSED(GET END "X");
        REFUSED(GET END END);
        EXPECT_FAULT(FAULT_FRAMING, 400, "");
        EXPECT_FAULT(FAULT_FRAMING, 400, "GET / HTTP/1.1");
}

static struct fault parse_text(const char *text, size_t len)
{
        static struct message m;
        return parse_request(&m, (struct span){text, len});
}

Test(lines, F18_a_name_of_more_than_1024_bytes_is_odd_431)
{
        char head[2048];
        for (int name = FIELD_NAME_MAX; name <= FIELD_NAME_MAX + 1; name++) {
                char letters[FIELD_NAME_MAX + 2];
                memset(letters, 'x', sizeof letters);
                int len = snprintf(head, sizeof head, GET "%.*s: y\r\n\r\n", name, letters);
                struct fault f = parse_text(head, (size_t)len);
                cr_expect_eq(f.kind, name > FIELD_NAME_MAX ? FAULT_ODD : FAULT_NONE);
                cr_expect_eq(f.status, name > FIELD_NAME_MAX ? 431 : 0);
        }
}

Test(lines, F18_more_than_256_fields_are_odd_431)
{
        char head[4096] = GET;
        size_t len = strlen(head);
        for (unsigned fields = 2; fields <= FIELDS_MAX; fields++, len += 5)
                memcpy(head + len, "X: \r\n", 5);
        memcpy(head + len, "\r\n", 2);
        cr_expect_eq(parse_text(head, len + 2).kind, FAULT_NONE);
        memcpy(head + len, "X: \r\n\r\n", 7);
        struct fault f = parse_text(head, len + 7);
        cr_expect_eq(f.kind, FAULT_ODD);
        cr_expect_eq(f.status, 431);
        static struct message m;
        memcpy(head, OK "X: 01234567890\r\n", strlen(GET)); /* a response of as many lines */
        cr_expect_eq(parse_response(&m, (struct span){head, len + 7}, METHOD_GET).kind, FAULT_FRAMING);
}

Test(lines, names_and_values_lie_where_they_should)
{
        struct message m;
        cr_assert_eq(REQUEST(&m, "GET / HTTP/1.1\r\nHost:a.example\r\nX-Y: \t z z\t\r\nAge:\r\nVia:  \r\n" END).kind,
                     FAULT_NONE);
        cr_assert_eq(m.field_count, 4);
        cr_expect(span_equal(field_name(&m, &m.fields[0]), SPAN("Host")));
        cr_expect(span_equal(field_value(&m, &m.fields[0]), SPAN("a.example")));
        cr_expect(span_equal(field_name(&m, &m.fields[1]), SPAN("X-Y")));
        cr_expect(span_equal(field_value(&m, &m.fields[1]), SPAN("z z")));
        cr_expect_eq(m.fields[1].line_len, 11);
        cr_expect_eq(m.fields[2].value_len, 0);
        cr_expect_eq(m.fields[3].value_len, 0);
        cr_expect(message_has(&m, FIELD_HOST) && message_has(&m, FIELD_AGE) && message_has(&m, FIELD_OTHER));
        cr_expect(!message_has(&m, FIELD_DATE));
}

/* ---- responses ------------------------------------------------------------------------------------------------- */

Test(lines, R1_a_folded_response_is_delivered_but_not_stored)
{
        struct message m;
        ODD_REPLY(OK "X: y\r\n z\r\nContent-Length: 0\r\n" END);
        cr_assert_eq(RESPONSE(&m, OK "X:\r\n y,\r\n\tz\r\nContent-Length: 0\r\n" END).kind, FAULT_NONE);
        cr_assert_eq(m.field_count, 2);
        cr_expect(span_equal(field_value(&m, &m.fields[0]), SPAN("y,\r\n\tz")));
        struct span rest = field_value(&m, &m.fields[0]), element;
        cr_expect(list_next(&rest, &element) && list_next(&rest, &element) && span_equal(element, SPAN("z")));
}

Test(lines, R1_a_fold_in_framing_fields_or_first_is_bad)
{
        BAD_REPLY(OK "Content-Length:\r\n 5\r\n" END);
        BAD_REPLY(OK "Transfer-Encoding: chunked\r\n ,chunked\r\n" END);
        BAD_REPLY(OK " X: y\r\nContent-Length: 0\r\n" END);
}

Test(lines, R1_a_bare_cr_or_a_nul_is_bad)
{
        BAD_REPLY(OK "X: y\rz\r\n" END);
        BAD_REPLY(OK "X: y\r\r\n" END);
        BAD_REPLY(OK "X: \0y\r\n" END);
        BAD_REPLY(OK "X : y\rz\r\n" END);
        BAD_REPLY(OK "X y\rz\r\n" END);
        BAD_REPLY(OK "X : y\r\n \0z\r\n" END);
        BAD_REPLY(OK "X: y\r\n z\rz\r\n" END);
        BAD_REPLY("HTTP/1.1 200 O\rK\r\n" END);
        BAD_REPLY("HTTP/1.1 200 O\0K\r\n" END);
}

Test(lines, sloppy_responses_are_delivered_but_not_stored)
{
        ODD_REPLY(OK "X : y\r\nContent-Length: 0\r\n" END);
        ODD_REPLY(OK "X: \1y\r\nContent-Length: 0\r\n" END);
        ODD_REPLY(OK "X: y\r\n \1z\r\nContent-Length: 0\r\n" END);
        ODD_REPLY(OK "no colon\r\nContent-Length: 0\r\n" END);
        ODD_REPLY(OK ": y\r\nContent-Length: 0\r\n" END);
        ODD_REPLY("HTTP/1.1 200 OK\nContent-Length: 0\n\n");
        ODD_REPLY(OK "Content-Length: 0\r\n"
                     "\n");
        BAD_REPLY(OK "Content-Length : 0\r\n" END);
        BAD_REPLY(OK "Transfer-Encoding\t: chunked\r\n" END);
}

Test(lines, a_line_without_a_name_is_not_passed_on)
{
        struct message m;
        cr_assert_eq(RESPONSE(&m, OK "Content-Length\1: 5\r\nContent-Length: 0\r\n" END).kind, FAULT_NONE);
        cr_expect_eq(m.fields[0].hop, 1);
        cr_expect_eq(m.fields[0].name_len, 0);
        cr_expect_eq(m.length, 0);
}
