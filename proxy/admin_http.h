/* The operator's page over HTTP: the files of www/, /api/v1/summary (summary.h) and /metrics (metrics.h). Read only:
 * GET and HEAD. No cross-site page can read it, and a name that was rebound to this machine's address is turned away.
 */
#ifndef PROXY_ADMIN_HTTP_H
#define PROXY_ADMIN_HTTP_H

#include "proxy/snapshot.h"

struct event_base;
struct page;

/* Opens it as `config` says, on an event loop; what went wrong, and where the page is, is said in the log. Base, watch
 * and config must outlive it. NULL if there is none. */
struct page *page_open(struct event_base *, struct watch *, const struct config *);
void page_close(struct page **);
/* Once a second: lets go of connections that have ended. */
void page_tick(struct page *);
/* The port of the first listener: what listen = "127.0.0.1:0" came to. */
uint16_t page_port(const struct page *);

/* Whether a Host field may be answered (DNS rebinding): an address literal, localhost, or the name in `listen`. */
bool page_host_allowed(const char *host, const char *listen);

#endif
