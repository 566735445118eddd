/* cache/store_evict.c, cache/store_keep.c: what goes first where there is no room for all. Stores of 16 MiB, of which
 * some 14 are used: responses of 16,000 bytes, five pages each, 700 or so; 35 of them are a probation. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "cache/store_private.h"
#include "store_made.h"

enum { LENGTH = 16000, SIZE = 16 << 20, FILL = 1500 /* twice what fits */ };

static struct message request;
static char body[LENGTH];

static void set_up(void)
{
        make_store(SIZE);
}

TestSuite(evict, .init = set_up, .fini = remove_store);

static struct key key_of(int n, char text[32])
{
        struct key k;

        snprintf(text, 32, "http://a:80/%d", n);
        key_of_text(&k, (struct span){text, strlen(text)});
        return k;
}

static void put_for(int n, uint64_t replaces)
{
        char text[32];
        struct key k = key_of(n, text);
        struct stored s = {.status = 200, .reason = SPAN("OK")};
        struct put p = {.id = store_next_id(store),
                        .key = &k,
                        .stored = &s,
                        .replaces = replaces,
                        .length = LENGTH,
                        .body = {body, LENGTH}};

        cr_assert_eq(store_put_response(store, &p), 0);
}

/* from..to-1, which nobody reads. Some at a time, as many clients' misses are. */
static void put(int from, int to)
{
        for (int n = from; n < to; n++) {
                put_for(n, 0);
                if (n % 16 == 0)
                        store_sync(store);
        }
        store_sync(store);
}

/* Its id; 0: it is not there. */
static uint64_t find(int n)
{
        char text[32];
        struct key k = key_of(n, text);
        struct found f;
        uint64_t id;

        cr_assert_eq(reader_begin(reader), 0);
        id = reader_find(reader, &k, &request, true, &f) == FIND_HIT ? f.id : 0;
        reader_end(reader);
        return id;
}

static int count(int from, int to)
{
        int there = 0;

        for (int n = from; n < to; n++)
                there += find(n) != 0;
        return there;
}

Test(evict, a_scan_of_four_times_the_store_takes_nothing_that_was_read)
{
        put(0, 100);
        cr_assert_eq(count(0, 100), 100);
        put(1000, 1000 + 2 * FILL);
        cr_expect_eq(count(0, 100), 100);
        cr_expect_gt(count(1000 + 2 * FILL - 35, 1000 + 2 * FILL), 30);
}

Test(evict, what_is_not_read_any_more_goes_in_the_end)
{
        put(0, 100);
        cr_assert_eq(count(0, 100), 100);
        for (int n = 1000; n < 1000 + 2 * FILL; n += 30) { /* others are read while on probation */
                put(n, n + 30);
                cr_assert_eq(count(n, n + 30), 30);
        }
        cr_expect_lt(count(0, 100), 10);
}

Test(evict, what_was_read_before_a_restart_is_spared_after_it)
{
        put(0, 10);
        put(10, 20);
        cr_assert_eq(count(0, 10), 10);
        reopen(SIZE);
        put(1000, 1000 + FILL);
        cr_expect_eq(count(0, 10), 10);
        cr_expect_eq(count(10, 20), 0);
}

Test(evict, what_an_earlier_run_has_put_is_spared_if_it_is_read_in_this_one)
{
        put(0, 20);
        reopen(SIZE);
        cr_assert_eq(count(0, 10), 10);
        put(1000, 1000 + FILL);
        cr_expect_eq(count(0, 10), 10);
        cr_expect_eq(count(10, 20), 0);
}

Test(evict, what_has_passed_its_probation_need_not_do_so_again_after_a_restart)
{
        put(0, 10);
        cr_assert_eq(count(0, 10), 10);
        put(1000, 1000 + FILL);
        reopen(SIZE);
        put(3000, 3000 + FILL);
        cr_expect_eq(count(0, 10), 10);
}

Test(evict, what_is_put_again_soon_after_it_went_counts_as_read)
{
        put(0, 10);
        put(1000, 1000 + 900);
        cr_assert_eq(count(0, 10), 0);
        put(0, 20); /* 0 to 9 again, and ten new ones */
        put(3000, 3000 + FILL);
        cr_expect_eq(count(0, 10), 10);
        cr_expect_eq(count(10, 20), 0);
}

Test(evict, what_replaces_a_response_counts_as_read)
{
        uint64_t old;

        put(0, 20);
        old = find(5);
        cr_assert(old);
        put_for(5, old);
        put(1000, 1000 + FILL);
        cr_expect(find(5));
        cr_expect_eq(count(0, 5), 0);
}

Test(evict, a_store_of_pinned_responses_comes_to_an_end)
{
        struct store_status status;
        uint64_t ids[100];

        for (int n = 0; n < 100; n++) {
                put(n, n + 1);
                ids[n] = find(n);
                cr_assert(store_pin(store, ids[n]));
        }
        put(1000, 1000 + FILL);
        cr_expect_eq(count(0, 100), 100);
        for (int n = 0; n < 100; n++)
                store_unpin(store, ids[n]);
        store_status(store, &status);
        cr_expect_leq(status.file, SIZE);
        cr_expect_eq(status.error, 0);
}

/* ---- a transaction that comes to nothing ---------------------------------------------------------------------------
 */

/* Bits that are set, of the ids from..to-1; afterwards they are as they were. */
static int bits(uint64_t from, uint64_t to)
{
        int set = 0;

        for (uint64_t id = from; id < to; id++)
                if (visit_clear(store, id)) {
                        visit_mark(store, id);
                        set++;
                }
        return set;
}

Test(evict, what_came_to_nothing_leaves_hands_bits_and_pins_as_they_were)
{
        struct doomed doomed = {0};
        struct sweep before;
        uint64_t first, last;
        MDB_txn *txn;

        put(0, 200);
        cr_assert_eq(count(50, 100), 50);
        first = find(50);
        last = find(99);
        before = store->sweep;
        cr_assert_eq(mdb_txn_begin(store->env, NULL, 0, &txn), 0);
        cr_assert_eq(evict_until(store, txn, SIZE - (1 << 20), &doomed), 0); /* no room but for some 50 */
        cr_assert_neq(memcmp(&store->sweep, &before, sizeof before), 0, "a hand has moved");
        cr_assert_lt(bits(first, last + 1), 50, "and spared what was read");
        cr_assert_gt(doomed.count, 50, "and taken what was not");
        mdb_txn_abort(txn);
        evict_ended(store, &doomed, false);
        cr_expect_eq(memcmp(&store->sweep, &before, sizeof before), 0);
        cr_expect_eq(bits(first, last + 1), 50);
        for (int n = 0; n < 50; n++) {
                uint64_t id = find(n);

                cr_expect_neq(id, 0);
                cr_expect(store_pin(store, id), "%d is condemned for good", n);
                store_unpin(store, id);
        }
}
