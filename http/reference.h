/* URI references (RFC 3986 §4.1, §5): where Location and Content-Location point to. */
#ifndef HTTP_REFERENCE_H
#define HTTP_REFERENCE_H

#include "http/authority.h"
#include "http/render.h"

/* Resolves a reference found in the reply to a request for `path` (with its query) of `base`, and writes path and query
 * of the target, without a fragment. False where the target is of another origin (scheme http, host, port), is
 * malformed, or does not fit. */
bool reference_resolve(struct out *, const struct authority *base, struct span path, struct span reference);

#endif
