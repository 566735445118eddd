/* cache/store_index.c: who asks a store nothing of which is in memory waits for no disk, and gets what there is once it
 * was read for him. That nothing was waited for is counted by the kernel: page faults of this thread that took a read.
 * And what the walk finds is what LMDB finds in the same snapshot, to the place in memory. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cache/store_private.h"
#include "store_made.h"

enum { SMALL = 5000, LARGE = 400, STEP = 37, BODY = 200, SLICE = 20000, SIZE = 64 << 20 };

static const struct message request;
static uint64_t large[LARGE];
static int colds;

static struct key key_of(int n, char text[64])
{
        struct key k;

        snprintf(text, 64, "http://a:80/%d", n);
        key_of_text(&k, (struct span){text, strlen(text)});
        return k;
}

/* The program is a file as well, of which a page may have to be read when it runs for the first time: not one of those
 * that are counted. */
static void run_once(void)
{
        char text[64];
        struct key k = key_of(0, text);
        struct found f;
        struct iovec span;
        int count;

        cr_assert_eq(reader_begin(reader), 0);
        reader_find(reader, &k, &request, false, &f);
        reader_body(reader, large[0], 0, SLICE, &span, 1, &count);
        reader_end(reader);
}

/* What is mapped stays in memory: only a closed store can be forgotten. */
static void forget(void)
{
        char file[80];
        int fd;

        run_once();
        close_store();
        snprintf(file, sizeof file, "%s/data.mdb", path);
        fd = open(file, O_RDWR | O_CLOEXEC);
        cr_assert_geq(fd, 0);
        cr_assert_eq(fsync(fd), 0);
        cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
        close(fd);
        open_store(SIZE);
}

static void set_up(void)
{
        make_store(SIZE);
}

TestSuite(index, .init = set_up, .fini = remove_store);

static struct span body_of(int n, char text[BODY + 1])
{
        snprintf(text, BODY + 1, "%0*d", BODY, n);
        return (struct span){text, BODY};
}

static void put_small(int n)
{
        char text[64], body[BODY + 1];
        struct key k = key_of(n, text);
        struct stored s = {.status = 200, .lifetime = 5, .last_modified = -1, .stale_if_error = -1};

        cr_assert_eq(store_put_response(store, &(struct put){.id = store_next_id(store),
                                                             .key = &k,
                                                             .stored = &s,
                                                             .length = BODY,
                                                             .body = body_of(n, body)}),
                     0);
        if (n % 1000 == 0)
                store_sync(store);
}

static void put_slices(void)
{
        static char bytes[SLICE];

        memset(bytes, 'x', sizeof bytes);
        for (int i = 0; i < LARGE; i++) {
                large[i] = store_next_id(store);
                cr_assert_eq(store_put_slice(store, large[i], 0, bytes, sizeof bytes, NULL, NULL), 0);
        }
        store_sync(store);
}

static atomic_int done;

static void note_done(struct prefault *job)
{
        (void)job;
        atomic_fetch_add(&done, 1);
}

static void wait_for(void ask(struct store *, struct prefault *), struct prefault *job)
{
        int before = atomic_load(&done);

        job->done = note_done;
        ask(store, job);
        while (atomic_load(&done) == before)
                sched_yield();
        cr_assert_not(job->failed);
        colds++;
}

static long reads(void)
{
        struct rusage usage;

        cr_assert_eq(getrusage(RUSAGE_THREAD, &usage), 0);
        return usage.ru_majflt;
}

static enum find find(const struct key *k, struct found *f)
{
        long before = reads();
        enum find result;

        cr_assert_eq(reader_begin(reader), 0);
        result = reader_find(reader, k, &request, false, f);
        cr_assert_eq(reads(), before, "the disk was waited for");
        return result;
}

static enum body_state body(uint64_t id, struct iovec *span)
{
        long before = reads();
        enum body_state state;
        int count;

        cr_assert_eq(reader_begin(reader), 0);
        state = reader_body(reader, id, 0, SLICE, span, 1, &count);
        cr_assert_eq(reads(), before, "the disk was waited for");
        return state;
}

