/* tests/bench/ratio/policy*.c, bound.c: each simulated policy does on short sequences what its paper says, worked by
 * hand; and none beats the bound. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/ratio/bound.h"
#include "tests/bench/ratio/traces.h"

enum { LETTERS = 128 };

/* A trace of one letter for each request, blanks for the eye; capitals are objects of size 2, others of size 1. */
static struct trace written(const char *letters)
{
        struct trace t = {.objects = LETTERS, .largest = UINT64_MAX};

        t.keys = malloc(strlen(letters) * sizeof *t.keys);
        t.sizes = malloc(LETTERS * sizeof *t.sizes);
        for (uint32_t i = 0; i < LETTERS; i++)
                t.sizes[i] = i >= 'A' && i <= 'Z' ? 2 : 1;
        for (; *letters; letters++)
                if (*letters != ' ')
                        t.keys[t.count++] = (uint32_t)*letters;
        return t;
}

/* What became of each request: h a hit, m a miss. */
static void expect(const struct policy *p, uint64_t room, const char *letters, const char *expected)
{
        struct trace t = written(letters);
        void *cache = p->make(&t, room);
        char *result = calloc(1, t.count + 1), *wanted = calloc(1, strlen(expected) + 1), *at = wanted;

        for (size_t i = 0; i < t.count; i++) {
                result[i] = p->ask(cache, i) ? 'h' : 'm';
                cr_expect_leq(p->held(cache), room);
        }
        for (; *expected; expected++)
                if (*expected != ' ')
                        *at++ = *expected;
        cr_expect_str_eq(result, wanted, "%s: %s, not %s", p->name, result, wanted);
        p->free(cache);
        free(result);
        free(wanted);
        trace_free(&t);
}

Test(ratio_policy, lru_removes_what_was_not_read_for_longest)
{
        expect(&policy_lru, 8, "abcdefgh a i b a c", "mmmmmmmm h m m h m");
}

Test(ratio_policy, sieve_spares_what_was_read_and_goes_on_where_it_stood)
{
        /* i: a is spared, b goes. b: c goes. j: d is spared, e goes. c: f. e: g. */
        expect(&policy_sieve, 8, "abcdefgh a i b a d j c e d", "mmmmmmmm h m m h h m m m h");
}

Test(ratio_policy, s3fifo_keeps_what_was_read_twice_and_lets_ghosts_into_the_main_queue)
{
        /* u: a moves to the main queue, b becomes a ghost. b: is put into the main queue, c becomes a ghost. */
        expect(&policy_s3fifo, 20, "abcdefghijklmnopqrst aab u a b c b", "mmmmmmmmmmmmmmmmmmmm hhh m h m m h");
        /* u: a and b move, c becomes a ghost. */
        expect(&policy_s3fifo_once, 20, "abcdefghijklmnopqrst aab u a b c b", "mmmmmmmmmmmmmmmmmmmm hhh m h h m h");
}

Test(ratio_policy, s3fifo_puts_back_in_its_main_queue_what_was_read)
{
        /* Room for 8, none of it for the small queue. i: all move to the main queue, and a goes for good. a: i becomes
         * a ghost. i: a becomes one, i is in the main queue. j: b is put back, c goes. */
        expect(&policy_s3fifo, 8, "abcdefgh aabbccddeeffgghh i a i b j b c", "mmmmmmmm hhhhhhhhhhhhhhhh m m m h m h m");
}

Test(ratio_policy, gdsf_removes_large_ones_first_unless_they_are_read_often)
{
        /* o: A goes. B is read: worth as much as a new small one. q: a small one goes. */
        expect(&policy_gdsf, 16, "ABcdefghijklmn o B p q B A", "mmmmmmmmmmmmmm m h m m h m");
}

Test(ratio_policy, belady_removes_what_is_needed_last)
{
        expect(&policy_belady, 8, "abcdefghi ihgfedcba", "mmmmmmmmm hhhhhhhhm");
        expect(&policy_belady, 8, "abcdefgh i abcdefg i", "mmmmmmmm m hhhhhhh h"); /* h never comes in */
}

