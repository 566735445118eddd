/* Watching over the proxy: when it counts as alive, when the gate may be open, when it is started again. Decisions
 * alone, on a clock that is passed in (milliseconds); the warden acts. */
#ifndef PROXY_VIGIL_H
#define PROXY_VIGIL_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/channel.h"

enum {
        VIGIL_QUIET_MS = 2000,      /* without a heartbeat for so long: the gate shuts */
        VIGIL_HUNG_MS = 10000,      /* and for so long: the proxy is killed */
        VIGIL_STARTING_MS = 60000,  /* how long a proxy may take until it is ready */
        VIGIL_PROVEN_MS = 60000,    /* one that was ready for so long is started again without delay */
        VIGIL_PAUSE_MS = 100,       /* before the first new start; twice as long with each failure … */
        VIGIL_PAUSE_MAX_MS = 10000, /* … up to this */
        VIGIL_RENEW_MS = 1000,      /* how often the gate is renewed */
        VIGIL_GATE_S = 3,           /* for how long */
        VIGIL_FLOOD_MS = 5000, /* after SYNs were answered by cookie: the gate stays shut; twice as long each time … */
        VIGIL_FLOOD_MAX_MS = 300000 /* … up to this, and so long after the last time it begins anew */
};

struct vigil {
        bool running, ready, shut, draining;
        int64_t since; /* start, then readiness, of the proxy that runs; the time of the next start, if none does */
        int64_t beat;  /* the last heartbeat */
        unsigned pause_ms;
        bool counted;
        uint64_t cookies;    /* sent by the kernel, as last counted */
        int64_t flood_until; /* 0: there was none yet */
        unsigned flood_ms;
};

void vigil_begin(struct vigil *, int64_t now);   /* nothing runs; a start is due */
void vigil_started(struct vigil *, int64_t now); /* a proxy was started */
void vigil_heard(struct vigil *, const struct channel_message *, int64_t now);
void vigil_ended(struct vigil *, int64_t now); /* the proxy is gone: when the next is due, is decided */

/* How many SYNs the kernel has answered by cookie, and whether for us. The handshake of such a connection ends with a
 * packet that belongs to no socket and is no SYN, so it is not intercepted, and the connection is lost: while there are
 * such, new ones had better go direct. True: that begins now. */
bool vigil_cookies(struct vigil *, uint64_t sent, bool ours, int64_t now);

bool vigil_start_due(const struct vigil *, int64_t now);
bool vigil_gate(const struct vigil *, int64_t now); /* whether the gate may be open */
bool vigil_hung(const struct vigil *, int64_t now);

/* The time of the next change if nothing is heard; at most a renewal away. */
int64_t vigil_next(const struct vigil *, int64_t now);

/* What the proxy may ask for in a bypass: a TCP destination, or a client's address; for 1 to 600 s. */
bool vigil_bypass_good(const struct channel_message *);
bool vigil_crowded_good(const struct channel_message *);

/* How many of each: 20 a second, 200 at once. */
struct allowance {
        int64_t filled; /* 0: never used */
        unsigned left;
};
bool allowance_take(struct allowance *, int64_t now);

#endif