Test(index, a_look_up_waits_for_no_disk)
{
        for (int n = 0; n < SMALL; n++)
                put_small(n);
        forget();
        for (int n = 0; n < SMALL + 500; n += STEP) {
                char text[64], expected[BODY + 1];
                struct key k = key_of(n, text);
                struct found f;
                enum find result = find(&k, &f);

                reader_end(reader);
                if (result == FIND_COLD && n < SMALL)
                        wait_for(prefault_find, &(struct prefault){.key = k, .request = &request});
                else if (result == FIND_COLD)
                        continue;
                result = find(&k, &f);
                cr_assert_eq(result, n < SMALL ? FIND_HIT : FIND_NONE);
                cr_assert(n >= SMALL || span_equal(f.body, body_of(n, expected)));
                reader_end(reader);
        }
}

Test(index, a_body_waits_for_no_disk)
{
        put_slices();
        forget();
        for (int i = 0; i < LARGE; i += STEP) {
                struct iovec span;
                enum body_state state = body(large[i], &span);

                reader_end(reader);
                if (state == BODY_COLD)
                        wait_for(prefault_body, &(struct prefault){.id = large[i], .bytes = SLICE});
                state = body(large[i], &span);
                cr_assert_eq(state, BODY_READY);
                cr_assert_eq(span.iov_len, SLICE);
                cr_assert_eq(*(const char *)span.iov_base, 'x');
                reader_end(reader);
        }
}

enum { SLICES = 2000, HOLE = 1200 };

/* A sparse response in slices of two bytes, which fill some 30 leaves. One ends early. */
static uint64_t put_parts(void)
{
        static const char bytes[2];
        struct stored s = {.status = 200, .flags = STORED_SPARSE, .lifetime = 5, .last_modified = -1};
        char text[64];
        struct key k = key_of(1, text);
        struct put p = {.id = store_next_id(store), .key = &k, .stored = &s, .length = 4 << 20};

        cr_assert_eq(store_put_response(store, &p), 0);
        for (uint64_t n = 0; n < SLICES; n++)
                cr_assert_eq(store_put_part(store, p.id, 2 * n, bytes, 1 + (n + 1 != HOLE), NULL, NULL), 0);
        store_sync(store);
        return p.id;
}

Test(index, where_a_body_has_gaps_is_found_without_the_disk)
{
        uint64_t id = put_parts(), at = 0;
        enum body_state state;
        int asked = 0;
        long before;

        forget();
        do {
                cr_assert_eq(reader_begin(reader), 0);
                before = reads();
                state = reader_held_to(reader, id, &at, 2 * SLICES);
                cr_assert_eq(reads(), before, "the disk was waited for");
                reader_end(reader);
                if (state == BODY_COLD) {
                        wait_for(prefault_body, &(struct prefault){.id = id, .offset = at, .bytes = 1});
                        asked++;
                }
        } while (state == BODY_COLD);
        cr_expect_eq(state, BODY_GAP);
        cr_expect_eq(at, 2 * HOLE - 1);
        cr_assert_eq(reader_begin(reader), 0);
        cr_expect_eq(reader_gap_begin(reader, id, at, 0), at);
        cr_expect_eq(reader_gap_end(reader, id, at, 2 * SLICES), at + 1);
        reader_end(reader);
        cr_expect_gt(asked, 3);
}

/* ---- beside LMDB ---------------------------------------------------------------------------------------------------
 */

static void expect_as_lmdb(enum table table, MDB_dbi dbi, struct span key)
{
        struct span walked = {NULL, 0}, got = {NULL, 0};
        enum find found = index_find(reader, table, key, true, &walked);
        int error = read_value(reader->txn, dbi, key.at, key.len, &got);

        cr_assert_eq(found, error ? FIND_NONE : FIND_HIT);
        cr_assert(!error || error == MDB_NOTFOUND);
        cr_assert(walked.at == got.at && walked.len == got.len);
}

