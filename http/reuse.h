/* May this stored response answer that request? (RFC 9111 §4, §5.2.1) */
#ifndef HTTP_REUSE_H
#define HTTP_REUSE_H

#include "http/cache_control.h"
#include "http/stored.h"

enum reuse {
        REUSE_FRESH,      /* as it is */
        REUSE_STALE,      /* stale, but the request's max-stale allows it as it is */
        REUSE_VALIDATE,   /* after a successful validation only (§4.3); without a validator: fetched anew */
        REUSE_ONLY_CACHED /* only-if-cached and it would have to be validated: 504 (§5.2.1.7) */
};

/* *why is the detail of Cache-Status; NULL where there is nothing to say. */
enum reuse reuse_verdict(const struct message *request, const struct stored *, int64_t now, const char **why);

struct reuse_ruling {
        enum reuse verdict;
        const char *why;       /* as in reuse_verdict */
        const char *paragraph; /* of the RFC: where the rule that decided stands */
};

/* The same, with its source. */
struct reuse_ruling reuse_ruling(const struct message *request, const struct stored *, int64_t now);

/* After REUSE_VALIDATE: whether what is stored may answer at once if the validation goes on in the background (RFC 5861
 * §3, stale-while-revalidate). Only for who does that. */
bool reuse_while_validating(const struct message *request, const struct stored *, int64_t now);

enum reuse_failure {
        REUSE_UNREACHABLE, /* no answer from the origin */
        REUSE_SERVER_ERROR /* 500, 502, 503 or 504 (RFC 5861 §4) */
};

/* After REUSE_VALIDATE: whether what is stored may answer although the validation failed: by stale-if-error of either
 * side, and where the origin cannot be reached whatever no directive forbids to use stale (RFC 9111 §4.2.4), nor limits
 * by a stale-if-error that has run out. *why as in reuse_verdict. */
bool reuse_despite_failure(const struct message *request, const struct stored *, int64_t now, enum reuse_failure,
                           const char **why);

/* Whether the client's own Cache-Control or Pragma (§5.4) asks that nothing stored be looked up: the `request` forward
 * reason. */
bool request_wants_origin(const struct message *request);

/* Whether what the origin says to this request may be for others too: it has no condition, no credentials, and does not
 * forbid to store. */
bool request_is_anybodys(const struct message *request);

#endif
