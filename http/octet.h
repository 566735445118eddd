/* What an octet may be part of (RFC 9110 §5.6.2, §5.5; RFC 3986 §3.2.2): one table, so that no rule spells it again. */
#ifndef HTTP_OCTET_H
#define HTTP_OCTET_H

#include "http/span.h"
#include <stdint.h>

enum octet {
        OCTET_TOKEN = 1 << 0,   /* tchar */
        OCTET_HOST = 1 << 1,    /* of a registered name: unreserved and "%"; its sub-delims are not met in real names */
        OCTET_IPV6 = 1 << 2,    /* between the brackets of an IPv6 address */
        OCTET_DIGIT = 1 << 3,   /* DIGIT */
        OCTET_CONTROL = 1 << 4, /* CTL but HTAB: never in a field value, a reason phrase or a chunk extension */
        OCTET_BLANK = 1 << 5    /* SP and HTAB: optional white space */
};

extern const uint8_t octet_table[256];

static inline bool octet_is(char c, unsigned kinds)
{
        return octet_table[(unsigned char)c] & kinds;
}

/* How many octets at the front of `s` are of these kinds. */
static inline size_t octet_run(struct span s, unsigned kinds)
{
        size_t n = 0;
        while (n < s.len && octet_is(s.at[n], kinds))
                n++;
        return n;
}

#endif
