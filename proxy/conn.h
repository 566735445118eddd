/* A connected socket that never blocks: what was received and is not consumed yet, what is to be sent and did not fit.
 *
 * Input lies in the worker's scratch buffer during a callback and is copied to the heap only if some of it is left at
 * the end (conn_settle), so an idle connection holds no buffer. Output is written at once; only what the socket does
 * not take is copied, and whoever produces it waits until that has gone (back-pressure): so memory is bounded by one
 * read. A head can be held back until what follows it, so that both go in one call and in one segment. */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/uio.h>

#include "http/span.h"
#include "proxy/wheel.h"

struct worker;

struct conn {
        struct worker *worker;
        struct event event;
        struct timer timer;
        struct span input; /* received, not consumed */
        char *in;          /* heap copy that input may lie in */
        char *out;         /* heap: to be sent */
        uint32_t out_at, out_len;
        int fd;
        short want;      /* EV_READ | EV_WRITE, as registered */
        bool eof;        /* the peer sends no more */
        bool ended;      /* we send no more: the end was passed on */
        bool held;       /* what is to be sent waits for what follows it, not for the socket */
        bool timed;      /* the event has a time-out */
        bool failed;     /* receiving failed: reset, or another error */
        bool unwritable; /* sending failed; what it sent before can still be received */
        int error;       /* errno of the first failure */
};

/* Takes fd over; -1: a sink, which takes everything and says nothing. `run` is called with the conn's events and
 * `argument`; nothing is registered yet. */
void conn_init(struct conn *, struct worker *, int fd, void (*fire)(struct timer *));

/* Registers exactly these events (EV_READ, EV_WRITE; 0: none). `timeout` may be NULL. */
void conn_want(struct conn *, short want, event_callback_fn run, void *argument, const struct timeval *timeout);

/* Reads once, behind what input there is (at most SCRATCH_SIZE together). True if bytes came; else look at eof and
 * failed. */
bool conn_receive(struct conn *);

/* Takes `n` bytes off the front of the input. */
void conn_consume(struct conn *, size_t n);

/* The callback ends: keep what input is left. */
void conn_settle(struct conn *);

/* Sends all of it: now, or as the socket takes it. Returns the bytes sent or kept; 0 and unwritable set on an error. */
size_t conn_send(struct conn *, const struct iovec *, int count);

/* Sends without keeping a rest: the bytes that the socket took; 0 with unwritable unset: it is full. */
size_t conn_offer(struct conn *, const struct iovec *, int count);

/* Like conn_send, but with what is sent next, or at conn_let_go: which has to come before the callback ends. It returns
 * whether nothing waits to be sent any more. */
size_t conn_hold(struct conn *, struct span);
bool conn_let_go(struct conn *);

/* Goes on sending what was kept. */
void conn_flush(struct conn *);

static inline bool conn_blocked(const struct conn *c)
{
        return c->out != NULL && !c->held;
}

static inline bool conn_gone(const struct conn *c)
{
        return c->failed || c->unwritable;
}

/* Closes and frees what it holds. `reset`: with a reset, so that the peer learns of the fault. */
void conn_close(struct conn *, bool reset);

#endif
