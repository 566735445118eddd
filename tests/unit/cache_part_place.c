/* cache/part_place.c: parts that come in any order and over each other are there as a whole, each byte once. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store_made.h"

enum { TOTAL = 5000, PARTS = 300, SIZE = 32 << 20 };

static struct key key;
static uint64_t id;

static char pattern(uint64_t at)
{
        return (char)('A' + at * 7 % 53);
}

static void set_up(void)
{
        struct stored s = {.status = 200, .flags = STORED_SPARSE, .lifetime = 60, .last_modified = -1};

        make_store(SIZE);
        key_of_text(&key, SPAN("http://a:80/"));
        id = store_next_id(store);
        cr_assert_eq(store_put_response(store, &(struct put){.id = id, .key = &key, .stored = &s, .length = TOTAL}), 0);
}

TestSuite(part_place, .init = set_up, .fini = remove_store);

static void free_bytes(void *bytes, int error)
{
        cr_expect_eq(error, 0);
        free(bytes);
}

static void put(uint64_t from, uint64_t to)
{
        char *bytes = malloc(to - from);

        for (uint64_t at = from; at < to; at++)
                bytes[at - from] = pattern(at);
        cr_assert_eq(store_put_part(store, id, from, bytes, to - from, free_bytes, bytes), 0);
}

static bool is_there(uint64_t at)
{
        struct iovec span;
        int count;

        if (reader_body(reader, id, at, 1, &span, 1, &count) != BODY_READY)
                return false;
        cr_assert_eq(((char *)span.iov_base)[0], pattern(at), "byte %d", (int)at);
        return true;
}

static uint64_t held_to(uint64_t from)
{
        uint64_t to = from;

        store_sync(store);
        cr_assert_eq(reader_begin(reader), 0);
        cr_assert_eq(reader_held_to(reader, id, &to, TOTAL), to < TOTAL ? BODY_GAP : BODY_READY);
        reader_end(reader);
        return to;
}

Test(part_place, parts_at_random_leave_no_gap_where_one_of_them_was)
{
        static bool expected[TOTAL];
        uint64_t end = 0;

        srand(7);
        for (int i = 0; i < PARTS; i++) {
                uint64_t from = (uint64_t)rand() % (TOTAL - 1), to = from + 1 + (uint64_t)rand() % 40;

                if (to > TOTAL)
                        to = TOTAL;
                put(from, to);
                memset(expected + from, true, to - from);
                if (i % 50 == 0)
                        store_sync(store); /* else they share a transaction */
        }
        store_sync(store);
        cr_assert_eq(reader_begin(reader), 0);
        for (uint64_t at = 0; at < TOTAL; at++)
                cr_expect_eq(is_there(at), expected[at], "byte %d", (int)at);
        for (uint64_t at = 0; at < TOTAL; at = end + 1) {
                end = at;
                if (reader_held_to(reader, id, &end, TOTAL) == BODY_GAP)
                        cr_expect_not(expected[end], "byte %d", (int)end);
                else
                        cr_expect_eq(end, TOTAL);
        }
        reader_end(reader);
}

Test(part_place, a_gap_begins_and_ends_at_its_neighbours)
{
        put(100, 200);
        put(300, 400);
        store_sync(store);
        cr_assert_eq(reader_begin(reader), 0);
        cr_expect_eq(reader_gap_begin(reader, id, 250, 0), 200);
        cr_expect_eq(reader_gap_begin(reader, id, 250, 220), 220);
        cr_expect_eq(reader_gap_begin(reader, id, 50, 0), 0);
        cr_expect_eq(reader_gap_end(reader, id, 250, TOTAL), 300);
        cr_expect_eq(reader_held_to(reader, id, &(uint64_t){100}, 150), BODY_READY);
        cr_expect_eq(reader_held_to(reader, id, &(uint64_t){250}, 260), BODY_GAP);
        reader_end(reader);
}

Test(part_place, what_covers_slices_takes_their_place)
{
        put(100, 200);
        put(150, 160);
        put(250, 300);
        put(50, 400);
        cr_expect_eq(held_to(50), 400);
        cr_assert_eq(reader_begin(reader), 0);
        cr_expect_eq(reader_gap_end(reader, id, 50, TOTAL), TOTAL, "it is one slice");
        reader_end(reader);
}

Test(part_place, what_is_damaged_gives_way)
{
        char file[128], *all = malloc(1 << 20), *at;
        char marked[] = {pattern(1000), pattern(1001), pattern(1002), pattern(1003), pattern(1004), pattern(1005)};
        ssize_t size;
        int fd;

        put(1000, 1010);
        close_store();
        snprintf(file, sizeof file, "%s/data.mdb", path);
        fd = open(file, O_RDWR);
        size = pread(fd, all, 1 << 20, 0);
        for (at = all; (at = memmem(at, (size_t)(all + size - at), marked, sizeof marked)); at++)
                cr_assert_eq(pwrite(fd, "!", 1, at - all), 1);
        close(fd);
        free(all);
        open_store(SIZE);
        put(1004, 1020);
        store_sync(store);
        cr_assert_eq(reader_begin(reader), 0);
        cr_expect(!is_there(1003) && is_there(1004) && is_there(1019));
        reader_end(reader);
}
