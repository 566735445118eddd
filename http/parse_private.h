/* What the files behind parse.h share: a head that is being read.
 *
 * A head is read in this order: start line and lines (lines.c), Connection and the framing fields (framing.c), Host
 * (authority.c), and then by llhttp (parse.c), which must come to the same conclusions. A fault found on the way is
 * only noted, since a worse one may follow: an attempt at the framing outweighs all that is merely odd. */
#ifndef HTTP_PARSE_PRIVATE_H
#define HTTP_PARSE_PRIVATE_H

#include "http/parse.h"

struct reading {
        struct message *m;
        bool response;
        bool chunked;                    /* Transfer-Encoding says so, whether or not there is a body */
        struct fault odd;                /* the first oddity of a request: ODD or NOT_HTTP */
        struct fault breach;             /* the first fault that cannot be lived with: FRAMING, or a response's BARE */
        uint64_t apart[FIELDS_MAX / 64]; /* lines of an odd response that llhttp is not shown, it would refuse them */
};

/* Odd: a request may be tunnelled, a response is delivered but not stored. */
void reading_oddity(struct reading *, enum fault_kind, uint16_t status, const char *why);
/* Not to be forwarded. Of a response the status is 502 whatever `status` says. */
void reading_breach(struct reading *, uint16_t status, const char *why);

/* Keeps the line of m->fields[index] from llhttp. */
static inline void reading_apart(struct reading *r, unsigned index)
{
        r->apart[index / 64] |= 1ULL << index % 64;
}

static inline bool reading_is_apart(const struct reading *r, unsigned index)
{
        return r->apart[index / 64] >> index % 64 & 1;
}

/* lines.c: fills in start_len, fields, present, and hop where the name alone says so. */
void reading_lines(struct reading *, struct span head);
/* start_line.c: method's end, target, minor; status and reason. */
void reading_request_line(struct reading *);
void reading_status_line(struct reading *);
/* The version at the end of a request line, after its last space: 1 or 0 for HTTP/1.1 and HTTP/1.0, else -1. */
int request_line_minor(struct span line);

/* framing.c: persistent, upgrade, hop as Connection says; framing and length. */
void reading_connection(struct reading *);
void reading_request_framing(struct reading *);
void reading_response_framing(struct reading *);

/* authority.c: cases.md H2-H4. */
void reading_host(struct reading *);

#endif
