/* Range requests (RFC 9110 §14). */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include "http/message.h"
#include "http/stored.h"

enum { RANGES_MAX = 256 }; /* in one request; more are not worth the work (§14.2) */

enum range_verdict {
        RANGE_WHOLE,        /* no Range, one that must be ignored, If-Range that fails, or several ranges: 200 with all
                               of it */
        RANGE_PART,         /* 206 with bytes first..last */
        RANGE_UNSATISFIABLE /* 416 */
};

struct byte_range {
        uint64_t first, last; /* both inclusive */
};

/* For a stored response of `length` bytes. 64-bit and saturating (cases.md G1-G3). Several ranges are one part if they
 * touch or overlap. */
enum range_verdict range_verdict(const struct message *request, const struct stored *, uint64_t length, int64_t now,
                                 struct byte_range *);

/* The several parts that a GET asks for where range_verdict says RANGE_WHOLE: apart from each other, in the order in
 * which they were asked for. Returns how many; 0 where it must be the whole. */
size_t range_parts(const struct message *request, const struct stored *, uint64_t length, int64_t now,
                   struct byte_range parts[RANGES_MAX]);

enum range_asked {
        RANGE_ASKED_NONE,   /* nothing that can be taken apart: no Range, an If-Range, what is malformed */
        RANGE_ASKED_ONE,    /* "first-last", or "first-": then last is UINT64_MAX */
        RANGE_ASKED_SUFFIX, /* the last `last` bytes */
        RANGE_ASKED_SEVERAL /* and the range is the first of them, of which the body's beginning says nothing */
};

/* What a GET asks for of a body whose length is not known. */
enum range_asked range_asked(const struct message *request, struct byte_range *);

/* The value of a Content-Range field: of this part, or NULL for "*", of so many bytes. */
struct out;
void range_describe(struct out *, const struct byte_range *, uint64_t length);

/* Content-Range of a 206 or 416 response: true and the three numbers, total = UINT64_MAX for "*". The unsatisfied form
 * of a 416 yields an empty range: first 1, last 0. False for other units and for numbers that contradict each other. */
bool content_range_parse(struct span, struct byte_range *, uint64_t *total);

#endif
