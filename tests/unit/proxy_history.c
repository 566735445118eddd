/* Rates from samples, however late they were taken. */
#include "proxy/history.h"

#include <criterion/criterion.h>

static struct history h;

static void sample(int64_t at_ms, uint64_t requests)
{
        uint64_t value[COUNTER_IDS] = {0};

        value[COUNTER_requests] = requests;
        history_add(&h, at_ms, value);
}

static double rate(unsigned seconds)
{
        return history_rate(&h, COUNTER_requests, seconds);
}

Test(history, nothing_is_known_at_first)
{
        cr_expect_null(history_back(&h, 0));
        cr_expect_eq(history_growth(&h, COUNTER_requests, 10), 0);
        cr_expect_eq(rate(10), 0);
}

Test(history, one_sample_has_no_rate)
{
        sample(1000, 77);
        cr_expect_eq(history_back(&h, 0)->value[COUNTER_requests], 77);
        cr_expect_null(history_back(&h, 1));
        cr_expect_eq(history_growth(&h, COUNTER_requests, 10), 0);
        cr_expect_eq(rate(10), 0);
}

Test(history, a_rate_is_growth_by_the_time_that_passed)
{
        sample(0, 0);
        sample(1000, 10);
        sample(4000, 40); /* late */
        cr_expect_float_eq(rate(10), 10, 1e-9);
        cr_expect_float_eq(rate(1), 10, 1e-9);
        cr_expect_eq(history_growth(&h, COUNTER_requests, 10), 40);
        cr_expect_eq(history_growth(&h, COUNTER_requests, 1), 30);
}

Test(history, a_window_ends_where_it_is_full)
{
        for (int64_t s = 0; s <= 60; s++)
                sample(s * 1000, s < 50 ? 0 : (uint64_t)(s - 50) * 100);
        cr_expect_float_eq(rate(10), 100, 1e-9);
        cr_expect_float_eq(rate(20), 50, 1e-9);
        cr_expect_eq(history_growth(&h, COUNTER_requests, 5), 500);
}

Test(history, the_oldest_goes)
{
        for (int64_t s = 0; s < 2 * HISTORY_SAMPLES + 7; s++)
                sample(s * 1000, (uint64_t)s);
        cr_expect_eq(history_back(&h, 0)->at_ms, (2 * HISTORY_SAMPLES + 6) * 1000);
        cr_expect_eq(history_back(&h, HISTORY_SAMPLES - 1)->at_ms, (HISTORY_SAMPLES + 7) * 1000);
        cr_expect_null(history_back(&h, HISTORY_SAMPLES));
        cr_expect_eq(history_growth(&h, COUNTER_requests, 100000), HISTORY_SECONDS);
}

Test(history, a_moment_that_has_been_is_ignored)
{
        sample(5000, 1);
        sample(5000, 2);
        sample(4000, 3);
        cr_expect_eq(history_back(&h, 0)->value[COUNTER_requests], 1);
        cr_expect_null(history_back(&h, 1));
}

Test(history, what_shrinks_has_not_grown)
{
        sample(0, 100);
        sample(1000, 90);
        cr_expect_eq(history_growth(&h, COUNTER_requests, 10), 0);
        cr_expect_eq(rate(10), 0);
}
