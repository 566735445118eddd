/* What the rules of RFC 9111 must know of a stored response, computed once when it is stored, so that a hit parses
 * nothing. */
#ifndef HTTP_STORED_H
#define HTTP_STORED_H

#include <stdint.h>

#include "http/span.h"

enum stored_flag {
        STORED_NO_CACHE = 1 << 0, /* must be validated before each use */
        STORED_MUST_REVALIDATE =
                1 << 1, /* never stale (must-revalidate, proxy-revalidate, s-maxage: RFC 9111 §5.2.2.2, .8, .10) */
        STORED_HEURISTIC = 1 << 2,       /* its lifetime was guessed (§4.2.2) */
        STORED_IMMUTABLE = 1 << 3,       /* RFC 8246 */
        STORED_COOKIE_STRIPPED = 1 << 4, /* Set-Cookie was left out */
        STORED_AUTHORIZED = 1 << 5,      /* the request had Authorization; storing was allowed by §3.5 */
        STORED_SPARSE = 1 << 6           /* of its body only some parts may be stored */
};

struct stored {
        uint16_t status;
        uint16_t flags;                                 /* enum stored_flag */
        int64_t request_time;                           /* unix seconds at which the request was sent */
        int64_t response_time;                          /* … and the reply's head received */
        int64_t date;                                   /* Date, or response_time where it has none */
        int64_t age;                                    /* Age as received, 0 where there is none (§4.2.3) */
        int64_t lifetime;                               /* freshness lifetime in seconds (§4.2.1, §4.2.2) */
        int64_t last_modified;                          /* unix seconds, -1 where there is none */
        int64_t stale_while_revalidate, stale_if_error; /* seconds, -1 where absent (RFC 5861) */
        struct span etag;                               /* with W/ and quotes; empty where there is none */
        struct span last_modified_text;
        struct span reason; /* reason phrase as it came */
        struct span fields; /* field lines, each with its CRLF: what is sent again, without Age, Content-Length,
                               Transfer-Encoding and what belongs to one hop */
};

#endif
