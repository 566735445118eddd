/* Age and freshness (RFC 9111 §4.2). All arithmetic saturates. */
#ifndef HTTP_FRESHNESS_H
#define HTTP_FRESHNESS_H

#include "http/cache_control.h"
#include "http/stored.h"

/* Whether the origin itself says how long: s-maxage, max-age or Expires, even if what it says cannot be understood. */
bool freshness_is_explicit(const struct message *response, const struct cache_control *);

/* Heuristically cacheable (RFC 9110 §15.1). */
bool freshness_status_allows_heuristic(uint16_t status);

/* Date (RFC 9110 §6.6.1), or response_time where there is none that can be read. */
int64_t freshness_date(const struct message *response, int64_t response_time);

/* Age as received: the first member of its list; 0 where it is missing or invalid (§5.1). */
int64_t freshness_age_value(const struct message *response);

/* Freshness lifetime in seconds (§4.2.1: s-maxage, max-age, Expires - Date; §4.2.2: a tenth of Date - Last-Modified, at
 * most a week, for statuses that allow it). *heuristic says which. 0 where nothing gives it one. `allow_heuristic` is
 * false for requests with a Cookie (design.md §5.5). */
int64_t freshness_lifetime(const struct message *response, const struct cache_control *, int64_t response_time,
                           bool allow_heuristic, bool *heuristic);

/* current_age (§4.2.3), never negative. */
int64_t freshness_age(const struct stored *, int64_t now);

/* lifetime - current_age: fresh where it is above zero. */
int64_t freshness_left(const struct stored *, int64_t now);

#endif
