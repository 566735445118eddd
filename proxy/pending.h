/* Keys that a store's writer is about to change: a response put, replaced, freshened or made invalid, and not committed
 * yet. Until then a look-up sees what was; so a request for such a key waits for the commit (milliseconds) and looks
 * again. Shared by all workers; a look-up of any other key costs one atomic load. */
#ifndef PROXY_PENDING_H
#define PROXY_PENDING_H

#include "cache/key.h"

struct note;
struct pending;
struct worker;

struct pending *pending_new(void);
void pending_free(struct pending **);

/* Before the change is queued. The result is the context for pending_done; NULL: out of memory, nobody will wait. */
void *pending_add(struct pending *, const struct key *);

/* The same where nothing is pending under the key yet; NULL if something is. */
void *pending_claim(struct pending *, const struct key *);

/* Committed or failed: wakes who waits. The shape of store_put's `done`; any thread. A NULL context is ignored. */
void pending_done(void *context, int error);

/* The same for store_purge's `done`. */
void pending_purged(void *context, int64_t removed);

/* False: nothing is pending under this key. True: perhaps; ask pending_wait. */
bool pending_maybe(const struct pending *, const struct key *);

/* True: `note` will be posted to the worker once it is committed. False: nothing is pending under this key. */
bool pending_wait(struct pending *, const struct key *, struct worker *, struct note *);

#endif
