/* Heads for tests: parsed from literals, judged in one line. */
#ifndef TESTS_UNIT_HTTP_HEADS_H
#define TESTS_UNIT_HTTP_HEADS_H

#include "http/parse.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define HOST "Host: a.example\r\n"
#define GET  "GET / HTTP/1.1\r\n" HOST
#define POST "POST / HTTP/1.1\r\n" HOST
#define OK   "HTTP/1.1 200 OK\r\n"
#define END  "\r\n"

/* A request or response whose text is a literal; zeros in it count. */
#define REQUEST(m, text)  parse_request((m), SPAN(text))
#define RESPONSE(m, text) parse_response((m), SPAN(text), METHOD_GET)

#define EXPECT_FAULT(fault_kind, code, text)                                                                           \
        do {                                                                                                           \
                struct message m_;                                                                                     \
                struct fault f_ = REQUEST(&m_, text);                                                                  \
                cr_expect_eq(f_.kind, fault_kind, "kind %d (%s) for %s", f_.kind, f_.why ? f_.why : "", #text);        \
                cr_expect_eq(f_.status, code, "status %d for %s", f_.status, #text);                                   \
        } while (0)

/* cases.md: R, T/R, and what is none of these. */
#define REFUSED(text)  EXPECT_FAULT(FAULT_FRAMING, 400, text)
#define ODD(text)      EXPECT_FAULT(FAULT_ODD, 400, text)
#define ACCEPTED(text) EXPECT_FAULT(FAULT_NONE, 0, text)

#define EXPECT_REPLY(fault_kind, is_odd, text)                                                                         \
        do {                                                                                                           \
                struct message m_;                                                                                     \
                struct fault f_ = RESPONSE(&m_, text);                                                                 \
                cr_expect_eq(f_.kind, fault_kind, "kind %d (%s) for %s", f_.kind, f_.why ? f_.why : "", #text);        \
                cr_expect_eq(f_.status, f_.kind == FAULT_NONE ? 0 : 502);                                              \
                cr_expect(f_.kind != FAULT_NONE || m_.odd == (is_odd), "odd: %d for %s", m_.odd, #text);               \
        } while (0)

/* cases.md: B, delivered but not stored, ordinary. */
#define BAD_REPLY(text)  EXPECT_REPLY(FAULT_FRAMING, false, text)
#define ODD_REPLY(text)  EXPECT_REPLY(FAULT_NONE, true, text)
#define GOOD_REPLY(text) EXPECT_REPLY(FAULT_NONE, false, text)

#endif
