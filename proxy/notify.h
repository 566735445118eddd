/* Telling systemd how it goes: sd_notify(3), over $NOTIFY_SOCKET; nothing where there is none. */
#ifndef PROXY_NOTIFY_H
#define PROXY_NOTIFY_H

#include <stdint.h>

void notify(const char *state); /* "READY=1", "STOPPING=1", "WATCHDOG=1" */

/* RELOADING=1, with the time of CLOCK_MONOTONIC in milliseconds that it wants; READY=1 ends it. */
void notify_reloading(int64_t now);

#endif
