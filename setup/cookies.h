/* How many SYNs the kernel has answered by cookie, since more of them wait than it keeps: in this network namespace, by
 * whatever listener. */
#ifndef SETUP_COOKIES_H
#define SETUP_COOKIES_H

#include <stdbool.h>
#include <stdint.h>

/* SyncookiesSent of /proc/net/netstat. False: it cannot be read. */
bool cookies_sent(uint64_t *sent);

/* The same of such a file's text: a line of names, and one of as many numbers. Pure. */
bool cookies_parse(char *names, char *numbers, uint64_t *sent);

#endif
