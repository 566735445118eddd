/* Age and freshness (RFC 9111 §4.2). All arithmetic saturates. */
#ifndef HTTP_FRESHNESS_H
#define HTTP_FRESHNESS_H

#include "http/cache_control.h"
#include "http/stored.h"

/* Freshness lifetime in seconds (§4.2.1: s-maxage, max-age, Expires - Date; §4.2.2: a tenth of Date - Last-Modified, at
 * most a week, for statuses that allow it). *heuristic says which. 0 where nothing gives it one. `allow_heuristic` is
 * false for requests with a Cookie (design.md §5.5). */
int64_t freshness_lifetime(const struct message *response, const struct cache_control *, int64_t response_time,
                           bool allow_heuristic, bool *heuristic);

/* current_age (§4.2.3), never negative. */
int64_t freshness_age(const struct stored *, int64_t now);

/* lifetime - current_age; negative where it is stale. */
int64_t freshness_left(const struct stored *, int64_t now);

#endif
