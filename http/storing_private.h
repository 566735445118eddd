/* What storing.c and freshen.c share: how a response becomes a stored one. */
#ifndef HTTP_STORING_PRIVATE_H
#define HTTP_STORING_PRIVATE_H

#include "http/storing.h"

/* All of *stored but `fields` and `flags`' STORED_AUTHORIZED and STORED_COOKIE_STRIPPED. */
void storing_describe(struct stored *, const struct message *request, const struct message *response,
                      const struct cache_control *, int64_t request_time, int64_t response_time);

/* Whether a field of the response is stored (RFC 9111 §3.1). */
bool storing_keeps(const struct message *response, const struct field *, const struct cache_control *,
                   bool strip_set_cookie, enum storing_for);

/* The only valid entity tag of the response; empty where there is none. */
struct span storing_etag(const struct message *response);

/* Last-Modified of the response as text and as a time; empty and -1 where it is missing or no date. */
int64_t storing_last_modified(const struct message *response, int64_t now, struct span *text);

/* A field's line as it came; a Date line of our own. */
void storing_line(struct out *, const struct message *, const struct field *);
void storing_date(struct out *, int64_t date);

#endif
