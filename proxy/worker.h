/* A worker: one thread, one event loop, and everything that lives on it. Nothing here is touched by another thread but
 * the counters (read), the hosts table, the beats, and the mailbox. */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include "http/message.h"
#include "proxy/pool.h"
#include "proxy/proxy.h"
#include "proxy/turn.h"
#include "proxy/wheel.h"

enum {
        SCRATCH_SIZE = 256 * 1024,           /* one read from a socket */
        PAGE_SIZE_MAX = HEAD_MAX + 8 * 1024, /* a head that is sent */
        LISTENERS_MAX = 32
};

struct event;
struct event_base;
struct evconnlistener;
struct exchange;
struct client;

/* Something that another thread tells a worker. Belongs to whoever embeds it; `deliver` runs once, on the worker's
 * thread. */
struct note {
        struct note *next;
        void (*deliver)(struct note *);
};

struct worker {
        struct proxy *proxy;
        unsigned index;
        pthread_t thread;
        struct event_base *base;
        struct event *tick, *mail_event;
        struct event *listeners[LISTENERS_MAX];
        unsigned listener_count;
        bool paused; /* not accepting for want of descriptors */
        int mail_fd;
        pthread_mutex_t mail_lock;
        struct note *mail; /* newest first */
        struct wheel wheel;
        struct turns turns;
        struct counters counters;
        struct hosts *hosts;
        struct access *access;       /* NULL: no access log */
        struct reader **readers;     /* one for each store; NULL where that is NULL */
        struct pool pool;            /* idle connections to origins */
        struct datagrams *datagrams; /* NULL: none are relayed */
        struct client *clients;      /* all of them, a list */
        struct exchange *spare;      /* exchanges to use again */
        unsigned spare_count;
        uint64_t client_count;
        unsigned ticks_draining;
        _Atomic uint64_t beats;
        char *scratch;                    /* SCRATCH_SIZE */
        char *page;                       /* PAGE_SIZE_MAX: heads are rendered here */
        char *fields;                     /* PAGE_SIZE_MAX: fields that are stored */
        char *key_text;                   /* KEY_TEXT_MAX */
        struct message request, response; /* of the exchange that runs now, until it has to wait */
        struct found found;               /* what it looked up; good while its read transaction is open */
};

/* Makes the worker with its sockets, readers and buffers; 0 or errno, said in the log. */
int worker_new(struct worker **, struct proxy *, unsigned index);
int worker_start(struct worker *); /* 0 or errno */
void worker_join(struct worker *); /* returns when it has drained */
void worker_free(struct worker **);

/* From any thread. */
void worker_post(struct worker *, struct note *);

/* Unix time in microseconds. */
int64_t worker_clock(void);

/* A listening socket for intercepted connections (design.md §3): IP_TRANSPARENT, SO_REUSEPORT, TCP_DEFER_ACCEPT; the
 * wildcard address for form "mark", else loopback. The descriptor, or -errno. */
int listen_socket(const struct config *, int family, uint16_t port);

/* A destination cannot be reached: its next connections go direct (design.md §6). */
union address;
void proxy_bypass(struct worker *, const union address *);

/* The client's destination could not be connected to, for this reason (errno): what that says of the destination hands
 * that back, what it says of the client, such as that its ports are used up, hands the client back, and of this machine
 * all. */
void proxy_unconnected(struct worker *, const struct client *, int error);

/* The connection of a self-test has reached a worker. Any thread. */
void proxy_probed(struct proxy *);

/* A connection was accepted: shuts the gate if that was one too many, or for this client if it has its share. */
void proxy_admitted(struct worker *, const union address *client);
void proxy_left(struct proxy *, const union address *client);

/* Too many connections or descriptors: the gate is shut until there are fewer (proxy/admission.c). Any thread. */
void proxy_overload(struct proxy *);

#endif
