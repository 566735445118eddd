/* Coarse deadlines for many connections: a wheel of one-second slots.
 *
 * To put a deadline off costs one store and touches no list: the timer stays in its slot and is moved on when the wheel
 * comes by and finds it not yet due. One thread, no locks. */
#ifndef PROXY_WHEEL_H
#define PROXY_WHEEL_H

#include <stdint.h>

enum { WHEEL_SLOTS = 128 };

struct timer {
        struct timer *next, **link; /* link: who points at this one; NULL: not in the wheel */
        int64_t due, slot;          /* seconds of the wheel's clock */
        void (*fire)(struct timer *);
};

struct wheel {
        int64_t now;
        struct timer *slots[WHEEL_SLOTS];
};

/* Sets or moves a deadline, `seconds` from now (at least one), or up to a second less: the second that the clock reads
 * may be nearly over. The timer is its owner's, who stops it before freeing it. */
void timer_set(struct wheel *, struct timer *, int64_t seconds);

/* The same for a time that somebody was promised: it has all of it, and up to a second more. */
void timer_set_ms(struct wheel *, struct timer *, int64_t ms);

void timer_stop(struct timer *);

/* Fires all that is due by `now`. A timer that fires is out of the wheel; its function may set or stop any timer. */
void wheel_turn(struct wheel *, int64_t now);

#endif
