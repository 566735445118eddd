/* Cache-Control, both ways (RFC 9111 §5.2, RFC 5861, RFC 8246). */
#ifndef HTTP_CACHE_CONTROL_H
#define HTTP_CACHE_CONTROL_H

#include "http/message.h"

enum directive {
        CC_NO_STORE = 1 << 0,
        CC_NO_CACHE = 1 << 1,        /* unqualified */
        CC_NO_CACHE_FIELDS = 1 << 2, /* no-cache="…" */
        CC_PRIVATE = 1 << 3,         /* unqualified */
        CC_PRIVATE_FIELDS = 1 << 4,  /* private="…" */
        CC_PUBLIC = 1 << 5,
        CC_MUST_REVALIDATE = 1 << 6,
        CC_PROXY_REVALIDATE = 1 << 7,
        CC_MUST_UNDERSTAND = 1 << 8,
        CC_NO_TRANSFORM = 1 << 9,
        CC_ONLY_IF_CACHED = 1 << 10,
        CC_IMMUTABLE = 1 << 11,
        CC_MAX_STALE_ANY = 1 << 12 /* max-stale without an argument */
};

/* Seconds, saturating; -1 where the directive is absent. An argument that cannot be understood counts as 0: stale
 * (RFC 9111 §4.2.1), and for max-stale as absent. */
struct cache_control {
        uint32_t set; /* enum directive */
        int64_t max_age, s_maxage, max_stale, min_fresh, stale_while_revalidate, stale_if_error;
};

void cache_control_parse(const struct message *, struct cache_control *);

/* Whether field `name` is listed by no-cache="…" or private="…" of this message (RFC 9111 §5.2.2.4, §5.2.2.7). */
bool cache_control_names(const struct message *, struct span name);

#endif
