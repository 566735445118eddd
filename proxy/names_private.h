/* What the two halves of names share: names.c, for who asks, and names_thread.c, which has the answers. */
#ifndef PROXY_NAMES_PRIVATE_H
#define PROXY_NAMES_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "proxy/counters.h"
#include "proxy/names.h"
#include "proxy/resolve.h"
#include "proxy/trusted.h"

enum {
        QUERIES_MAX = 64,
        ASKS_MAX = 4096,    /* in the queue or waiting */
        VAIN_MAX = 1 << 16, /* pairs */
        VAIN_SECONDS = 30,  /* until a pair is asked for again */
        REFRESHES = 1024,   /* places for what was asked for by names_refresh; pairs may share one */
        SILENT_MS = 2000,   /* without any answer: the resolver is suspected */
        PROBE_MS = 2000,    /* between two questions to resolvers that do not answer */
        SAVE_MS = 60000,    /* between two savings of them */
        COUNT_MS = 1000,    /* between two counts of what is bound */
        TURN_MS = 1000
};

struct ask {
        struct ask *next;
        struct worker *worker;
        struct note *note; /* NULL: posted, or nobody waits */
        union address destination;
        int64_t deadline; /* of clock_ms */
        char host[NAME_TEXT];
};

struct asking {
        struct query *query; /* NULL: the place is free */
        struct ask *asks;
        char host[NAME_TEXT];
};

struct names {
        struct bindings *bindings, *vain;
        struct resolver *resolver;
        struct trusted *trusted;
        struct trusted_copy copy;
        const char *directory;
        pthread_t thread;
        int wake;
        _Atomic bool heard; /* a resolver answers, as far as is known */
        _Atomic unsigned ask_count;
        _Atomic int64_t refreshed[REFRESHES]; /* when */
        pthread_mutex_t lock;                 /* over what follows */
        struct rates *rates;
        struct ask *queue;
        bool stopping, started;
        /* the thread's own */
        struct asking askings[QUERIES_MAX];
        struct query *probe;
        int64_t heard_at, next_probe, next_count, next_save;
        bool complained, unsaved; /* said so */
        struct counters counters;
};

/* The thread; of a struct names. */
void *names_run(void *argument);

#endif
