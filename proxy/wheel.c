/* The wheel: slot n holds the timers that are looked at when the clock reads n modulo WHEEL_SLOTS. */
#include "proxy/wheel.h"

#include <stddef.h>

static void unlink_timer(struct timer *t)
{
        *t->link = t->next;
        if (t->next)
                t->next->link = t->link;
        t->link = NULL;
        t->next = NULL;
}

static void link_timer(struct wheel *w, struct timer *t)
{
        int64_t slot = t->due <= w->now ? w->now + 1 : t->due;
        struct timer **head;

        if (slot >= w->now + WHEEL_SLOTS)
                slot = w->now + WHEEL_SLOTS - 1;
        t->slot = slot;
        head = &w->slots[slot % WHEEL_SLOTS];
        t->next = *head;
        t->link = head;
        if (t->next)
                t->next->link = &t->next;
        *head = t;
}

void timer_set(struct wheel *w, struct timer *t, int64_t seconds)
{
        t->due = w->now + seconds;
        if (t->link && t->slot <= t->due)
                return;
        if (t->link)
                unlink_timer(t);
        link_timer(w, t);
}

void timer_set_ms(struct wheel *w, struct timer *t, int64_t ms)
{
        timer_set(w, t, (ms + 999) / 1000 + 1);
}

void timer_stop(struct timer *t)
{
        if (t->link)
                unlink_timer(t);
}

static void turn_slot(struct wheel *w)
{
        struct timer **slot = &w->slots[w->now % WHEEL_SLOTS];
        struct timer *due = *slot;

        /* A list of our own, as what fires may unlink any of them and link others. */
        *slot = NULL;
        if (due)
                due->link = &due;
        while (due) {
                struct timer *t = due;

                unlink_timer(t);
                if (t->due > w->now)
                        link_timer(w, t);
                else
                        t->fire(t);
        }
}

void wheel_turn(struct wheel *w, int64_t now)
{
        if (now - w->now > WHEEL_SLOTS) /* asleep for long: one round looks at them all */
                w->now = now - WHEEL_SLOTS;
        while (w->now < now) {
                w->now++;
                turn_slot(w);
        }
}
