/* proxy/wheel.c: deadlines come when they are due, whatever was put off, stopped or set while the wheel turned. */
#include <criterion/criterion.h>

#include "proxy/wheel.h"

static int fired[8];

struct item {
        struct timer timer;
        int number;
        struct wheel *wheel;
        struct item *victim;
};

static void fire(struct timer *t)
{
        struct item *i = (struct item *)(void *)t;

        fired[i->number]++;
        if (i->victim)
                timer_stop(&i->victim->timer);
}

static void fire_again(struct timer *t)
{
        struct item *i = (struct item *)(void *)t;

        fired[i->number]++;
        timer_set(i->wheel, t, 1);
}

static void reset(void)
{
        for (int i = 0; i < 8; i++)
                fired[i] = 0;
}

TestSuite(wheel, .init = reset);

Test(wheel, fires_when_due_and_not_before)
{
        struct wheel w = {.now = 1000};
        struct item a = {.timer = {.fire = fire}, .number = 0};

        timer_set(&w, &a.timer, 5);
        wheel_turn(&w, 1004);
        cr_assert_eq(fired[0], 0);
        wheel_turn(&w, 1005);
        cr_assert_eq(fired[0], 1);
        wheel_turn(&w, 1500);
        cr_assert_eq(fired[0], 1);
}

Test(wheel, what_was_promised_has_its_time_though_the_second_is_nearly_over)
{
        struct wheel w = {.now = 1000};
        struct item a = {.timer = {.fire = fire}, .number = 0}, b = {.timer = {.fire = fire}, .number = 1};

        timer_set_ms(&w, &a.timer, 1000);
        timer_set_ms(&w, &b.timer, 250);
        wheel_turn(&w, 1001);
        cr_assert_eq(fired[0] + fired[1], 0);
        wheel_turn(&w, 1002);
        cr_assert_eq(fired[0], 1);
        cr_assert_eq(fired[1], 1);
}

Test(wheel, a_deadline_put_off_fires_later)
{
        struct wheel w = {.now = 0};
        struct item a = {.timer = {.fire = fire}, .number = 0};

        timer_set(&w, &a.timer, 2);
        wheel_turn(&w, 1);
        timer_set(&w, &a.timer, 10);
        wheel_turn(&w, 10);
        cr_assert_eq(fired[0], 0);
        wheel_turn(&w, 11);
        cr_assert_eq(fired[0], 1);
}

Test(wheel, a_deadline_brought_forward_fires_earlier)
{
        struct wheel w = {.now = 0};
        struct item a = {.timer = {.fire = fire}, .number = 0};

        timer_set(&w, &a.timer, 100);
        timer_set(&w, &a.timer, 3);
        wheel_turn(&w, 3);
        cr_assert_eq(fired[0], 1);
}

Test(wheel, a_deadline_beyond_the_wheels_size_is_kept)
{
        struct wheel w = {.now = 7};
        struct item a = {.timer = {.fire = fire}, .number = 0};

        timer_set(&w, &a.timer, 1000);
        for (int64_t now = 8; now < 1007; now++)
                wheel_turn(&w, now);
        cr_assert_eq(fired[0], 0);
        wheel_turn(&w, 1007);
        cr_assert_eq(fired[0], 1);
}

Test(wheel, what_fires_may_stop_its_neighbour)
{
        struct wheel w = {.now = 0};
        struct item a = {.timer = {.fire = fire}, .number = 0}, b = {.timer = {.fire = fire}, .number = 1};

        a.victim = &b;
        b.victim = &a;
        timer_set(&w, &a.timer, 4);
        timer_set(&w, &b.timer, 4);
        wheel_turn(&w, 4);
        cr_assert_eq(fired[0] + fired[1], 1);
}

Test(wheel, what_fires_may_set_itself_again)
{
        struct wheel w = {.now = 0};
        struct item a = {.timer = {.fire = fire_again}, .number = 0, .wheel = &w};

        timer_set(&w, &a.timer, 1);
        wheel_turn(&w, 5);
        cr_assert_eq(fired[0], 5);
        timer_stop(&a.timer);
}

Test(wheel, a_long_sleep_is_made_up_for_at_once)
{
        struct wheel w = {.now = 0};
        struct item a = {.timer = {.fire = fire}, .number = 0};

        timer_set(&w, &a.timer, 30);
        wheel_turn(&w, 1000000000);
        cr_assert_eq(fired[0], 1);
        cr_assert_eq(w.now, 1000000000);
}

Test(wheel, stopping_twice_does_no_harm)
{
        struct wheel w = {.now = 0};
        struct item a = {.timer = {.fire = fire}, .number = 0};

        timer_stop(&a.timer);
        timer_set(&w, &a.timer, 1);
        timer_stop(&a.timer);
        timer_stop(&a.timer);
        wheel_turn(&w, 2);
        cr_assert_eq(fired[0], 0);
}
