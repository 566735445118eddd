/* proxy/part.c: which slices a part is cut into. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <unistd.h>

#include "proxy/part.h"
#include "proxy/sigbus.h"
#include "store_made.h"

/* main.c has the real one, and no test links main.c. */
void sigbus_watch(struct store *const *stores, size_t count)
{
        (void)stores;
        (void)count;
}

enum { TOTAL = 3 << 20 };

static uint64_t id;

static void set_up(void)
{
        struct stored s = {.status = 200, .flags = STORED_SPARSE, .lifetime = 60, .last_modified = -1};
        struct key key;

        make_store(64 << 20);
        key_of_text(&key, SPAN("http://a:80/"));
        id = store_next_id(store);
        cr_assert_eq(store_put_response(store, &(struct put){.id = id, .key = &key, .stored = &s, .length = TOTAL}), 0);
}

TestSuite(part, .init = set_up, .fini = remove_store);

static atomic_int ends;

static void ended(void *context, int error)
{
        cr_expect_eq(context, &ends);
        cr_expect_eq(error, 0);
        atomic_fetch_add(&ends, 1);
}

static void put(uint64_t from, uint64_t to, size_t step)
{
        static char bytes[70000];
        struct part p;

        part_start(&p, store, id, from, NULL);
        for (uint64_t at = from; at < to; at += step)
                part_add(&p, (struct span){bytes, to - at < step ? (size_t)(to - at) : step});
        part_end(&p, ended, &ends);
        store_sync(store);
        cr_assert_eq(atomic_load(&ends), 1);
}

static bool stored(uint64_t at)
{
        struct iovec spans[1];
        int count;
        bool there;

        cr_assert_eq(reader_begin(reader), 0);
        there = reader_body(reader, id, at, 1, spans, 1, &count) != BODY_GAP;
        reader_end(reader);
        return there;
}

Test(part, what_begins_and_ends_at_units_is_stored_whole)
{
        put(SLICE_UNIT, 3 * SLICE_UNIT, 1000);
        cr_assert(!stored(SLICE_UNIT - 1) && stored(SLICE_UNIT) && stored(3 * SLICE_UNIT - 1) &&
                  !stored(3 * SLICE_UNIT));
}

Test(part, what_begins_and_ends_anywhere_is_stored_as_well)
{
        put(5, 3 * SLICE_UNIT - 1, 65521);
        cr_assert(!stored(4) && stored(5) && stored(SLICE_UNIT) && stored(3 * SLICE_UNIT - 2) &&
                  !stored(3 * SLICE_UNIT - 1));
}

Test(part, what_is_not_yet_on_its_way_is_kept)
{
        static char bytes[SLICE_MAX + 10];
        struct part p;
        struct span kept;

        memcpy(bytes + SLICE_MAX, "abcdefghij", 10);
        part_start(&p, store, id, 0, NULL);
        cr_expect_eq(part_kept(&p, 0).len, 0);
        part_add(&p, (struct span){bytes, sizeof bytes});
        kept = part_kept(&p, SLICE_MAX + 3);
        cr_expect(span_equal(kept, SPAN("defghij")));
        cr_expect_eq(part_kept(&p, SLICE_MAX - 1).len, 0, "a slice of it is on its way");
        cr_expect_eq(part_kept(&p, SLICE_MAX + 10).len, 0, "more has not come");
        part_end(&p, ended, &ends);
        store_sync(store);
}

Test(part, only_the_first_slice_begins_within_a_unit)
{
        put(5, SLICE_MAX + 2 * SLICE_UNIT, 65521);
        cr_assert(stored(5) && stored(SLICE_MAX - 1) && stored(SLICE_MAX) && stored(SLICE_MAX + 2 * SLICE_UNIT - 1));
        cr_assert_eq(reader_begin(reader), 0);
        cr_expect_eq(reader_gap_end(reader, id, 5, TOTAL), SLICE_MAX, "where the second one begins");
        reader_end(reader);
}

Test(part, the_end_of_the_body_ends_a_slice)
{
        put(TOTAL - 2 * SLICE_UNIT, TOTAL, 65521);
        cr_assert(stored(TOTAL - 1));
}

Test(part, more_than_one_slice)
{
        put(0, 2 * SLICE_MAX + SLICE_UNIT, 65521);
        cr_assert(stored(0) && stored(SLICE_MAX) && stored(2 * SLICE_MAX) && !stored(2 * SLICE_MAX + SLICE_UNIT));
}

/* Holds the store's writer until a byte comes through the pipe. */
static int gate[2];

static void wait_at_gate(void *context, int error)
{
        char byte;

        (void)context;
        (void)error;
        cr_assert_eq(read(gate[0], &byte, 1), 1);
}

Test(part, after_a_slice_that_is_refused_much_is_left_out)
{
        static char bytes[SLICE_MAX];
        struct part p;

        store_sync(store);
        reopen_with_queue(256 << 20, 3 * SLICE_MAX / 2);
        cr_assert_eq(pipe(gate), 0);
        part_start(&p, store, id, 0, NULL);
        cr_assert_eq(store_after(store, wait_at_gate, NULL), 0);
        for (int i = 0; i < 2; i++)
                part_add(&p, (struct span){bytes, SLICE_MAX});
        cr_assert_eq(write(gate[1], "", 1), 1);
        store_sync(store);
        for (int i = 2; i < 18; i++)
                part_add(&p, (struct span){bytes, SLICE_MAX});
        part_end(&p, ended, &ends);
        store_sync(store);
        cr_expect(stored(0) && !stored(SLICE_MAX) && !stored(2 * SLICE_MAX));
        cr_expect(!stored(SLICE_MAX + LEFT_OUT - 1) && stored(SLICE_MAX + LEFT_OUT));
        close(gate[0]);
        close(gate[1]);
}

Test(part, less_than_a_unit)
{
        put(10, 100, 7);
        cr_assert(!stored(9) && stored(10) && stored(99) && !stored(100));
}

Test(part, without_a_store_nothing_happens)
{
        struct part p = {0};

        part_add(&p, SPAN("abc"));
        part_end(&p, ended, &ends);
        cr_assert_eq(atomic_load(&ends), 1, "the end is told all the same");
}
