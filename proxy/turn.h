/* Turns: how much stored bodies get of a worker's time before others have theirs.
 *
 * A small reply that is asked for while large bodies are sent waits for the end of this round of the event loop. So in
 * one round they have one turn, all together: who finds it over waits in a queue, whose first ones are sent to in the
 * next round, once what else has come was looked after. Where small replies were sent lately, turns are short and go in
 * small pieces, for one piece is one call, which nothing can end. Each piece and each round has a price: a worker that
 * has nothing but large bodies to send makes them long. */
#ifndef PROXY_TURN_H
#define PROXY_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

struct event;
struct event_base;
struct worker;

struct turn {
        uint64_t piece; /* bytes, to be offered to the socket at once */
        int64_t end;    /* µs of the monotonic clock */
};

/* Who waits. Belongs to whoever embeds it, who leaves before it is freed; all zero: does not wait. */
struct turn_waiter {
        struct turn_waiter *next, **link;
};

struct turns {
        struct event_base *base;
        struct event *again; /* fires in the next round */
        void (*serve)(struct turn_waiter *);
        struct turn_waiter *first, **last;
        struct turn_waiter *served; /* it is its turn */
        struct turn now;
        struct timeval round;   /* when the round of `now` began */
        int64_t small_reply_at; /* seconds of the worker's wheel */
};

/* `serve` is called for each that has waited, who is out of the queue by then. False: out of memory. */
bool turns_make(struct worker *, void (*serve)(struct turn_waiter *));
void turns_unmake(struct worker *);

/* The turn that this one may send in. NULL: it waits from now on, or does so already. */
const struct turn *turn_take(struct worker *, struct turn_waiter *);

/* It has more to send than its turn allowed. */
void turn_wait(struct worker *, struct turn_waiter *);
void turn_leave(struct worker *, struct turn_waiter *);

static inline bool turn_awaited(const struct turn_waiter *one)
{
        return one->link != NULL;
}

/* The bytes to be offered at once, of a turn that begins now. */
uint64_t turn_piece(const struct worker *);

/* A turn out of the order, for what takes no part in the queue. */
struct turn turn_begin(const struct worker *);
bool turn_over(const struct turn *);

/* A reply of so many bytes has been sent. */
void turn_note_reply(struct worker *, uint64_t bytes);

#endif
