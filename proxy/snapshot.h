/* What the admin thread knows: the watch, which remembers between two looks, and the snapshot, which is how everything
 * stands at one moment. The page, the API, /metrics, `limpid stats` and `limpid top` all show a snapshot. */
#ifndef PROXY_SNAPSHOT_H
#define PROXY_SNAPSHOT_H

#include "proxy/history.h"
#include "proxy/proxy.h"

enum {
        SNAPSHOT_HOSTS = 20,
        WORKER_STILL_MS = 3000 /* a worker whose beats have not grown for so long does not move */
};

struct pulse {
        uint64_t beats;
        int64_t moved_ms; /* when they were last seen to have grown */
};

struct watch {
        struct proxy *proxy;
        struct pulse *pulses; /* one for each worker */
        struct history history;
};

/* The proxy must outlive the watch. NULL if out of memory. */
struct watch *watch_new(struct proxy *, int64_t now_ms);
void watch_free(struct watch **);
/* Once a second: takes a sample and every worker's pulse. */
void watch_tick(struct watch *, int64_t now_ms);

enum gate_state { GATE_UNKNOWN, GATE_OPEN, GATE_SHUT, GATE_MANUAL };

struct worker_state {
        uint64_t beats;
        int64_t still_ms; /* since it was last seen to move */
        bool moving;
};

struct store_state {
        const char *name, *path; /* of the configuration */
        bool open;
        struct store_status status; /* zero if it is not open */
};

struct snapshot {
        int64_t now;    /* unix seconds */
        int64_t now_ms; /* the clock of the samples */
        int64_t started;
        enum gate_state gate;
        bool fail_closed, draining, overloaded, spoof_client;
        uint64_t totals[COUNTER_IDS];
        struct worker_state *workers;
        size_t worker_count;
        struct store_state *stores;
        size_t store_count;
        struct host_total *hosts; /* the busiest first */
        size_t host_count;
        const struct history *history; /* the watch's */
};

/* Fills it in; 0 or ENOMEM. Give it back with snapshot_free in any case. */
int snapshot_take(struct snapshot *, struct watch *, int64_t now, int64_t now_ms);
void snapshot_free(struct snapshot *);

#endif
