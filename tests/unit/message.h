/* Responses for tests of the rules: parsed from a literal to which the last empty line is added, or the test fails. */
#ifndef TESTS_UNIT_MESSAGE_H
#define TESTS_UNIT_MESSAGE_H

#include "http/parse.h"
#include <criterion/criterion.h>
#include <stdio.h>

/* A moment to be now: the example of RFC 9110. */
enum { NOW = 784111777, HOUR = 3600, DAY = 86400 };
#define NOW_TEXT "Sun, 06 Nov 1994 08:49:37 GMT"

#define OK_(fields) "HTTP/1.1 200 OK\r\n" fields

/* The message points into `text`. */
#define response_of(m, text) message_of((m), SPAN(text "\r\n"))

static inline const struct message *message_of(struct message *m, struct span head)
{
        struct fault fault = parse_response(m, head, METHOD_GET);
        cr_assert_eq(fault.kind, FAULT_NONE, "%s: %.*s", fault.why, (int)head.len, head.at);
        return m;
}

#endif
