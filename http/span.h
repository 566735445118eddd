/* A run of bytes that somebody else owns. The text is not terminated by a zero; at is NULL only where len is 0. */
#ifndef HTTP_SPAN_H
#define HTTP_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct span {
        const char *at;
        size_t len;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

static inline bool span_equal(struct span a, struct span b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Equal but for the case of ASCII letters (the program runs in the C locale). */
static inline bool span_equal_fold(struct span a, struct span b)
{
        return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

#endif
