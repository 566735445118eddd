/* Messages for tests of the rules: parsed from a literal whose last empty line is added, or the test fails. */
#ifndef TESTS_UNIT_MESSAGE_H
#define TESTS_UNIT_MESSAGE_H

#include "http/parse.h"
#include <criterion/criterion.h>
#include <stdio.h>

/* A moment to be now: Sun, 06 Nov 1994 08:49:37 GMT. */
enum { NOW = 784111777, MINUTE = 60, HOUR = 3600, DAY = 86400 };
#define NOW_TEXT "Sun, 06 Nov 1994 08:49:37 GMT"

/* "GET / HTTP/1.1\r\nHost: a\r\n" and the like; `text` must outlive the message. */
#define request_of(m, text)  message_of((m), SPAN(text "\r\n"), false)
#define response_of(m, text) message_of((m), SPAN(text "\r\n"), true)

/* The usual start of each. */
#define GET_(fields) "GET / HTTP/1.1\r\nHost: a\r\n" fields
#define OK_(fields)  "HTTP/1.1 200 OK\r\n" fields

static inline const struct message *message_of(struct message *m, struct span head, bool response)
{
        struct fault fault = response ? parse_response(m, head, METHOD_GET) : parse_request(m, head);
        cr_assert_eq(fault.kind, FAULT_NONE, "%s: %.*s", fault.why, (int)head.len, head.at);
        return m;
}

#define expect_text(out, text)                                                                                         \
        cr_expect(span_equal((struct span){(out).at, (out).len}, SPAN(text)), "got: %.*s", (int)(out).len, (out).at)

#endif
