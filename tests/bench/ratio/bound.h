/* What no policy can beat, with sizes that differ: PFOO-L (Berger, Beckmann, Harchol-Balter, SIGMETRICS 2018).
 *
 * A hit needs the object to be held from the request before to this one: its size, times the requests between them, is
 * a piece of the space that a cache has over the whole trace. If the cheapest pieces are taken until that space is
 * full, no cache can have had more hits, though none may be able to have just these: held at once they may be too
 * large. For the byte hit ratio the dearest bytes for their space are those that come again soonest. The last piece is
 * taken in part. So it is a bound and no schedule; policy_belady is a schedule and no bound. */
#ifndef RATIO_BOUND_H
#define RATIO_BOUND_H

#include "tests/bench/ratio/policy.h"

/* As policy_run, where the cache holds at the most, or in the mean over all requests, `room` bytes. Pieces that end
 * before `from` do not count and cost nothing, and of those that begin before it only what comes after is paid. */
bool bound_find(const struct trace *, uint64_t room, size_t from, struct ratios *);

#endif