Test(ratio_policy, fixed_ids_let_a_scan_pass)
{
        /* What was read stays while more than twice the room goes by. */
        expect(&policy_fixed, 20, "abcdefghij abcdefghij klmnopqrstuvwxyz !#$%&()*+,-./:;<=>?@[]^_ abcdefghij",
               "mmmmmmmmmm hhhhhhhhhh mmmmmmmmmmmmmmmm mmmmmmmmmmmmmmmmmmmmmmmm hhhhhhhhhh");
}

Test(ratio_policy, fixed_ids_keep_what_is_put_again_soon)
{
        /* p to z push a out unread; it is put again, and is spared though nobody reads it then. */
        expect(&policy_fixed, 16, "abcdefghijklmnop qrs a tuvwxyz0123 a", "mmmmmmmmmmmmmmmm mmm m mmmmmmmmmmm h");
}

Test(ratio_policy, what_is_too_large_passes)
{
        static const struct policy *const all[] = {&policy_lru,  &policy_sieve,  &policy_s3fifo, &policy_s3fifo_once,
                                                   &policy_gdsf, &policy_belady, &policy_fixed};
        struct trace t = written("AAaa");

        t.largest = 1;
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
                struct ratios r;

                cr_assert(policy_run(all[i], &t, 8, 0, &r));
                cr_expect_float_eq(r.objects, 1.0 / 4, 1e-9, "%s", all[i]->name);
                cr_expect_float_eq(r.bytes, 1.0 / 6, 1e-9, "%s", all[i]->name);
        }
        trace_free(&t);
}

static void expect_bound(uint64_t room, const char *letters, double objects, double bytes)
{
        struct trace t = written(letters);
        struct ratios r;

        cr_assert(bound_find(&t, room, 0, &r));
        cr_expect_float_eq(r.objects, objects, 1e-9, "%f", r.objects);
        cr_expect_float_eq(r.bytes, bytes, 1e-9, "%f", r.bytes);
        trace_free(&t);
}

Test(ratio_bound, is_what_fits_into_space_and_time)
{
        /* Nine pieces of 1, 3 … 17 fit into 8 times 18. */
        expect_bound(8, "abcdefghi ihgfedcba", 9.0 / 18, 9.0 / 18);
        /* 32 pieces of 32: half of them fit into 8 times 64. */
        expect_bound(8, "abcdefghijklmnopqrstuvwxyz012345 abcdefghijklmnopqrstuvwxyz012345", 16.0 / 64, 16.0 / 64);
        /* 16 of 64 and 16 of 32 into 16 times 64: all the small ones and half of the large; in bytes they are worth
         * alike. */
        expect_bound(16, "ABCDEFGHIJKLMNOPqrstuvwxyz012345 ABCDEFGHIJKLMNOPqrstuvwxyz012345", 24.0 / 64, 32.0 / 96);
}

Test(ratio_bound, is_beaten_by_nobody)
{
        static const struct policy *const all[] = {&policy_lru,  &policy_sieve,  &policy_s3fifo, &policy_s3fifo_once,
                                                   &policy_gdsf, &policy_belady, &policy_fixed};
        struct trace_spec spec = {"small", .requests = 20000, .objects = 5000, .zipf = 0.8, .once = 0.1, .scale = 16};

        for (int seed = 1; seed <= 4; seed++) {
                struct ratios bound, r;
                struct trace t;

                spec.seed = (uint64_t)seed;
                spec.sizes = seed % 2 ? WEB : GAME;
                cr_assert(trace_make(&t, &spec));
                cr_assert(bound_find(&t, 4 << 20, 4000, &bound));
                for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
                        cr_assert(policy_run(all[i], &t, 4 << 20, 4000, &r));
                        cr_expect_leq(r.objects, bound.objects, "%s", all[i]->name);
                        cr_expect_leq(r.bytes, bound.bytes, "%s", all[i]->name);
                        cr_expect_gt(r.objects, 0);
                }
                trace_free(&t);
        }
}
