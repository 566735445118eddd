/* How often each client may ask for something: a bucket of tokens for each, in a table of fixed size where a few
 * may share one. IPv6 clients are told apart by their /64, for one machine has as many addresses as it likes.
 * One thread, or under its user's lock. */
#ifndef PROXY_RATE_H
#define PROXY_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/address.h"

enum { RATE_BURST = 40, RATE_PER_SECOND = 10 };

struct rates;

struct rates *rates_new(void); /* NULL: out of memory, or no random numbers to be had */
void rates_free(struct rates **);

/* Takes a token of the client's. False: it has none left. `now_ms`: of a clock that never steps. */
bool rates_allow(struct rates *, const union address *client, int64_t now_ms);

#endif
