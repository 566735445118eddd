/* How many SYNs the kernel has answered by cookie, since more of them wait than it keeps; and whether for us. */
#ifndef SETUP_COOKIES_H
#define SETUP_COOKIES_H

#include "setup/setup.h"

/* SyncookiesSent of /proc/net/netstat: in this network namespace, by whatever listener. False: it cannot be read. */
bool cookies_sent(uint64_t *sent);

/* The same of such a file's text: a line of names, and one of as many numbers. Pure. */
bool cookies_parse(char *names, char *numbers, uint64_t *sent);

/* Whether it may be our listeners that send them: it always is where the kernel sends nothing else
 * (net.ipv4.tcp_syncookies = 2); else as many SYNs must be waiting on intercepted ports as fill half of what one of
 * them keeps. What cannot be read counts as ours. */
bool cookies_ours(const struct setup_options *);

#endif
