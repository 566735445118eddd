/* The parent process. `limpid run` (run.c) makes one of these and lets it serve. */
#ifndef PROXY_WARDEN_H
#define PROXY_WARDEN_H

#include <sys/types.h>

#include "proxy/config.h"
#include "proxy/prober.h"
#include "proxy/resolvers.h"
#include "proxy/upkeep.h"
#include "proxy/vigil.h"

enum { INTERFACES_MAX = 64 }; /* about which the warden can say that they are missing */

struct warden {
        const char *path;      /* of the configuration's file */
        struct config *config; /* owned, and so is the next */
        struct config *next;   /* read anew, in force when the proxy has ended; NULL: none */
        bool applied;          /* the set-up, once */
        struct gate *gate;     /* NULL: taken down */
        bool open;             /* the gate, as it was last told to the proxy and the log */
        int gate_error;
        int64_t counted; /* when the kernel's counters were looked at */
        int64_t renewal; /* the next one */
        struct upkeep upkeep;
        bool missing[INTERFACES_MAX];
        int claim; /* to be the only one here (proxy/instance.h) */

        int signals;
        pid_t child; /* 0: none */
        int channel; /* to the child, -1: none */
        bool killed;
        struct vigil vigil;
        struct prober prober;
        struct allowance bypasses, crowded;
        struct resolvers resolvers; /* those that the configuration or resolv.conf(5) names */
        bool resolvers_told;        /* to the proxy */
        unsigned long bad_messages;
        int64_t deadline; /* of draining */
        int64_t told;     /* systemd, the last time */
};

/* Until SIGTERM or SIGINT; then everything is taken down. Returns the exit status. */
int warden_serve(struct warden *);

/* proxy/warden_hear.c: heeds what the proxy has said, and tells it something. */
void warden_listen(struct warden *, int64_t now);
void warden_tell(struct warden *, enum channel_kind, uint32_t value);

/* proxy/run.c: forks the proxy. 0 with child and channel set, or an errno that has been said. */
int warden_start_proxy(struct warden *);

#endif
