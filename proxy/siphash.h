/* SipHash-2-4 with 128 bits of output (Aumasson, Bernstein 2012): a keyed hash whose values cannot be foreseen, nor
 * made to collide, by who chooses the input but does not know the key. */
#ifndef PROXY_SIPHASH_H
#define PROXY_SIPHASH_H

#include <stdint.h>

#include "http/span.h"

enum { SIPHASH_KEY = 16 };

/* The first eight bytes of the output, little-endian, are out[0]. */
void siphash(const uint8_t key[SIPHASH_KEY], struct span input, uint64_t out[2]);

#endif
