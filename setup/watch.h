/* The kernel's own word that something has changed on which the plan may depend: links, addresses, routes and rules
 * (rtnetlink(7)), and our nft table (NFNLGRP_NFTABLES). It says that, not what: setup_check() finds out. What comes
 * without a word, such as a sysctl, or too fast to be read, is left to whoever looks from time to time. */
#ifndef SETUP_WATCH_H
#define SETUP_WATCH_H

#include "setup/setup.h"

enum { SETUP_WATCH_FDS = 2 };

struct setup_watch;

/* Takes CAP_NET_ADMIN. The options must live as long. 0 or -errno. */
int setup_watch_open(struct setup_watch **, const struct setup_options *);
void setup_watch_free(struct setup_watch **);

/* Descriptors that are readable when there is something to read. */
void setup_watch_fds(const struct setup_watch *, int fds[SETUP_WATCH_FDS]);

/* Reads all there is, without waiting. True: look. Our own changes are reported like those of others. */
bool setup_watch_read(struct setup_watch *);

#endif
