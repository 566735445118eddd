/* tests/bench/ratio/replay.c: a real store has the hit ratios that its rules promise, and no more than can be had. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/ratio/bound.h"
#include "tests/bench/ratio/replay.h"

static void real_against_simulated(const struct trace_spec *spec)
{
        char path[] = "/tmp/limpid-replay-XXXXXX", command[64], message[STORE_MESSAGE];
        struct ratios fixed, lru, bound;
        struct replayed real;
        struct trace t;

        cr_assert_not_null(mkdtemp(path));
        cr_assert(trace_make(&t, spec));
        cr_assert_eq(replay(&t, path, 48 << 20, t.count / 5, &real, message), 0, "%s", message);
        snprintf(command, sizeof command, "rm -r %s", path);
        cr_assert_eq(system(command), 0);
        t.largest = (48 << 20) / 8;
        cr_assert(policy_run(&policy_fixed, &t, real.held, t.count / 5, &fixed));
        cr_assert(policy_run(&policy_lru, &t, real.held, t.count / 5, &lru));
        cr_assert(bound_find(&t, real.held, t.count / 5, &bound));
        cr_expect_gt(real.evicted, 1000);
        cr_expect_leq(real.file, 48 << 20);
        cr_expect_float_eq(real.ratios.objects, fixed.objects, 0.03, "%f, not %f", real.ratios.objects, fixed.objects);
        cr_expect_float_eq(real.ratios.bytes, fixed.bytes, 0.03, "%f, not %f", real.ratios.bytes, fixed.bytes);
        cr_expect_gt(real.ratios.objects, lru.objects);
        cr_expect_lt(real.ratios.objects, bound.objects);
        cr_expect_lt(real.ratios.bytes, bound.bytes);
        trace_free(&t);
}

Test(ratio_replay, a_store_keeps_what_its_rules_promise)
{
        real_against_simulated(&(struct trace_spec){"web", .seed = 1, .requests = 30000, .objects = 20000, .zipf = 0.8,
                                                    .once = 0.1, .scale = 4});
        real_against_simulated(&(struct trace_spec){"games", .seed = 2, .requests = 10000, .objects = 4000, .zipf = 0.8,
                                                    .once = 0.1, .sizes = GAME, .scale = 16});
}
