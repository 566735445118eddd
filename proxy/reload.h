/* A changed configuration, taken over without a restart (SIGHUP). The gate shuts, so that new connections go direct;
 * the proxy ends what runs; then the kernel's side is changed and a new proxy started, and the gate opens again on
 * evidence. No port is closed to anybody: at every moment there is either Limpid or the way past it. */
#ifndef PROXY_RELOAD_H
#define PROXY_RELOAD_H

#include <stdbool.h>

#include "proxy/config.h"

struct warden;

/* What of the difference takes a restart, since the warden has given away what it would need: a constant phrase. NULL:
 * nothing does. */
const char *reload_obstacle(const struct config *now, const struct config *next);

/* Reads the configuration's file. True: it is good, and w->next, to be taken over by reload_finish. False: the log says
 * what is wrong, and all stays as it is. */
bool reload_begin(struct warden *w);

/* Once the proxy has ended: w->config is the new configuration, or still the old one where the kernel's side could not
 * be changed, which the log says. w->next is none. */
void reload_finish(struct warden *w);

#endif
