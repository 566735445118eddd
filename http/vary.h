/* Selecting fields (RFC 9111 §4.1). */
#ifndef HTTP_VARY_H
#define HTTP_VARY_H

#include "http/message.h"
#include "http/render.h"

enum { VARY_NAMES_MAX = 32 };

/* Appends the names that Vary nominates, lower-cased, sorted, each once, comma-separated; nothing where there is no
 * Vary. False if the response must not be reused: "*", a malformed name, or more names than fit (VARY_NAMES_MAX). */
bool vary_names(struct out *, const struct message *response);

/* A hash over the request's values of those names, normalised as far as §4.1 allows: lines combined, white space and
 * list form, Accept-Encoding and Accept-Language without regard to order, case and the spelling of weights; absent
 * differs from empty. Two requests with one hash select the same variant: the hash is one that cannot be steered. The
 * same in every process, since it is stored. */
uint64_t vary_hash(struct span names, const struct message *request);

#endif
