/* proxy/turn.c: large bodies share one turn in each round of the loop, in the order in which they came; turns are short
 * where small replies are sent, and long where there are none. */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdlib.h>

#include "proxy/turn.h"
#include "proxy/worker.h"

enum { NOW = 1000, LARGE = 10 << 20, CLIENTS = 3 };

static struct worker *w;
static struct turn_waiter clients[CLIENTS];
static char served[16];  /* their numbers, in that order */
static int turns_wanted; /* by each, beyond the first */

static void serve(struct turn_waiter *one)
{
        size_t n = strlen(served);

        cr_assert_not(turn_awaited(one));
        cr_assert_not_null(turn_take(w, one), "it is its turn");
        served[n] = (char)('0' + (one - clients));
        if ((int)n < turns_wanted)
                turn_wait(w, one);
}

static void make(void)
{
        w = calloc(1, sizeof *w);
        w->wheel.now = NOW;
        w->base = event_base_new();
        cr_assert(turns_make(w, serve));
}

static void unmake(void)
{
        turns_unmake(w);
        event_base_free(w->base);
        free(w);
}

TestSuite(turn, .init = make, .fini = unmake);

Test(turn, is_long_where_only_large_bodies_are_sent)
{
        uint64_t piece = turn_begin(w).piece;

        turn_note_reply(w, LARGE);
        cr_assert_eq(turn_begin(w).piece, piece);
        cr_assert_gt(piece, 1 << 20);
}

Test(turn, is_short_while_small_replies_are_sent)
{
        uint64_t piece = turn_begin(w).piece;

        turn_note_reply(w, 300);
        cr_assert_lt(turn_begin(w).piece, piece);
        turn_note_reply(w, LARGE);
        cr_assert_lt(turn_begin(w).piece, piece, "a large one beside them changes nothing");
}

Test(turn, is_long_again_when_the_last_small_reply_is_long_ago)
{
        uint64_t piece = turn_begin(w).piece;

        turn_note_reply(w, 300);
        w->wheel.now += 5;
        cr_assert_eq(turn_begin(w).piece, piece);
}

Test(turn, is_over_when_its_time_has_passed)
{
        cr_assert(turn_over(&(struct turn){.end = 0}));
        cr_assert_not(turn_over(&(struct turn){.end = INT64_MAX}));
}

Test(turn, comes_in_the_next_round_to_who_waits)
{
        for (int i = 0; i < CLIENTS; i++)
                turn_wait(w, &clients[i]);
        cr_assert_null(turn_take(w, &clients[1]), "it waits already");
        event_base_dispatch(w->base); /* until nobody waits */
        cr_assert_str_eq(served, "012");
        cr_assert_not_null(turn_take(w, &clients[0]), "nobody is before it");
}

Test(turn, comes_again_when_all_others_have_had_theirs)
{
        turns_wanted = 6;
        for (int i = 0; i < CLIENTS; i++)
                turn_wait(w, &clients[i]);
        event_base_dispatch(w->base);
        cr_assert_str_eq(served, "012012012");
}

Test(turn, is_not_taken_by_who_comes_while_others_wait)
{
        turn_wait(w, &clients[1]);
        cr_assert_null(turn_take(w, &clients[0]));
        cr_assert(turn_awaited(&clients[0]));
        event_base_dispatch(w->base);
        cr_assert_str_eq(served, "10");
}

Test(turn, does_not_come_to_who_has_left)
{
        for (int i = 0; i < CLIENTS; i++)
                turn_wait(w, &clients[i]);
        turn_leave(w, &clients[2]);
        turn_leave(w, &clients[0]);
        turn_leave(w, &clients[0]);
        turn_wait(w, &clients[0]);
        event_base_dispatch(w->base);
        cr_assert_str_eq(served, "10");
}
