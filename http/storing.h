/* May this response be stored, and as what? (RFC 9111 §3) */
#ifndef HTTP_STORING_H
#define HTTP_STORING_H

#include "http/cache_control.h"
#include "http/render.h"
#include "http/stored.h"

struct storing_rules {
        bool keep_set_cookie; /* cache.set_cookie = "keep" */
        bool represents;      /* the reply's Content-Location is the target URI: what a POST of explicit freshness is
                                 stored as (RFC 9110 §9.3.3) */
};

/* NULL if the response to this request may be stored; *stored is then filled in (its spans but `fields` point into the
 * response's head). Otherwise a constant phrase that says why not, for Cache-Status's detail and the log. A response
 * that could never be reused (no freshness and no validator) is not worth storing and says so. Of Vary it
 * sees the star alone (vary_names). */
const char *storing_verdict(const struct message *request, const struct message *response, const struct storing_rules *,
                            int64_t request_time, int64_t response_time, struct stored *stored);

/* Makes of a 206 the head that a 200 would have had, so that it can be judged and stored as the whole's: what speaks of
 * the part alone counts as this hop's. `whole` false undoes it. */
void storing_as_whole(struct message *response, bool whole);

/* For whom fields are put together: what is stored is for everybody, and the client whose request it was gets what the
 * origin has sent him. */
enum storing_for { FOR_STORE, FOR_CLIENT };

/* Writes the field lines that are stored (§3.1): without hop-by-hop and Connection-named fields, Age, Content-Length,
 * Proxy-*, those that no-cache="…" or private="…" name and, where `stored` says STORED_COOKIE_STRIPPED, Set-Cookie.
 * With a Date where the response has none (RFC 9110 §6.6.1). For the client: all but what belongs to one hop. */
void storing_fields(struct out *, const struct message *response, const struct stored *, enum storing_for);

/* §3.2 with its exceptions: the stored fields as a 304 updates them. *updated gets new times and lifetime, its spans
 * point into `out` (which must stay put). False if it does not fit, or if the 304 speaks of another response than the
 * stored one (§4.3.4): then it must not be used, and the request has to be sent again without conditions.
 *
 * Vary of a 304 must nominate the same fields; Content-Encoding and Content-Range of the stored bytes stay what they
 * are. A 304 that forbids storing is heeded as far as it can be: *updated has STORED_NO_CACHE. Set-Cookie of a 304 is
 * stored only where that of the response was, or where `public` or `s-maxage` allow it.
 *
 * Also takes the reply to a HEAD that storing_head_agrees has let through (§4.3.5), and a 206 under the same strong
 * validator (§3.4). */
bool storing_freshen(struct out *, const struct stored *old, const struct message *not_modified,
                     const struct message *request, int64_t request_time, int64_t response_time, enum storing_for,
                     struct stored *updated);

/* Whether what a reply to this request says may be added to what is stored for all: a 304, the reply to a HEAD, a part.
 * Not what is one client's own (§3.5, §5.2.2.7) or nobody's (§5.2.1.5, §5.2.2.5). */
bool storing_may_update(const struct message *request, const struct message *response);

/* Whether such a reply says to everybody that the response is not for a shared cache (any more), whoever asked
 * (§5.2.2.5, §5.2.2.7): what is stored is then validated before each use. */
bool storing_withdraws(const struct message *response);

/* Whether the 200 to a HEAD speaks of the stored response, whose body has `length` bytes: then that may be freshened
 * with it; if not, it is to be taken for stale (§4.3.5). */
bool storing_head_agrees(const struct stored *, uint64_t length, const struct message *head);

#endif
