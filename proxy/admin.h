/* The admin thread: the operator's page, the API, /metrics (evhttp, loopback) and the control socket (JSON lines). */
#ifndef PROXY_ADMIN_H
#define PROXY_ADMIN_H

#include "proxy/proxy.h"

struct admin;

/* Opens the sockets (said in the log if that fails, which is not fatal) and starts the thread. */
int admin_start(struct admin **, struct proxy *);
/* Ends the thread and removes the control socket. */
void admin_stop(struct admin **);

/* The port that the page listens on (tests ask for port 0); 0 if there is no page. */
uint16_t admin_port(const struct admin *);

#endif
