/* SipHash-2-4 with a fixed key: 64 bits that nobody can choose their input for, so that a request cannot be made to
 * select what was stored for another. A stream: begin, add, end. (J.-P. Aumasson, D. J. Bernstein: SipHash, 2012.) */
#ifndef HTTP_DIGEST_H
#define HTTP_DIGEST_H

#include <stdint.h>

#include "http/span.h"

struct digest {
        uint64_t v[4];
        uint64_t word; /* up to seven bytes that wait for the eighth */
        uint64_t len;  /* bytes so far */
};

void digest_begin(struct digest *, uint64_t key0, uint64_t key1);
void digest_byte(struct digest *, unsigned char);
void digest_span(struct digest *, struct span);
uint64_t digest_end(struct digest *);

#endif
