/* Cache-Status (RFC 9211): what this cache did about a request, said in the reply. */
#ifndef HTTP_CACHE_STATUS_H
#define HTTP_CACHE_STATUS_H

#include "http/render.h"

enum { CACHE_STATUS_MAX = 2048 }; /* a buffer for one member; a key that does not fit is left out */

struct cache_status {
        bool hit;
        const char *fwd;     /* why it was forwarded (§2.2): a token; NULL where it was not */
        uint16_t fwd_status; /* of the origin's reply; 0: none */
        bool stored, collapsed;
        bool has_ttl;
        int64_t ttl;        /* seconds of freshness left; negative where it is stale */
        struct span key;    /* what it is stored under, or empty (§2.6) */
        const char *detail; /* a phrase, or NULL */
};

/* Appends our member: `Limpid; hit; ttl=30`, `Limpid; fwd=uri-miss; fwd-status=200; stored`. */
void cache_status(struct out *, const struct cache_status *);

#endif
