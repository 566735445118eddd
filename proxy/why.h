/* What is stored under a URL, and what would become of a request for it: `limpid why`. */
#ifndef PROXY_WHY_H
#define PROXY_WHY_H

#include <jansson.h>

#include "proxy/proxy.h"

/* `url` as purge_url takes it, `fields` an array of strings "Field: value", or NULL. The caller's reference to
 *
 *   {"url": …, "request": {"looked_up": bool, "detail"?, "rfc"?},
 *    "stored": [{"key", "address"?, "status", "reason", "bytes", "length", "sparse", "age", "lifetime", "left",
 *                "heuristic", "etag"?, "last_modified"?, "vary", "cache_control"?, "flags": […],
 *                "verdict": {"use", "detail"?, "rfc"}}], "more": bool}
 *
 * with "use" one of reused, stale, validated-behind, validated, refused, not-selected, replaced, damaged. NULL: *wrong
 * says what is wrong with what was asked, or with us. */
json_t *why_json(const struct proxy *, struct span url, const json_t *fields, int64_t now, const char **wrong);

#endif
