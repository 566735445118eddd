/* May this response be stored, and as what? (RFC 9111 §3) */
#ifndef HTTP_STORING_H
#define HTTP_STORING_H

#include "http/cache_control.h"
#include "http/render.h"
#include "http/stored.h"

struct storing_rules {
        bool keep_set_cookie; /* cache.set_cookie = "keep" */
};

/* NULL if the response to this request may be stored; *stored is then filled in (its spans but `fields` point into the
 * response's head). Otherwise a constant phrase that says why not, for Cache-Status's detail and the log. A response
 * that could never be reused (no freshness and no validator) is not worth storing and says so. */
const char *storing_verdict(const struct message *request, const struct message *response, const struct storing_rules *,
                            int64_t request_time, int64_t response_time, struct stored *stored);

/* Writes the field lines that are stored (§3.1): without hop-by-hop and Connection-named fields, Age, Content-Length,
 * Proxy-*, those that no-cache="…" or private="…" name and, where `stored` says STORED_COOKIE_STRIPPED, Set-Cookie. */
void storing_fields(struct out *, const struct message *response, const struct stored *);

/* §3.2 with its exceptions: the stored fields as a 304 updates them. *updated gets new times and lifetime, its spans
 * point into `out` (which must stay put). False if it does not fit. */
bool storing_freshen(struct out *, const struct stored *old, const struct message *not_modified,
                     const struct message *request, int64_t request_time, int64_t response_time,
                     struct stored *updated);

#endif
