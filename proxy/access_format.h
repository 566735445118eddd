/* One line of the access log in each format; pure but for the time zone. */
#ifndef PROXY_ACCESS_FORMAT_H
#define PROXY_ACCESS_FORMAT_H

#include "proxy/access.h"
#include "proxy/line.h"

enum { ACCESS_LINE_MAX = 24 * 1024 }; /* more than all fields at their longest */

/* The text of a second, made again only when the second changes. */
struct access_clock {
        int64_t second; /* INT64_MIN: none yet */
        char text[40];
};

/* Appends the line with its line end. `line` must have ACCESS_LINE_MAX bytes of room. */
void access_format(struct line *line, enum log_format format, const struct access_entry *e, struct access_clock *clock);

#endif
