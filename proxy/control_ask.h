/* The other end of the control socket: asks a running Limpid. */
#ifndef PROXY_CONTROL_ASK_H
#define PROXY_CONTROL_ASK_H

#include <jansson.h>

enum { ASK_WHY = 256, ASK_SECONDS = 60 };

/* One conversation: requests go out and replies come back over one connection. */
struct ask;

/* NULL if it is not running or may not be asked: `why` then says so in one line. */
struct ask *ask_open(const char *path, char why[ASK_WHY]);
void ask_close(struct ask **);

/* Sends a request, waits for its reply (ASK_SECONDS at the most). The reply if it says "ok", the caller's; else NULL
 * with one line in `why`. Does not take the request's reference. */
json_t *ask(struct ask *, const json_t *request, char why[ASK_WHY]);

#endif
