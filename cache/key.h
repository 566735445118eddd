/* The cache key (design.md §5): scheme, host, port, path and query, and for requests whose host is not bound to the
 * address they went to also that address. Byte-exact but for the host, which is lower-cased. Of what is bound, public
 * addresses share one key and private ones another: what a name means inside is nobody's business outside. */
#ifndef CACHE_KEY_H
#define CACHE_KEY_H

#include <netinet/in.h>
#include <stdint.h>

#include "http/span.h"

enum { KEY_HASH = 16, KEY_TEXT_MAX = 8192 + 512 };

enum key_scope {
        KEY_ADDRESS, /* not bound: for clients that go to this very address */
        KEY_PUBLIC,  /* bound, and the address is one of the Internet's */
        KEY_PRIVATE  /* bound, and it is not */
};

struct key {
        uint8_t hash[KEY_HASH];
        struct span text; /* in the caller's buffer */
};

/* Writes the text into `buffer` (KEY_TEXT_MAX bytes, must outlive the key) and hashes it. `destination` is
 * read for KEY_ADDRESS alone. False if it does not fit: such a request is passed. `host` may carry a final dot or a
 * port, which are not part of it. The text reads "http://host:port/path" and then nothing, " @address" or " private",
 * as the scope is; a space cannot occur in a URL. */
bool key_build(struct key *, char *buffer, struct span host, uint16_t port, struct span path, enum key_scope,
               const struct sockaddr *destination);

/* The key of a text that was built before (purge, tests). */
void key_of_text(struct key *, struct span text);

/* The host of a key's text, its URL without the scope, and the address alone; empty where there is none. */
struct span key_host(struct span text);
struct span key_url(struct span text);
struct span key_address(struct span text);

#endif
