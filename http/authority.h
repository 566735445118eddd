/* Whom a request is for: the authority in Host and in absolute-form targets (RFC 3986 §3.2, RFC 9112 §3.2). */
#ifndef HTTP_AUTHORITY_H
#define HTTP_AUTHORITY_H

#include "http/render.h"
#include <stdint.h>

enum { AUTHORITY_MAX = 255 + 6 }; /* bytes of one that authority_write writes */

struct authority {
        struct span host; /* as it is spelt, an IPv6 address in its brackets */
        uint16_t port;    /* 80 where there is none */
};

/* False for all but host [":" port]: a list, userinfo, a path, blanks, an empty host, a port out of range (H2). */
bool authority_parse(struct span text, struct authority *);

/* The one spelling of all that share a key (cache/key.h): lower case, no final dot, no port where it is 80. */
void authority_write(struct out *, const struct authority *);

/* Whether `target` is in absolute form, or tries to be: it has a scheme. Takes it apart; *path is what follows the
 * authority, perhaps nothing. *authority is empty if the scheme is not http. */
bool target_is_absolute(struct span target, struct span *authority, struct span *path);

#endif
