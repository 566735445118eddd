/* Purges under way. A purge goes to every store; the stores answer on their writers' threads, whenever they come to it;
 * the sum is handed over on the thread that calls purges_collect. */
#ifndef PROXY_PURGE_H
#define PROXY_PURGE_H

#include "proxy/proxy.h"

struct purges;
struct purge;

/* What came of it: responses removed, or < 0 if a store failed. */
typedef void purge_done(void *context, int64_t removed);

int purges_new(struct purges **);
/* Forgets those under way: their callbacks are never called, and the stores may still answer. */
void purges_free(struct purges **);

/* Readable when purges_collect has something to do. */
int purges_fd(const struct purges *);
void purges_collect(struct purges *);

/* Starts one in all stores; `done` is called from purges_collect, or never if this failed. NULL if out of
 * memory. A store that cannot take it counts as failed. Lives until `done` was called or purges_free; do not free. */
struct purge *purge_start(struct purges *, const struct proxy *, enum purge_kind, struct span text, purge_done *done,
                          void *context);
/* `done` is not wanted any more. */
void purge_forget(struct purge *);

/* The key text that an operator's URL stands for: "http://host:port/path" into `buffer` (KEY_TEXT_MAX bytes).
 * NULL if good, else what is wrong with it in a few words. */
const char *purge_url(struct span url, char *buffer, struct span *text);

/* The same for a host's name: lower case, no final dot. `buffer` holds HOST_MAX bytes. */
const char *purge_host(struct span host, char *buffer, struct span *text);

#endif
