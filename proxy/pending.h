/* Keys whose response has been handed to a store's writer and is not committed yet. A request that looks one of them up
 * in vain waits for the commit (milliseconds) instead of asking the origin again. Shared by all workers; touched on
 * misses only. */
#ifndef PROXY_PENDING_H
#define PROXY_PENDING_H

#include "cache/key.h"

struct note;
struct pending;
struct worker;

struct pending *pending_new(void);
void pending_free(struct pending **);

/* Before the response is put. The result is the context for pending_done; NULL: out of memory, nobody will wait. */
void *pending_add(struct pending *, const struct key *);

/* Committed or failed: wakes who waits. The shape of store_put's `done`; any thread. A NULL context is ignored. */
void pending_done(void *context, int error);

/* True: `note` will be posted to the worker once it is committed. False: nothing is pending under this key. */
bool pending_wait(struct pending *, const struct key *, struct worker *, struct note *);

#endif
