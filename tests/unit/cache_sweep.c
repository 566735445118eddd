/* cache/sweep.c: where the next one to go is looked for. */
#include <criterion/criterion.h>

#include "cache/sweep.h"

enum { ROOM = 20000, PROBATION = ROOM / 20 };

static void expect_reach(const struct sweep *s, bool starved, bool fence, uint64_t from, uint64_t to)
{
        struct sweep_reach reach = sweep_reach(s, starved);

        cr_expect_eq(reach.fence, fence);
        cr_expect_eq(reach.from, from);
        cr_expect_eq(reach.to, to);
}

/* Ids from..to-1, each of a hundredth of a probation. */
static void put(struct sweep *s, uint64_t from, uint64_t to)
{
        for (uint64_t id = from; id < to; id++)
                sweep_put(s, id, PROBATION / 100);
}

Test(sweep, what_is_new_is_on_probation_until_a_twentieth_was_put_after_it)
{
        struct sweep s;
        struct sweep_reach reach;

        sweep_begin(&s, ROOM, &(struct sweep_ids){.fence = 1});
        put(&s, 1, 100);
        cr_expect_not(sweep_reach(&s, false).fence);
        put(&s, 100, 301);
        reach = sweep_reach(&s, false);
        cr_expect(reach.fence);
        cr_expect_eq(reach.from, 1);
        cr_expect_leq(reach.to, 201);
        cr_expect_geq(reach.to, 195, "marks are close enough: %lu", (unsigned long)reach.to);
}

Test(sweep, the_fence_stops_where_probation_begins)
{
        struct sweep s;
        struct sweep_reach reach;

        sweep_begin(&s, ROOM, &(struct sweep_ids){.fence = 1});
        put(&s, 1, 301);
        reach = sweep_reach(&s, false);
        sweep_passed(&s, &reach, 5);
        expect_reach(&s, false, true, 6, reach.to);
        cr_expect_not(sweep_ended(&s, &reach));
        cr_expect_eq(s.at.fence, reach.to);
        cr_expect_not(sweep_reach(&s, false).fence);
}

Test(sweep, the_hand_goes_seven_tenths_of_what_became_old_in_its_lap)
{
        struct sweep s;
        struct sweep_reach reach;

        sweep_begin(&s, ROOM, &(struct sweep_ids){.fence = 100, .lap = 100});
        expect_reach(&s, false, false, 0, 100);
        reach = sweep_reach(&s, false);
        sweep_passed(&s, &reach, 40);
        s.at.fence = 200;
        expect_reach(&s, false, false, 41, 170);
        cr_expect(sweep_ended(&s, &reach));
        expect_reach(&s, false, false, 0, 200);
}

Test(sweep, a_starved_one_takes_from_probation)
{
        struct sweep s;

        sweep_begin(&s, ROOM, &(struct sweep_ids){.fence = 1});
        put(&s, 1, 50);
        expect_reach(&s, true, true, 1, UINT64_MAX);
}

Test(sweep, an_earlier_run_is_gone_on_with)
{
        struct sweep s;

        sweep_begin(&s, ROOM, &(struct sweep_ids){.hand = 30, .fence = 100, .due = 110, .lap = 60});
        expect_reach(&s, false, true, 100, 110);
        s.at.fence = 110;
        expect_reach(&s, false, false, 30, 60 + 35);
        put(&s, 120, 420);
        cr_expect_eq(sweep_reach(&s, false).from, 110);
        cr_expect_gt(sweep_reach(&s, false).to, 300);
}

Test(sweep, nonsense_from_a_file_makes_no_endless_lap)
{
        struct sweep s;

        sweep_begin(&s, ROOM, &(struct sweep_ids){.hand = 30, .fence = 100, .lap = 600});
        expect_reach(&s, false, false, 30, 100);
}
