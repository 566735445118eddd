/* The proxy process as a whole: what its threads share. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include <pthread.h>
#include <stdatomic.h>

#include "cache/store.h"
#include "proxy/access.h"
#include "proxy/config.h"
#include "proxy/counters.h"
#include "proxy/hosts.h"
#include "proxy/trusted.h"

struct bindings;
struct fills;
struct gaps;
struct names;
struct pending;
struct probe_token;
struct channel_message;
struct quota;
struct worker;

/* What the admin thread may look at of a worker. */
struct worker_view {
        struct counters *counters;
        struct hosts *hosts;
        _Atomic uint64_t *beats; /* grows at least once a second while its loop turns */
};

struct proxy {
        const struct config *config;
        int64_t started;       /* unix seconds */
        struct store **stores; /* NULL entries: a store that could not be opened */
        size_t store_count;
        struct access_log *access_log; /* NULL: none */
        struct worker **workers;
        struct worker_view *views;
        size_t worker_count;
        int channel;                     /* to the warden; PROXY_NO_CHANNEL in runs without one */
        const struct probe_token *token; /* of the self-test; NULL: none */
        _Atomic int gate;                /* as the warden last said: 1 open, 0 shut, -1 not known or manual */
        _Atomic bool draining;
        struct pending *pending;   /* responses that are being committed */
        struct fills *fills;       /* responses that are arriving */
        struct gaps *gaps;         /* parts of sparse ones that are */
        struct bindings *bindings; /* NULL: none */
        struct trusted trusted;    /* resolvers */
        struct names *names;       /* look-ups of our own; NULL: none */
        const struct counters *names_counters;
        struct quota *quota; /* of connections, for each client */
        unsigned connections_max;
        unsigned flows_max; /* of datagrams, for each worker; 0: none are relayed */
        char apart[64];     /* what follows changes with each connection, what is above is read with each hit */
        _Atomic unsigned connections; /* open now, of all workers */
        _Atomic bool overloaded;      /* the gate was asked to shut */
};

enum { PROXY_NO_CHANNEL = -1 };

/* The child's life: opens stores and log, starts workers and the admin thread, answers the warden, drains at the end.
 * The resolvers are those that are believed at first. Returns the exit status. */
int proxy_run(const struct config *, int channel, const struct probe_token *, const struct resolvers *);

/* proxy/admission.c: a message to the warden, from any thread; and, now and then from the main one, a look whether
 * there is room again, and the word that all workers move, which says that too. */
void proxy_tell_warden(const struct proxy *, struct channel_message);
void proxy_tend_gate(struct proxy *, int64_t now_ms);
void proxy_beat(const struct proxy *);

/* Whether the operator wants a host's reloads ignored (cache.ignore_reload). */
bool proxy_ignores_reload(const struct config *, struct span host);

/* Which of the stores holds a key: its index in `stores`, which must not be empty. */
size_t proxy_store_index(const struct proxy *, const struct key *);

#endif