/* The nearest one on each side, by its key and its place. */
static void expect_neighbours_as_lmdb(MDB_cursor *cursor, enum table table, struct span key)
{
        struct span near, value;

        for (int after = 0; after < 2; after++) {
                enum find found = index_near(reader, table, key, after, true, &near, &value);
                MDB_val k = {key.len, (void *)(uintptr_t)key.at}, v;
                int error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

                if (!after && (error || !span_equal((struct span){k.mv_data, k.mv_size}, key)))
                        error = mdb_cursor_get(cursor, &k, &v, error ? MDB_LAST : MDB_PREV);
                cr_assert_eq(found, error ? FIND_NONE : FIND_HIT);
                cr_assert(error || (near.at == k.mv_data && near.len == k.mv_size));
                cr_assert(error || (value.at == v.mv_data && value.len == v.mv_size));
        }
}

/* All that there is in the reader's snapshot, and some that is not. */
static void compare(int objects, uint64_t ids)
{
        char text[64], key[8];
        MDB_cursor *cursor;

        cr_assert_eq(mdb_cursor_open(reader->txn, store->responses, &cursor), 0);
        for (int n = 0; n < objects + 50; n++) {
                struct key k = key_of(n, text);

                expect_as_lmdb(TABLE_RESOURCES, store->resources, (struct span){(const char *)k.hash, KEY_HASH});
        }
        for (uint64_t id = 0; id < ids + 50; id++) {
                response_key(id, key);
                expect_as_lmdb(TABLE_RESPONSES, store->responses, (struct span){key, sizeof key});
                expect_neighbours_as_lmdb(cursor, TABLE_RESPONSES, (struct span){key, sizeof key});
        }
        mdb_cursor_close(cursor);
}

static void put_some(int from, int to)
{
        for (int n = from; n < to; n++)
                put_small(n);
        store_sync(store);
}

static bool walks(void)
{
        return reader->roots[TABLE_RESOURCES] != NO_PAGE && reader->roots[TABLE_RESPONSES] != NO_PAGE;
}

Test(index, finds_what_lmdb_finds_from_commit_to_commit)
{
        for (int n = 0; n < 2000; n += 200) {
                put_some(n, n + 200);
                for (int id = n + 1; id < n + 200; id += 3)
                        store_remove(store, (uint64_t)id);
                store_sync(store);
                cr_assert_eq(reader_begin(reader), 0);
                compare(n + 200, (uint64_t)n + 200);
                cr_expect(walks());
                reader_end(reader);
        }
}

/* The meta pages of the snapshot are overwritten by the second commit, its pages of the tree by none. */
Test(index, finds_what_belongs_to_the_snapshot_while_others_commit)
{
        put_some(0, 500);
        cr_assert_eq(reader_begin(reader), 0);
        compare(10, 10);
        for (int n = 500; n < 1000; n += 100) {
                put_some(n, n + 100);
                compare(n, 1000);
                cr_expect(walks());
        }
        reader_end(reader);
}

Test(index, finds_what_belongs_to_a_snapshot_that_was_overtaken_before_it_was_looked_at)
{
        put_some(0, 300);
        cr_assert_eq(reader_begin(reader), 0);
        put_some(300, 400);
        put_some(400, 500);
        compare(500, 500);
        cr_expect(walks());
        reader_end(reader);
}

/* The values of both lie on pages of their own. */
Test(index, finds_long_values)
{
        static char body[INLINE_MAX];
        struct stored s = {.status = 200, .lifetime = 5, .last_modified = -1, .stale_if_error = -1};
        char text[64], names[2000];
        struct key k = key_of(1, text);
        struct span value;

        put_some(2, 100);
        memset(names, 'x', sizeof names);
        for (uint64_t i = 0; i < 10; i++)
                cr_assert_eq(store_put_response(store, &(struct put){.id = store_next_id(store),
                                                                     .key = &k,
                                                                     .vary = {names, sizeof names},
                                                                     .variant = i,
                                                                     .stored = &s,
                                                                     .length = sizeof body,
                                                                     .body = {body, sizeof body}}),
                             0);
        store_sync(store);
        cr_assert_eq(reader_begin(reader), 0);
        cr_assert_eq(index_find(reader, TABLE_RESOURCES, (struct span){(const char *)k.hash, KEY_HASH}, false, &value),
                     FIND_HIT);
        cr_assert_gt(value.len, 10 * sizeof names);
        compare(100, 120);
        cr_expect(walks());
        reader_end(reader);
}
