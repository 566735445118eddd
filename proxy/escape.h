/* Text that came from outside, made harmless for one line of a log. Each function appends `s` at `to` and returns the
 * new end; it never writes beyond `end` and never leaves half an escape: what does not fit is cut. */
#ifndef PROXY_ESCAPE_H
#define PROXY_ESCAPE_H

#include "http/span.h"

char *escape_url(char *to, const char *end, struct span s);    /* %XX: blanks, quotes, control bytes, all but ASCII */
char *escape_quoted(char *to, const char *end, struct span s); /* between double quotes: \", \\, \xHH */
char *escape_json(char *to, const char *end, struct span s); /* inside a JSON string (RFC 8259 §7); bad UTF-8: U+FFFD */
char *escape_message(char *to, const char *end, struct span s); /* for people: \xHH for what moves a cursor or a line */

#endif
