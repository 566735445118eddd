/* Telling systemd how it goes: sd_notify(3), over $NOTIFY_SOCKET; nothing where there is none. */
#ifndef PROXY_NOTIFY_H
#define PROXY_NOTIFY_H

void notify(const char *state); /* "READY=1", "STOPPING=1", "WATCHDOG=1" */

#endif
