/* tests/bench/ratio/trace.c: the same seed gives the same trace, and what a mixture is to hold is in it. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/ratio/trace.h"

static const struct trace_spec plain = {"plain",          .seed = 1,   .requests = 50000,
                                        .objects = 10000, .zipf = 1.0, .scale = 1};

static unsigned *counts(const struct trace *t)
{
        unsigned *n = calloc(t->objects, sizeof *n);

        for (size_t i = 0; i < t->count; i++)
                n[t->keys[i]]++;
        return n;
}

Test(ratio_trace, the_same_seed_gives_the_same_trace_and_another_another)
{
        struct trace_spec other = plain;
        struct trace a, b, c;

        other.seed = 2;
        cr_assert(trace_make(&a, &plain) && trace_make(&b, &plain) && trace_make(&c, &other));
        cr_expect_arr_eq(a.keys, b.keys, a.count * sizeof *a.keys);
        cr_expect_arr_eq(a.sizes, b.sizes, a.objects * sizeof *a.sizes);
        cr_expect_neq(memcmp(a.keys, c.keys, a.count * sizeof *a.keys), 0);
        trace_free(&a);
        trace_free(&b);
        trace_free(&c);
}

Test(ratio_trace, the_tenth_of_a_catalogue_is_asked_for_a_tenth_as_often_as_the_first)
{
        struct trace t;
        unsigned *n;

        cr_assert(trace_make(&t, &plain));
        n = counts(&t);
        cr_expect_float_eq((double)n[0] / n[9], 10, 2, "%u and %u", n[0], n[9]);
        free(n);
        trace_free(&t);
}

Test(ratio_trace, sizes_of_the_web_are_log_normal)
{
        struct trace t;
        double sum = 0, squares = 0;

        cr_assert(trace_make(&t, &plain));
        for (uint32_t i = 0; i < t.objects; i++) {
                double ln = log(t.sizes[i]);

                sum += ln;
                squares += ln * ln;
        }
        sum /= t.objects;
        cr_expect_float_eq(exp(sum), 16384, 1000);
        cr_expect_float_eq(sqrt(squares / t.objects - sum * sum), 1.58, 0.05);
        trace_free(&t);
}

Test(ratio_trace, what_is_asked_for_once_is_new)
{
        struct trace_spec spec = plain;
        struct trace_facts facts;
        struct trace t;

        spec.once = 0.5;
        cr_assert(trace_make(&t, &spec));
        cr_assert(trace_look(&t, &facts));
        cr_expect_float_eq((double)(t.objects - spec.objects) / (double)t.count, 0.5, 0.02);
        cr_expect_gt(facts.once, 0.8);
        cr_expect_leq(facts.footprint, facts.bytes);
        trace_free(&t);
}

Test(ratio_trace, a_release_is_asked_for_by_each_client_and_a_scan_once)
{
        for (unsigned clients = 1; clients <= 5; clients += 4) {
                struct trace_spec spec = plain;
                struct trace t;
                unsigned *n;

                spec.sets = 1;
                spec.set_objects = 1000;
                spec.set_clients = clients;
                spec.set_share = 0.9;
                cr_assert(trace_make(&t, &spec));
                n = counts(&t);
                cr_expect_eq(t.objects, 11000);
                for (uint32_t i = 10000; i < 11000; i++)
                        cr_expect_eq(n[i], clients);
                free(n);
                trace_free(&t);
        }
}

Test(ratio_trace, a_new_day_has_other_favourites)
{
        struct trace_spec spec = plain;
        unsigned days[2][10] = {0};
        struct trace t;

        spec.days = 2;
        spec.shift = 1;
        cr_assert(trace_make(&t, &spec));
        for (size_t i = 0; i < t.count; i++)
                if (t.keys[i] < 10)
                        days[i >= t.count / 2][t.keys[i]]++;
        cr_expect_gt(days[0][0], 1000);
        cr_expect_lt(days[1][0], 500);
        trace_free(&t);
}

Test(ratio_trace, the_next_request_for_the_same_is_known)
{
        uint32_t keys[] = {1, 0, 1, 1}, sizes[] = {1, 1};
        struct trace t = {.count = 4, .keys = keys, .objects = 2, .sizes = sizes};
        uint32_t *next = trace_next(&t);

        cr_expect_eq(next[0], 2);
        cr_expect_eq(next[1], 4);
        cr_expect_eq(next[2], 3);
        cr_expect_eq(next[3], 4);
        free(next);
}
