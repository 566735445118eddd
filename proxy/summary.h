/* A snapshot as JSON: what GET /api/v1/summary and the control socket's "stats" say. Members are added, never renamed
 * or given another meaning; what is not known is null.
 *
 *      version            "0.1.0"
 *      time, started      unix seconds
 *      uptime             seconds
 *      state              "ok", "warning" or "error": the worst of the faults
 *      faults             [{level: "warning" or "error", text: one sentence}], the worst first
 *      gate               "open", "shut", "manual" (the operator's own rules) or "unknown"
 *      draining           true once no new connections are accepted
 *      workers            [{id, beats, moving: its loop turned within the last 3 s}]
 *      counters           {NAME: total} of all names in counters.h
 *      rates              {NAME: per second, over the last 10 s} of those that are counters
 *      total, recent      since the start, and in the last `recent.seconds`:
 *        hit_ratio          share of requests answered from a store (revalidated ones included), 0 … 1 or null
 *        byte_hit_ratio     share of the bytes sent to clients that came from a store, 0 … 1 or null
 *        bytes_saved        bytes sent to clients that no origin had to send
 *      history            arrays of one length, the oldest first, at most 300 long, of some 1 s each:
 *        time               unix seconds, with a fraction, at the end of each interval
 *        store, origin      bytes sent to clients per second that came from a store, and the rest
 *        requests, hits     per second; hits include revalidated ones
 *      hosts              [{name, requests, hits, bytes, bytes_stored}], by bytes, at most 20; printable ASCII, but
 *                         chosen by clients: show them as text, never as markup
 *      stores             [{name, path, state: "ok", "suspended" (does not store for now), "set_aside" or "not_open",
 *                         error: text or null, size, used, file, responses, body_bytes, queued, evicted, dropped,
 *                         damaged}]
 */
#ifndef PROXY_SUMMARY_H
#define PROXY_SUMMARY_H

#include <jansson.h>

#include "proxy/snapshot.h"

/* NULL if out of memory. The caller's, json_decref. */
json_t *summary_json(const struct snapshot *);

/* Text of the configuration as a JSON string; bytes that are not UTF-8 become "?". */
json_t *summary_text(const char *);

#endif
