/* Keeping the kernel's side as it should be while the program runs: what other hands, a firewall's restart or an
 * interface that went and came have undone is put back. The kernel says when there is something to look at
 * (setup/watch.h); a slow look from time to time finds what it does not say. */
#ifndef PROXY_UPKEEP_H
#define PROXY_UPKEEP_H

#include <poll.h>

#include "setup/setup.h"
#include "setup/watch.h"

enum { UPKEEP_SAID = 256 };

struct upkeep {
        const struct setup_options *options;
        struct setup_watch *watch; /* NULL: none; the slow look alone */
        int64_t due, last;         /* the next look, and the one before, in milliseconds */
        bool told;                 /* the kernel has said since the last one that something has changed */
        int found;                 /* what the last one left */
        struct setup_text applied; /* the table as it was listed when it had just been made */
        char said[UPKEEP_SAID];    /* to the operator, and when */
        int64_t said_at;
};

/* Applies the set-up. 0, or an errno that has been said. */
int upkeep_apply(const struct setup_options *);

/* Takes it down. 0, or an errno that has been said. */
int upkeep_end(const struct setup_options *);

void upkeep_open(struct upkeep *, const struct setup_options *);
void upkeep_close(struct upkeep *);

/* From the options of upkeep_open to others, while nothing is intercepted. 0, or an errno that has been said: then the
 * old ones are in force again. The new ones must live on. */
int upkeep_change(struct upkeep *, const struct setup_options *);

/* Fills what poll(2) needs; returns how many. */
nfds_t upkeep_fds(const struct upkeep *, struct pollfd fds[SETUP_WATCH_FDS]);

/* One of them is readable. */
void upkeep_heard(struct upkeep *, int64_t now);

/* Looks if that is due. True if there was something to put back: the gate is empty then. */
bool upkeep_tend(struct upkeep *, int64_t now);

#endif
