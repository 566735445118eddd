/* Turns of large bodies; see turn.h. */
#include "proxy/turn.h"

#include <event2/event.h>
#include <time.h>

#include "proxy/worker.h"

enum {
        SHORT_US = 250,
        LONG_US = 1500,
        SHORT_PIECE = 256 * 1024,
        LONG_PIECE = 4 << 20,
        LATELY_SECONDS = 1 /* of the wheel's clock, so between one and two */
};

static int64_t clock_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool shared(const struct worker *w)
{
        return w->wheel.now - w->turns.small_reply_at <= LATELY_SECONDS;
}

uint64_t turn_piece(const struct worker *w)
{
        return shared(w) ? SHORT_PIECE : LONG_PIECE;
}

struct turn turn_begin(const struct worker *w)
{
        return (struct turn){.piece = turn_piece(w), .end = clock_us() + (shared(w) ? SHORT_US : LONG_US)};
}

bool turn_over(const struct turn *t)
{
        return clock_us() >= t->end;
}

void turn_note_reply(struct worker *w, uint64_t bytes)
{
        if (bytes <= SHORT_PIECE)
                w->turns.small_reply_at = w->wheel.now;
}

/* ---- the queue --------------------------------------------------------------------------------------------------- */

void turn_leave(struct worker *w, struct turn_waiter *one)
{
        if (!one->link)
                return;
        *one->link = one->next;
        if (one->next)
                one->next->link = one->link;
        else
                w->turns.last = one->link;
        one->link = NULL;
}

void turn_wait(struct worker *w, struct turn_waiter *one)
{
        struct turns *t = &w->turns;

        if (!t->first)
                event_add(t->again, &(struct timeval){0, 0});
        one->next = NULL;
        one->link = t->last;
        *t->last = one;
        t->last = &one->next;
}

/* Whether the turn of this round has begun: libevent reads the clock once in each. */
static bool begun(const struct turns *t, struct timeval *round)
{
        event_base_gettimeofday_cached(t->base, round);
        return round->tv_sec == t->round.tv_sec && round->tv_usec == t->round.tv_usec;
}

const struct turn *turn_take(struct worker *w, struct turn_waiter *one)
{
        struct turns *t = &w->turns;
        struct timeval round;
        bool same;

        if (one == t->served)
                return &t->now;
        if (turn_awaited(one))
                return NULL;
        same = begun(t, &round);
        if (t->first || (same && turn_over(&t->now))) {
                turn_wait(w, one);
                return NULL;
        }
        if (!same) {
                t->now = turn_begin(w);
                t->round = round;
        }
        return &t->now;
}

static void serve_waiting(evutil_socket_t fd, short what, void *argument)
{
        struct worker *w = argument;
        struct turns *t = &w->turns;

        (void)fd;
        (void)what;
        t->now = turn_begin(w);
        begun(t, &t->round);
        while (t->first && !turn_over(&t->now)) {
                t->served = t->first;
                turn_leave(w, t->served);
                t->serve(t->served);
        }
        t->served = NULL;
        if (t->first)
                event_add(t->again, &(struct timeval){0, 0});
}

bool turns_make(struct worker *w, void (*serve)(struct turn_waiter *))
{
        struct turns *t = &w->turns;

        t->base = w->base;
        t->serve = serve;
        t->last = &t->first;
        t->again = evtimer_new(w->base, serve_waiting, w);
        return t->again != NULL;
}

void turns_unmake(struct worker *w)
{
        if (w->turns.again)
                event_free(w->turns.again);
        w->turns.again = NULL;
}
