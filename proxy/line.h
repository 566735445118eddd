/* A line that is being written into a buffer: what does not fit is cut, and the end is never passed. */
#ifndef PROXY_LINE_H
#define PROXY_LINE_H

#include <stdint.h>
#include <sys/socket.h>

#include "http/span.h"

struct line {
        char *at; /* where the next byte goes */
        const char *end;
};

static inline void line_char(struct line *l, char c)
{
        if (l->at < l->end)
                *l->at++ = c;
}

/* In line, so that of a literal a store or two are left. */
static inline void line_span(struct line *l, struct span s)
{
        size_t room = (size_t)(l->end - l->at);

        if (s.len > room)
                s.len = room;
        if (s.len)
                memcpy(l->at, s.at, s.len);
        l->at += s.len;
}

static inline void line_text(struct line *l, const char *text)
{
        line_span(l, (struct span){text, strlen(text)});
}

/* A number of at least `digits` digits (zeros in front), or at least `width` columns (blanks in front). */
void line_number(struct line *, uint64_t n, unsigned digits);
void line_columns(struct line *, uint64_t n, unsigned width);

/* "192.0.2.1", "2001:db8::1"; IPv4 in IPv6 as IPv4; "-" for NULL and other families. `port` 0: none, else ":80", and
 * brackets around IPv6. */
void line_address(struct line *, const struct sockaddr *);
void line_endpoint(struct line *, const struct sockaddr *, uint16_t port);

#endif
