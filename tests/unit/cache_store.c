/* cache/store*.c: what is put is found, byte for byte, until it is removed, replaced or evicted; what is damaged is
 * never served. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cache/store_private.h"
#include "http/parse.h"
#include "http/vary.h"
#include "store_made.h"

static struct message request;

static void set_up(void)
{
        make_store(32 << 20);
}

TestSuite(store, .init = set_up, .fini = remove_store);

static struct stored plain(void)
{
        return (struct stored){.status = 200,
                               .flags = STORED_HEURISTIC,
                               .request_time = 1,
                               .response_time = 2,
                               .date = 3,
                               .age = 4,
                               .lifetime = 5,
                               .last_modified = -1,
                               .stale_while_revalidate = 7,
                               .stale_if_error = -1,
                               .etag = SPAN("\"e\""),
                               .last_modified_text = SPAN("Mon"),
                               .reason = SPAN("OK"),
                               .fields = SPAN("A: b\r\nC: d\r\n")};
}

static void note_done(void *context, int error)
{
        *(int *)context = error;
}

static void free_slice(void *slice, int error)
{
        (void)error;
        free(slice);
}

static uint64_t put_variant(const char *url, struct span names, uint64_t variant, const char *body)
{
        struct key k = key_of_url(url);
        struct stored s = plain();
        int error = -12345;
        struct put p = {.id = store_next_id(store),
                        .key = &k,
                        .vary = names,
                        .variant = variant,
                        .stored = &s,
                        .length = strlen(body),
                        .body = {body, strlen(body)},
                        .done = note_done,
                        .context = &error};

        cr_assert_eq(store_put_response(store, &p), 0);
        store_sync(store);
        cr_assert_eq(error, 0);
        return p.id;
}

static uint64_t put(const char *url, const char *body)
{
        return put_variant(url, (struct span){NULL, 0}, 0, body);
}

static enum find find(const char *url, struct found *f)
{
        struct key k = key_of_url(url);

        cr_assert_eq(reader_begin(reader), 0);
        return reader_find(reader, &k, &request, true, f);
}

static bool holds(const char *url, const char *body)
{
        struct found f;
        bool same = find(url, &f) == FIND_HIT && span_equal(f.body, (struct span){body, strlen(body)});

        reader_end(reader);
        return same;
}

Test(store, what_is_put_is_found_with_all_that_was_said_of_it)
{
        struct stored s = plain();
        struct found f;

        put("http://a:80/ @192.0.2.1", "hello");
        cr_assert_eq(find("http://a:80/ @192.0.2.1", &f), FIND_HIT);
        cr_assert(span_equal(f.body, SPAN("hello")));
        cr_assert(span_equal(f.stored.fields, s.fields));
        cr_assert(span_equal(f.stored.etag, s.etag));
        cr_assert(span_equal(f.stored.last_modified_text, s.last_modified_text));
        cr_assert(span_equal(f.stored.reason, s.reason));
        cr_assert_eq(f.stored.lifetime, 5);
        cr_assert_eq(f.stored.last_modified, -1);
        cr_assert_eq(f.stored.stale_while_revalidate, 7);
        cr_assert_eq(f.stored.stale_if_error, -1);
        cr_assert_eq(f.stored.flags, STORED_HEURISTIC);
        reader_end(reader);
}

static void expect_soon(const char *url, const char *body)
{
        struct key k = key_of_url(url);
        struct found f;

        cr_assert_eq(reader_begin(reader), 0);
        cr_assert_eq(reader_find(reader, &k, &request, false, &f), FIND_HIT);
        cr_expect(span_equal(f.body, (struct span){body, strlen(body)}), "%.*s", (int)f.body.len, f.body.at);
        reader_end(reader);
}

static enum find find_soon(const char *url)
{
        struct key k = key_of_url(url);
        struct found f;
        enum find found;

        cr_assert_eq(reader_begin(reader), 0);
        found = reader_find(reader, &k, &request, false, &f);
        reader_end(reader);
        return found;
}

/* Where things lie is remembered from look-up to look-up, as long as nothing is committed. */
Test(store, a_look_up_sees_what_was_committed_since_the_last_one)
{
        uint64_t id = 0;

        for (int n = 0; n < 20; n++) {
                char body[12];

                snprintf(body, sizeof body, "%d", n);
                id = put("http://a:80/", body);
                put("http://b:80/", "other");
                for (int i = 0; i < 3; i++)
                        expect_soon("http://a:80/", body);
        }
        store_remove(store, id);
        store_sync(store);
        cr_expect_eq(find_soon("http://a:80/"), FIND_NONE);
        expect_soon("http://b:80/", "other");
}

/* A page may leave memory while nothing is committed for hours. What is remembered is spoilt, to see whether it counts.
 */
Test(store, where_things_lie_is_remembered_for_some_ticks)
{
        put("http://a:80/", "hello");
        expect_soon("http://a:80/", "hello");
        for (int i = 0; i < RECALLED_SLOTS; i++)
                reader->responses[i].value.len = 0;
        for (int i = 0; i < SEEN_TICKS - 1; i++)
                reader_tick(reader);
        cr_expect_eq(find_soon("http://a:80/"), FIND_NONE);
        reader_tick(reader);
        cr_expect_eq(find_soon("http://a:80/"), FIND_HIT);
}

Test(store, another_key_is_a_miss)
{
        struct found f;

        put("http://a:80/ @192.0.2.1", "hello");
        cr_assert_eq(find("http://a:80/ @192.0.2.2", &f), FIND_NONE);
        reader_end(reader);
}

Test(store, a_clash_of_hashes_is_a_miss)
{
        struct key k = key_of_url("http://a:80/");
        struct found f;

        put("http://a:80/", "hello");
        k.text = SPAN("http://b:80/");
        cr_assert_eq(reader_begin(reader), 0);
        cr_assert_eq(reader_find(reader, &k, &request, true, &f), FIND_NONE);
        reader_end(reader);
}

Test(store, the_newer_response_replaces_the_older)
{
        struct store_status status;

        put("http://a:80/", "one");
        put("http://a:80/", "two");
        cr_assert(holds("http://a:80/", "two"));
        store_status(store, &status);
        cr_assert_eq(status.responses, 1);
        cr_assert_eq(status.body_bytes, 3);
}

Test(store, a_replaced_response_that_is_read_stays_readable)
{
        uint64_t id = put("http://a:80/", "one");
        struct store_status status;

        cr_assert(store_pin(store, id));
        put("http://a:80/", "two");
        store_status(store, &status);
        cr_assert_eq(status.responses, 2);
        store_unpin(store, id);
}

Test(store, a_reader_is_current_until_something_is_committed)
{
        cr_assert_eq(reader_begin(reader), 0);
        cr_expect(reader_current(reader));
        put("http://a:80/", "one");
        cr_expect_not(reader_current(reader));
        reader_end(reader);
        cr_assert_eq(reader_begin(reader), 0);
        cr_expect(reader_current(reader));
        reader_end(reader);
}

/* RFC 9111 §4.1: a default response without Vary does not hide a better one. */
Test(store, of_two_that_match_the_one_with_vary_is_chosen)
{
        uint64_t hash = vary_hash(SPAN("accept-language"), &request);

        put_variant("http://a:80/", SPAN("accept-language"), hash, "older, and for this request");
        put("http://a:80/", "newer, and for all");
        cr_assert(holds("http://a:80/", "older, and for this request"));
        put_variant("http://a:80/", SPAN("accept-language"), hash + 1, "for another request");
        cr_assert(holds("http://a:80/", "older, and for this request"));
}

Test(store, what_could_not_be_used_is_replaced_though_it_had_other_selecting_values)
{
        struct key k = key_of_url("http://a:80/");
        struct stored s = plain();
        struct put p = {.key = &k, .stored = &s, .length = 3, .body = SPAN("new")};

        p.replaces = put_variant("http://a:80/", SPAN("accept-language"), vary_hash(SPAN("accept-language"), &request),
                                 "old");
        p.id = store_next_id(store);
        cr_assert_eq(store_put_response(store, &p), 0);
        store_sync(store);
        cr_assert(holds("http://a:80/", "new"));
}

Test(store, too_many_variants_push_the_oldest_out)
{
        struct store_status status;

        for (uint64_t i = 1; i <= VARIANTS_MAX + 3; i++)
                put_variant("http://a:80/", SPAN("accept-language"), i, "x");
        store_status(store, &status);
        cr_assert_eq(status.responses, VARIANTS_MAX);
}

Test(store, a_restart_forgets_nothing_and_reuses_no_id)
{
        uint64_t id = put("http://a:80/", "hello");
        struct store_status status;

        reopen(32 << 20);
        cr_assert(holds("http://a:80/", "hello"));
        cr_assert_gt(store_next_id(store), id);
        store_status(store, &status);
        cr_assert_eq(status.responses, 1);
        cr_assert_eq(status.body_bytes, 5);
}

Test(store, freshening_changes_what_is_said_and_not_the_body)
{
        uint64_t id = put("http://a:80/", "hello");
        struct stored s = plain();
        struct found f;

        s.lifetime = 99;
        s.fields = SPAN("New: 1\r\n");
        cr_assert_eq(store_freshen(store, id, &s, NULL, NULL), 0);
        store_sync(store);
        cr_assert_eq(find("http://a:80/", &f), FIND_HIT);
        cr_assert_eq(f.id, id);
        cr_assert_eq(f.stored.lifetime, 99);
        cr_assert(span_equal(f.stored.fields, SPAN("New: 1\r\n")));
        cr_assert(span_equal(f.body, SPAN("hello")));
        reader_end(reader);
}

Test(store, freshening_what_is_gone_does_nothing)
{
        struct stored s = plain();

        cr_assert_eq(store_freshen(store, 4711, &s, NULL, NULL), 0);
        store_sync(store);
        put("http://a:80/", "still working");
        cr_assert(holds("http://a:80/", "still working"));
}

Test(store, purging_takes_what_it_names_and_nothing_else)
{
        put("http://a:80/1 @192.0.2.1", "x");
        put("http://a:80/1 @192.0.2.2", "x");
        put("http://a:80/2 @192.0.2.1", "x");
        put("http://aa:80/1 @192.0.2.1", "x");
        put("http://b:80/1 @192.0.2.1", "x");
        cr_assert_eq(purge(PURGE_KEY, "http://b:80/1 @192.0.2.1"), 1);
        cr_assert_eq(purge(PURGE_URL, "http://a:80/1"), 2);
        cr_assert(holds("http://a:80/2 @192.0.2.1", "x"));
        cr_assert_eq(purge(PURGE_HOST, "a"), 1);
        cr_assert(holds("http://aa:80/1 @192.0.2.1", "x"));
        cr_assert_eq(purge(PURGE_KEY, "http://b:80/1 @192.0.2.1"), 0);
        cr_assert_eq(purge(PURGE_ALL, ""), 1);
        cr_assert_eq(purge(PURGE_ALL, ""), 0);
}

/* More than one transaction removes. */
Test(store, a_purge_of_many_removes_them_all)
{
        enum { MANY = 9000 };
        struct stored s = plain();
        char url[64];

        for (int i = 0; i < MANY; i++) {
                struct key k;

                snprintf(url, sizeof url, "http://many:80/%d @192.0.2.1", i);
                k = key_of_url(url);
                cr_assert_eq(
                        store_put_response(store, &(struct put){.id = store_next_id(store), .key = &k, .stored = &s}),
                        0);
        }
        put("http://other:80/ @192.0.2.1", "x");
        cr_assert_eq(purge(PURGE_HOST, "many"), MANY);
        cr_assert_not(holds("http://many:80/0 @192.0.2.1", ""));
        cr_assert(holds("http://other:80/ @192.0.2.1", "x"));
}

/* A reader that holds a snapshot keeps pages from coming free: what does not fit then takes nothing with it. */
Test(store, what_does_not_fit_takes_no_other_operation_with_it)
{
        enum { PAIRS = 9 };
        char *large = calloc(1, 1 << 20);
        int results[PAIRS];
        struct stored s = plain();
        struct store_status status;

        reopen(8 << 20);
        put("http://a:80/old @192.0.2.1", "x");
        cr_assert_eq(reader_begin(reader), 0);
        for (int i = 0; i < PAIRS; i++) {
                char url[64];
                struct key k;

                snprintf(url, sizeof url, "http://a:80/%d @192.0.2.1", i);
                k = key_of_url(url);
                cr_assert_eq(store_put_slice(store, store_next_id(store), 0, large, 1 << 20, NULL, NULL), 0);
                cr_assert_eq(store_put_response(store, &(struct put){.id = store_next_id(store),
                                                                     .key = &k,
                                                                     .stored = &s,
                                                                     .done = note_done,
                                                                     .context = &results[i]}),
                             0);
        }
        store_sync(store);
        reader_end(reader);
        for (int i = 0; i < PAIRS; i++)
                cr_expect_eq(results[i], 0, "%d: %d", i, results[i]);
        store_status(store, &status);
        cr_expect_eq(status.error, 0);
        free(large);
}

static void ring(void *context, int error)
{
        char byte = (char)error;

        cr_assert_eq(write(*(int *)context, &byte, 1), 1);
}

/* Nobody hurries: it must come to its commit by itself. Whoever waits for one has all that are queued committed. */
Test(store, a_small_put_is_committed_in_its_time_and_sooner_where_somebody_waits)
{
        struct stored s = {.status = 200, .lifetime = 60, .last_modified = -1};
        struct key key = key_of_url("http://a:80/");
        struct put put = {.key = &key, .stored = &s, .done = ring};
        char byte = 1;
        int bell[2];

        cr_assert_eq(pipe(bell), 0);
        put.context = &bell[1];
        for (int i = 0; i < 2; i++) {
                put.id = store_next_id(store);
                cr_assert_eq(store_put_response(store, &put), 0);
                if (i == 1)
                        store_hurry(store);
                cr_assert_eq(read(bell[0], &byte, 1), 1);
                cr_assert_eq(byte, 0);
        }
        store_hurry(store); /* nothing waits: nothing happens */
        close(bell[0]);
        close(bell[1]);
}

static atomic_uint offers;

/* In place of the C library's, for the writer. */
int sched_yield(void)
{
        atomic_fetch_add(&offers, 1);
        return (int)syscall(SYS_sched_yield);
}

Test(store, the_writer_offers_its_processor_between_puts)
{
        static char body[10000];
        struct key k = key_of_url("http://a:80/");
        struct stored s = plain();
        struct put p = {.key = &k, .stored = &s, .length = sizeof body, .body = {body, sizeof body}};
        unsigned before = atomic_load(&offers);

        for (int i = 0; i < 100; i++) {
                p.id = store_next_id(store);
                cr_assert_eq(store_put_response(store, &p), 0);
        }
        store_sync(store);
        cr_expect_geq(atomic_load(&offers) - before, 5);
        cr_expect_leq(atomic_load(&offers) - before, 50, "an offer costs a system call");
}

Test(store, what_is_larger_than_an_eighth_is_refused)
{
        char *bytes = calloc(1, SLICE_MAX);

        reopen(4 << 20);
        cr_assert_eq(store_put_slice(store, store_next_id(store), 0, bytes, SLICE_MAX, NULL, NULL), EFBIG);
        free(bytes);
}

Test(store, a_full_queue_refuses_and_does_not_block)
{
        struct store_options o = {.path = path, .size = 32 << 20, .queue_bytes = 1000};
        char *bytes = calloc(1, SLICE_UNIT);
        struct store_status status;

        reader_close(&reader);
        store_close(&store);
        cr_assert_eq(store_open(&store, &o, message), 0);
        cr_assert_eq(reader_open(&reader, store), 0);
        cr_assert_eq(store_put_slice(store, store_next_id(store), 0, bytes, SLICE_UNIT, NULL, NULL), ENOBUFS);
        free(bytes);
        store_status(store, &status);
        cr_assert_eq(status.dropped, 1);
}

/* Files may grow no further than this: to LMDB a disk that fails. */
static void let_grow(rlim_t bytes)
{
        struct rlimit limit;

        signal(SIGXFSZ, SIG_IGN);
        cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = bytes;
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void post_done(void *context, int error)
{
        (void)error;
        sem_post(context);
}

static void note_purged(void *context, int64_t removed)
{
        *(int64_t *)context = removed;
}

/* Requests wait for their keys' changes, so none may wait for the disk. */
Test(store, while_the_disk_fails_nobody_waits_for_it)
{
        struct key k = key_of_url("http://a:80/new");
        struct stored s = plain();
        struct store_status status;
        struct put p = {.key = &k, .stored = &s, .length = 1, .body = SPAN("x"), .done = post_done};
        int64_t removed = 0;
        sem_t done;

        put("http://a:80/old", "old");
        cr_assert_eq(sem_init(&done, 0, 0), 0);
        p.context = &done;
        p.id = store_next_id(store);
        let_grow(1);
        cr_assert_eq(store_put_response(store, &p), 0);
        sem_wait(&done); /* of the batch that failed */
        store_status(store, &status);
        cr_assert_neq(status.error, 0);
        cr_expect_eq(store_put_response(store, &p), ENOSPC);
        cr_assert_eq(store_purge(store, PURGE_KEY, SPAN("http://a:80/old"), note_purged, &removed), 0);
        cr_assert_eq(store_after(store, post_done, &done), 0);
        sem_wait(&done); /* of what waited */
        cr_expect_eq(removed, -1, "he who asked knows that it is not done yet");
        cr_expect(holds("http://a:80/old", "old"));
        let_grow(RLIM_INFINITY);
        store_sync(store);
        cr_expect_eq(find("http://a:80/old", &(struct found){0}), FIND_NONE, "and then it is");
        reader_end(reader);
        sem_destroy(&done);
}

static sem_t held, go_on;

static void hold_writer(void *context, int error)
{
        (void)context, (void)error;
        sem_post(&held);
        sem_wait(&go_on);
}

Test(store, what_was_invalid_when_the_disk_failed_is_removed_when_it_works_again)
{
        struct key k = key_of_url("http://a:80/new");
        struct stored s = plain();
        struct put p = {.key = &k, .stored = &s, .length = 1, .body = SPAN("x"), .done = post_done};
        int64_t removed = 0;
        uint64_t id;
        sem_t done;

        put("http://a:80/old", "old");
        id = put("http://a:80/older", "older");
        put("http://a:80/other", "other");
        cr_assert_eq(sem_init(&done, 0, 0), 0);
        p.context = &done;
        p.id = store_next_id(store);
        cr_assert(sem_init(&held, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
        cr_assert_eq(store_after(store, hold_writer, NULL), 0);
        sem_wait(&held); /* what comes meanwhile is one batch */
        let_grow(1);
        cr_assert_eq(store_put_response(store, &p), 0);
        store_remove(store, id);
        cr_assert_eq(store_purge(store, PURGE_KEY, SPAN("http://a:80/old"), note_purged, &removed), 0);
        sem_post(&go_on);
        sem_wait(&done);
        cr_expect(holds("http://a:80/old", "old"));
        let_grow(RLIM_INFINITY);
        store_sync(store);
        cr_expect_eq(removed, -1, "he who asked knows that it was not done yet");
        cr_expect_eq(find("http://a:80/old", &(struct found){0}), FIND_NONE);
        reader_end(reader);
        cr_expect_eq(find("http://a:80/older", &(struct found){0}), FIND_NONE);
        reader_end(reader);
        cr_expect(holds("http://a:80/other", "other"));
        sem_destroy(&done);
        sem_destroy(&held);
        sem_destroy(&go_on);
}

/* *error: what became of it, once the writer is done. */
static void put_noted(const char *url, int *error)
{
        struct stored s = plain();
        struct key k = key_of_url(url);

        cr_assert_eq(store_put_response(store, &(struct put){.id = store_next_id(store),
                                                             .key = &k,
                                                             .stored = &s,
                                                             .done = note_done,
                                                             .context = error}),
                     0);
}

/* Small ones, until one fails. */
static int put_until_full(void)
{
        int error = 0;

        for (int i = 0; i < 1000 && !error; i++) {
                char url[64];

                snprintf(url, sizeof url, "http://a:80/%d", i);
                put_noted(url, &error);
                store_sync(store);
        }
        return error;
}

static sem_t answered;
static int64_t answer;

static void post_purged(void *context, int64_t removed)
{
        (void)context;
        answer = removed;
        sem_post(&answered);
}

/* Nothing comes free while a reader holds a snapshot. The response is pinned, so that eviction does not take it. */
Test(store, what_was_invalid_when_the_map_was_full_is_removed_when_there_is_room)
{
        uint64_t id;

        reopen(1 << 20);
        id = put("http://a:80/old", "old");
        cr_assert(store_pin(store, id));
        cr_assert_eq(sem_init(&answered, 0, 0), 0);
        cr_assert_eq(reader_begin(reader), 0);
        cr_assert_eq(put_until_full(), MDB_MAP_FULL);
        cr_assert_eq(store_purge(store, PURGE_KEY, SPAN("http://a:80/old"), post_purged, NULL), 0);
        sem_wait(&answered);
        cr_assert_eq(answer, -1, "he who asked knows that it was not done yet");
        reader_end(reader);
        store_sync(store);
        cr_expect_eq(find("http://a:80/old", &(struct found){0}), FIND_NONE);
        reader_end(reader);
        store_unpin(store, id);
        sem_destroy(&answered);
}

Test(store, a_disk_that_takes_nothing_at_the_start_is_tried_until_it_does)
{
        struct store_status status;
        int error = 0;

        put("http://a:80/old", "old");
        reader_close(&reader);
        store_close(&store);
        let_grow(1);
        reopen(32 << 20);
        store_status(store, &status);
        cr_expect_neq(status.error, 0);
        cr_expect(holds("http://a:80/old", "old"));
        let_grow(RLIM_INFINITY);
        store_sync(store);
        while (store_status(store, &status), status.error)
                sched_yield();
        put_noted("http://a:80/new", &error);
        store_sync(store);
        cr_expect_eq(error, 0);
        cr_expect(holds("http://a:80/new", ""));
}

/* What cannot be removed is still there at the next start: an expiry or a validation finds it out. */
Test(store, closing_waits_for_no_disk_that_fails, .timeout = 30)
{
        uint64_t id = put("http://a:80/old", "old");

        let_grow(1);
        store_remove(store, id);
        reader_close(&reader);
        store_close(&store);
        let_grow(RLIM_INFINITY);
        reopen(32 << 20);
        cr_expect(holds("http://a:80/old", "old"));
}

/* ---- the file ------------------------------------------------------------------------------------------------------
 */

static void change_file(void change(int fd, off_t size))
{
        char file[128];
        struct stat st;
        int fd;

        reader_close(&reader);
        store_close(&store);
        snprintf(file, sizeof file, "%s/data.mdb", path);
        fd = open(file, O_RDWR);
        cr_assert_geq(fd, 0);
        fstat(fd, &st);
        change(fd, st.st_size);
        close(fd);
        reopen(32 << 20);
}

static void truncate_it(int fd, off_t size)
{
        cr_assert_eq(ftruncate(fd, size / 2), 0);
}

static void overwrite_it(int fd, off_t size)
{
        static char junk[8192];

        (void)size;
        memset(junk, 'j', sizeof junk);
        cr_assert_eq(pwrite(fd, junk, sizeof junk, 0), sizeof junk);
}

static void flip_hello(int fd, off_t size)
{
        char *all = malloc((size_t)size), *at;

        cr_assert_eq(pread(fd, all, (size_t)size, 0), size);
        for (at = all; (at = memmem(at, (size_t)(all + size - at), "hello", 5)); at++)
                cr_assert_eq(pwrite(fd, "hellO", 5, at - all), 5);
        free(all);
}

Test(store, a_truncated_file_is_set_aside)
{
        for (int i = 0; i < 50; i++) {
                char url[64];

                snprintf(url, sizeof url, "http://a:80/%d", i);
                put(url, "0123456789");
        }
        change_file(truncate_it);
        cr_assert_not_null(strstr(message, "set aside"), "%s", message);
        put("http://a:80/", "new");
        cr_assert(holds("http://a:80/", "new"));
}

/* The last page that LMDB does not count as free, and the last one of all. */
static uint64_t last_used(uint64_t *last)
{
        MDB_envinfo info;
        MDB_cursor *cursor;
        MDB_val k, v;
        MDB_env *env;
        MDB_txn *txn;
        bool *is_free;

        cr_assert_eq(mdb_env_create(&env), 0);
        cr_assert_eq(mdb_env_open(env, path, MDB_RDONLY, 0600), 0);
        cr_assert_eq(mdb_env_info(env, &info), 0);
        cr_assert_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
        cr_assert_eq(mdb_cursor_open(txn, 0, &cursor), 0);
        is_free = calloc(info.me_last_pgno + 1, sizeof *is_free);
        while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0)
                for (size_t i = 1; i <= *(const size_t *)v.mv_data; i++)
                        is_free[((const size_t *)v.mv_data)[i]] = true;
        mdb_cursor_close(cursor);
        mdb_txn_abort(txn);
        mdb_env_close(env);
        *last = info.me_last_pgno;
        while (is_free[info.me_last_pgno])
                info.me_last_pgno--;
        free(is_free);
        return info.me_last_pgno;
}

enum { store_page = 4096 };

static off_t size_before;
static uint64_t pages_in_use;

static void cut_what_is_free(int fd, off_t size)
{
        uint64_t last;

        pages_in_use = last_used(&last) + 1;
        cr_assert_lt(pages_in_use, last + 1);
        cr_assert_eq(ftruncate(fd, (off_t)pages_in_use * store_page), 0);
        size_before = size;
}

static void note_size(int fd, off_t size)
{
        (void)fd;
        size_before = size;
}

static void cut_what_is_used(int fd, off_t size)
{
        uint64_t last;

        (void)size;
        cr_assert_eq(ftruncate(fd, (off_t)last_used(&last) * store_page), 0);
}

/* The last pages of the file are free. */
static void free_last_pages(void)
{
        char url[64];
        uint64_t id = store_next_id(store);

        put("http://a:80/", "kept");
        for (uint64_t i = 0; i < 4; i++) {
                char *slice = calloc(1, SLICE_MAX);

                cr_assert_eq(store_put_slice(store, id, i * SLICE_MAX, slice, SLICE_MAX, free_slice, slice), 0);
        }
        store_sync(store);
        store_abandon(store, id);
        for (int i = 0; i < 8; i++) {
                snprintf(url, sizeof url, "http://a:80/%d", i);
                put(url, "x");
        }
}

/* Pages that a transaction takes and gives back are not written: if they were the last, the file is shorter than LMDB
 * says. */
Test(store, a_file_that_lacks_free_pages_alone_is_none_that_is_truncated)
{
        free_last_pages();
        change_file(cut_what_is_free);
        cr_expect_str_empty(message);
        cr_assert(holds("http://a:80/", "kept"));
        change_file(note_size);
        cr_expect_geq(size_before, (off_t)(pages_in_use + 1) * store_page, "it is as long as LMDB says again");
        cr_expect_str_empty(message);
}

Test(store, a_file_that_lacks_a_page_in_use_is_truncated)
{
        free_last_pages();
        change_file(cut_what_is_used);
        cr_assert_not_null(strstr(message, "truncated"), "%s", message);
        cr_assert_not(holds("http://a:80/", "kept"));
}

Test(store, a_foreign_file_is_set_aside)
{
        change_file(overwrite_it);
        cr_assert_not_null(strstr(message, "set aside"), "%s", message);
        put("http://a:80/", "new");
        cr_assert(holds("http://a:80/", "new"));
}

/* Writes another version into the store's meta table. */
static void set_format(char version)
{
        char name[] = "limpid store format", bytes[8] = {version};
        MDB_val k = {strlen(name), name}, v = {sizeof bytes, bytes};
        MDB_env *env;
        MDB_txn *txn;
        MDB_dbi meta;

        reader_close(&reader);
        store_close(&store);
        cr_assert_eq(mdb_env_create(&env), 0);
        cr_assert_eq(mdb_env_set_maxdbs(env, 8), 0);
        cr_assert_eq(mdb_env_open(env, path, 0, 0600), 0);
        cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
        cr_assert_eq(mdb_dbi_open(txn, "meta", 0, &meta), 0);
        cr_assert_eq(mdb_put(txn, meta, &k, &v, 0), 0);
        cr_assert_eq(mdb_txn_commit(txn), 0);
        mdb_env_close(env);
}

Test(store, another_format_is_set_aside)
{
        static const struct {
                char version;
                const char *said;
        } others[] = {{4, "newer"}, {1, "too old"}};

        for (size_t i = 0; i < 2; i++) {
                put("http://a:80/", "x");
                set_format(others[i].version);
                reopen(32 << 20);
                cr_assert(strstr(message, others[i].said) && strstr(message, "set aside"), "%s", message);
                cr_assert_not(holds("http://a:80/", "x"));
                put("http://a:80/new", "y");
                cr_assert(holds("http://a:80/new", "y"), "an empty one was begun");
        }
}

Test(store, a_flipped_bit_is_a_miss_and_counted)
{
        struct store_status status;
        struct found f;

        put("http://a:80/", "hello");
        change_file(flip_hello);
        cr_assert_neq(find("http://a:80/", &f), FIND_HIT);
        reader_end(reader);
        store_status(store, &status);
        cr_assert_eq(status.damaged, 1);
        store_sync(store);
        cr_assert_eq(find("http://a:80/", &f), FIND_NONE);
        reader_end(reader);
}

/* Two would give the same ids to different responses. */
Test(store, is_not_opened_twice)
{
        struct store_options o = {.path = path, .size = 32 << 20};
        struct store *second;

        put("http://a:80/", "x");
        cr_assert_eq(store_open(&second, &o, message), EBUSY);
        cr_expect_null(second);
        cr_expect_not_null(strstr(message, path));
        cr_expect(holds("http://a:80/", "x"));
        reopen(32 << 20);
        cr_expect(holds("http://a:80/", "x"));
}

Test(store, a_directory_that_cannot_be_had_is_an_error_with_a_message)
{
        struct store_options o = {.path = "/proc/limpid-cannot-be", .size = 32 << 20};
        struct store *none;

        cr_assert_neq(store_open(&none, &o, message), 0);
        cr_assert_not_null(strstr(message, "/proc/limpid-cannot-be"));
        cr_assert_null(none);
}

/* ---- bodies --------------------------------------------------------------------------------------------------------
 */

static char pattern(uint64_t id, uint64_t n)
{
        return (char)(id * 7 + n * 31 + n / 253);
}

/* Puts a body of slices, without a byte of it in the record. */
static uint64_t put_large(const char *url, uint64_t length)
{
        struct key k = key_of_url(url);
        struct stored s = plain();
        int error = -12345;
        struct put p = {.id = store_next_id(store),
                        .key = &k,
                        .stored = &s,
                        .length = length,
                        .done = note_done,
                        .context = &error};

        for (uint64_t at = 0; at < length; at += SLICE_MAX) {
                size_t n = length - at < SLICE_MAX ? (size_t)(length - at) : SLICE_MAX;
                char *bytes = malloc(n);

                for (size_t i = 0; i < n; i++)
                        bytes[i] = pattern(p.id, at + i);
                cr_assert_eq(store_put_slice(store, p.id, at, bytes, n, free_slice, bytes), 0);
        }
        cr_assert_eq(store_put_response(store, &p), 0);
        store_sync(store);
        cr_assert_eq(error, 0);
        return p.id;
}

static uint64_t found_id, other_id;

/* The values of these bytes in all pages, old and new. */
static void replace_all(int fd, off_t size, const char *old, const char *new, size_t len, size_t at, size_t n)
{
        char *all = malloc((size_t)size), *hit;
        bool any = false;

        cr_assert_eq(pread(fd, all, (size_t)size, 0), size);
        for (hit = all; (hit = memmem(hit, (size_t)(all + size - hit), old, len)); hit++, any = true)
                cr_assert_eq(pwrite(fd, new, n, hit - all + (off_t)at), (ssize_t)n);
        cr_assert(any);
        free(all);
}

/* The node of the second slice says that its value has a gigabyte more. */
static void lengthen_value(int fd, off_t size)
{
        char node[24] = {0}, high[2] = {(char)(SLICE_MAX >> 16), 0x40};

        node[0] = (char)((SLICE_MAX + 16) & 0xff);
        node[1] = (char)((SLICE_MAX + 16) >> 8 & 0xff);
        node[2] = (char)((SLICE_MAX + 16) >> 16);
        node[4] = 1; /* it lies on pages of its own */
        node[6] = 16;
        slice_key(found_id, SLICE_MAX, node + 8);
        replace_all(fd, size, node, high, sizeof node, 2, sizeof high);
}

Test(store, a_value_that_ends_outside_of_the_file_is_none)
{
        struct iovec spans[4];
        int count;

        found_id = put_large("http://a:80/", 3 * SLICE_MAX);
        change_file(lengthen_value);
        cr_assert_eq(reader_begin(reader), 0);
        cr_expect_eq(reader_body(reader, found_id, SLICE_MAX, 1000, spans, 4, &count), BODY_GAP);
        reader_end(reader);
}

/* The list under the first one's key names the second one. */
static void rename_response(int fd, off_t size)
{
        char old[64], new[8];
        size_t len = strlen("http://a:80/1");

        memcpy(old, "http://a:80/1", len);
        memcpy(old + len, &found_id, 8);
        memcpy(new, &other_id, 8);
        replace_all(fd, size, old, new, len + 8, len, 8);
}

Test(store, a_response_of_another_key_is_none)
{
        struct found f;

        found_id = put("http://a:80/1", "one");
        other_id = put("http://a:80/2", "two");
        change_file(rename_response);
        cr_expect_eq(find("http://a:80/1", &f), FIND_NONE);
        reader_end(reader);
        cr_assert(holds("http://a:80/2", "two"));
}

static uint64_t selecting;

/* The list under their key names the second one where it named the first. */
static void rename_variant(int fd, off_t size)
{
        char old[16], new[8];

        memcpy(old, &found_id, 8);
        memcpy(old + 8, &selecting, 8);
        memcpy(new, &other_id, 8);
        replace_all(fd, size, old, new, sizeof old, 0, sizeof new);
}

static uint64_t put_selected(uint64_t hash, struct span body)
{
        struct key k = key_of_url("http://a:80/");
        struct stored s = plain();
        struct put p = {.id = store_next_id(store),
                        .key = &k,
                        .vary = SPAN("accept-language"),
                        .variant = hash,
                        .stored = &s,
                        .length = body.len,
                        .body = body};

        cr_assert_eq(store_put_response(store, &p), 0);
        store_sync(store);
        return p.id;
}

Test(store, a_response_for_other_selecting_values_is_none)
{
        struct store_status status;
        struct found f;

        selecting = vary_hash(SPAN("accept-language"), &request);
        found_id = put_selected(selecting, SPAN("mine"));
        other_id = put_selected(selecting + 1, SPAN("another's"));
        cr_assert(holds("http://a:80/", "mine"));
        change_file(rename_variant);
        cr_expect_eq(find("http://a:80/", &f), FIND_NONE);
        reader_end(reader);
        store_status(store, &status);
        cr_expect_eq(status.damaged, 1);
        found_id = put_selected(selecting, SPAN("mine again"));
        cr_expect(holds("http://a:80/", "mine again"));
}

static _Atomic int prefaulted;

static void prefault_done(struct prefault *job)
{
        (void)job;
        atomic_fetch_add(&prefaulted, 1);
}

static void load(uint64_t id, uint64_t offset)
{
        struct prefault job = {.done = prefault_done, .id = id, .offset = offset, .bytes = 1};
        int before = atomic_load(&prefaulted);

        reader_end(reader);
        prefault_body(store, &job);
        while (atomic_load(&prefaulted) == before)
                sched_yield();
        cr_assert_not(job.failed);
        cr_assert_eq(reader_begin(reader), 0);
}

static enum body_state read_soon(uint64_t id, uint64_t at, uint64_t bytes, struct iovec spans[4], int *count)
{
        enum body_state state = reader_body(reader, id, at, bytes, spans, 4, count);

        if (state != BODY_COLD)
                return state;
        load(id, at);
        return reader_body(reader, id, at, bytes, spans, 4, count);
}

static void expect_body(uint64_t id, uint64_t at, uint64_t length)
{
        cr_assert_eq(reader_begin(reader), 0);
        while (at < length) {
                struct iovec spans[4];
                int count;

                cr_assert_eq(read_soon(id, at, length - at, spans, &count), BODY_READY);
                for (int i = 0; i < count; i++)
                        for (size_t j = 0; j < spans[i].iov_len; j++, at++)
                                if (((char *)spans[i].iov_base)[j] != pattern(id, at))
                                        cr_assert_fail("byte %zu of the body is wrong", (size_t)at);
        }
        reader_end(reader);
}

Test(store, a_body_in_slices_comes_back_byte_for_byte_from_any_offset)
{
        uint64_t length = 2 * (uint64_t)SLICE_MAX + 777, id = put_large("http://a:80/", length);
        uint64_t starts[] = {0, 1, SLICE_UNIT, SLICE_MAX - 1, SLICE_MAX, length - 1};

        for (size_t s = 0; s < sizeof starts / sizeof starts[0]; s++)
                expect_body(id, starts[s], length);
}

/* Where slices lie is remembered, as long as nothing is committed; their ids tell them apart, and where they begin. */
Test(store, a_body_is_read_until_its_removal_is_committed)
{
        uint64_t length = 2 * (uint64_t)SLICE_MAX + 777, id = put_large("http://a:80/", length),
                 other = put_large("http://b:80/", length);
        struct iovec spans[4];
        int count;

        for (int n = 0; n < 3; n++) {
                expect_body(id, 0, length);
                expect_body(other, 0, length);
        }
        store_remove(store, id);
        store_sync(store);
        for (uint64_t at = 0; at < length; at += SLICE_MAX) {
                cr_assert_eq(reader_begin(reader), 0);
                cr_expect_eq(read_soon(id, at, length - at, spans, &count), BODY_GAP);
                reader_end(reader);
        }
        expect_body(other, 0, length);
}

/* As with look-ups: what is remembered is spoilt, to see whether it counts. */
Test(store, where_a_slice_lies_is_remembered_for_some_ticks)
{
        uint64_t id = put_large("http://a:80/", SLICE_UNIT);
        struct iovec spans[4];
        int count;

        expect_body(id, 0, SLICE_UNIT);
        for (int i = 0; i < RECALLED_SLOTS; i++)
                reader->bodies[i].value.len = SLICE_CHECKSUM + 1;
        for (int i = 0; i < SEEN_TICKS - 1; i++)
                reader_tick(reader);
        cr_assert_eq(reader_begin(reader), 0);
        cr_expect_eq(read_soon(id, 0, SLICE_UNIT, spans, &count), BODY_READY);
        cr_expect_eq(spans[0].iov_len, 1);
        reader_end(reader);
        reader_tick(reader);
        expect_body(id, 0, SLICE_UNIT);
}

static atomic_int after;

static void note_after(void *context, int error)
{
        (void)context;
        atomic_store(&after, error ? -1 : 1);
}

static void put_part(uint64_t id, uint64_t offset, size_t len)
{
        char *bytes = malloc(len);

        for (size_t i = 0; i < len; i++)
                bytes[i] = pattern(id, offset + i);
        cr_assert_eq(store_put_part(store, id, offset, bytes, len, free_slice, bytes), 0);
}

/* Its record comes first; parts come in any order, and what is missing is a gap with an end. */
Test(store, a_sparse_response)
{
        struct key k = key_of_url("http://a:80/sparse");
        struct stored s = plain();
        struct put p = {.id = store_next_id(store), .key = &k, .stored = &s, .length = 3 << 20};
        struct iovec spans[2];
        struct found f;
        int count;

        s.flags |= STORED_SPARSE;
        cr_assert_eq(store_put_response(store, &p), 0);
        put_part(p.id, 8 * SLICE_UNIT, SLICE_UNIT);
        put_part(p.id, 2 * SLICE_UNIT, 2 * SLICE_UNIT);
        cr_assert_eq(store_after(store, note_after, NULL), 0);
        while (!atomic_load(&after))
                sched_yield();
        cr_assert_eq(atomic_load(&after), 1);
        cr_assert_eq(find("http://a:80/sparse", &f), FIND_HIT);
        cr_assert(f.stored.flags & STORED_SPARSE);
        cr_assert_not(f.inlined);
        cr_assert_eq(f.length, 3 << 20);
        cr_assert_eq(reader_body(reader, p.id, 0, 10, spans, 2, &count), BODY_GAP);
        cr_assert_eq(reader_gap_end(reader, p.id, 0, 3 << 20), 2 * SLICE_UNIT);
        cr_assert_eq(reader_gap_end(reader, p.id, 0, 100), 100);
        reader_end(reader);
        cr_assert_eq(reader_begin(reader), 0);
        load(p.id, 2 * SLICE_UNIT);
        cr_assert_eq(reader_body(reader, p.id, 3 * SLICE_UNIT, 3 * SLICE_UNIT, spans, 2, &count), BODY_READY);
        cr_assert_eq(count, 1);
        cr_assert_eq(spans[0].iov_len, SLICE_UNIT);
        cr_assert_eq(((char *)spans[0].iov_base)[5], pattern(p.id, 3 * SLICE_UNIT + 5));
        cr_assert_eq(reader_gap_end(reader, p.id, 4 * SLICE_UNIT, 3 << 20), 8 * SLICE_UNIT);
        cr_assert_eq(reader_gap_end(reader, p.id, 9 * SLICE_UNIT, 3 << 20), 3 << 20);
        reader_end(reader);
}

Test(store, a_part_without_its_record_is_dropped)
{
        uint64_t id = store_next_id(store);
        struct iovec spans[1];
        int count;

        put_part(id, 0, SLICE_UNIT);
        store_sync(store);
        cr_assert_eq(reader_begin(reader), 0);
        cr_assert_eq(reader_body(reader, id, 0, 1, spans, 1, &count), BODY_GAP);
        reader_end(reader);
}

Test(store, an_abandoned_response_leaves_no_slices)
{
        uint64_t id = store_next_id(store);
        char *slice = calloc(1, SLICE_UNIT);
        struct iovec spans[1];
        int count;

        cr_assert_eq(store_put_slice(store, id, 0, slice, SLICE_UNIT, free_slice, slice), 0);
        store_abandon(store, id);
        store_sync(store);
        cr_assert_eq(reader_begin(reader), 0);
        cr_assert_eq(reader_body(reader, id, 0, 1, spans, 1, &count), BODY_GAP);
        reader_end(reader);
}

Test(store, eviction_keeps_the_file_within_its_size_and_spares_what_is_read)
{
        struct store_status status;
        char file[128];
        struct stat st;

        reopen(16 << 20);
        put("http://hot:80/", "hot");
        for (int i = 0; i < 60; i++) {
                char url[64];

                snprintf(url, sizeof url, "http://a:80/%d", i);
                put_large(url, 1 << 20);
                cr_assert(holds("http://hot:80/", "hot"), "after %d", i);
        }
        store_status(store, &status);
        cr_assert_gt(status.evicted, 30);
        snprintf(file, sizeof file, "%s/data.mdb", path);
        cr_assert_eq(stat(file, &st), 0);
        cr_assert_leq(st.st_size, 16 << 20);
        cr_assert_eq(status.error, 0);
}

Test(store, a_pinned_body_is_not_evicted)
{
        uint64_t id;
        struct iovec spans[1];
        int count;

        reopen(16 << 20);
        id = put_large("http://a:80/pinned", 1 << 20);
        cr_assert(store_pin(store, id));
        for (int i = 0; i < 40; i++) {
                char url[64];

                snprintf(url, sizeof url, "http://a:80/%d", i);
                put_large(url, 1 << 20);
        }
        cr_assert_eq(reader_begin(reader), 0);
        cr_assert_neq(reader_body(reader, id, 0, 1, spans, 1, &count), BODY_GAP);
        reader_end(reader);
        store_unpin(store, id);
}

Test(store, a_fault_in_the_map_sets_the_store_aside)
{
        struct store_status status;
        const void *start;
        size_t len;
        int elsewhere;

        store_map(store, &start, &len);
        cr_assert_not_null(start);
        cr_assert_not(store_sigbus(store, &elsewhere));
        cr_expect(store_readable(store));
        cr_assert(store_sigbus(store, (const char *)start + len / 2));
        cr_expect_not(store_readable(store));
        cr_assert_neq(reader_begin(reader), 0);
        store_status(store, &status);
        cr_assert(status.set_aside);
}

/* What the writer reads of such a map may be zeros. */
Test(store, nothing_is_written_to_a_store_that_is_set_aside)
{
        const void *start;
        int error = 0;
        size_t len;

        put("http://a:80/old", "old");
        store_map(store, &start, &len);
        cr_assert(store_sigbus(store, start));
        put_noted("http://a:80/new", &error);
        reopen(32 << 20);
        cr_expect_neq(error, 0);
        cr_expect(holds("http://a:80/old", "old"));
        cr_expect_not(holds("http://a:80/new", ""));
}

static struct {
        unsigned count;
        uint64_t ids[4], bytes;
        bool all_sound;
} listed;

static void note_listed(void *context, const struct listed *l)
{
        (void)context;
        listed.ids[listed.count++] = l->found.id;
        listed.bytes += l->bytes;
        listed.all_sound = listed.all_sound && l->sound;
}

static void list(const char *url)
{
        memset(&listed, 0, sizeof listed);
        listed.all_sound = true;
        cr_assert_eq(store_list(store, (struct span){url, strlen(url)}, note_listed, NULL), 0);
}

/* All addresses and variants of a URL and nothing else; the newest last; what it holds, in a record or in slices. */
Test(store, what_is_stored_under_a_url_is_listed)
{
        uint64_t first = put_variant("http://a:80/x @192.0.2.1", SPAN("accept"), 1, "one");
        uint64_t second = put_variant("http://a:80/x @192.0.2.1", SPAN("accept"), 2, "three");
        uint64_t large = put_large("http://a:80/large", 100000);

        put("http://a:80/x @192.0.2.2", "two");
        put("http://a:80/xy @192.0.2.2", "other");
        list("http://a:80/nothing");
        cr_expect_eq(listed.count, 0);
        list("http://a:80/x");
        cr_assert_eq(listed.count, 3);
        cr_expect_eq(listed.bytes, 11);
        for (int i = 0; i < 2; i++)
                if (listed.ids[i] == first)
                        cr_expect_eq(listed.ids[i + 1], second);
        cr_expect(listed.all_sound);
        list("http://a:80/large");
        cr_assert_eq(listed.count, 1);
        cr_expect_eq(listed.ids[0], large);
        cr_expect_eq(listed.bytes, 100000);
}

static void alias(uint64_t id, const char *url, struct span names, uint64_t variant)
{
        struct key k = key_of_url(url);

        cr_assert_eq(store_alias(store, id, &(struct alias){&k, names, variant}, NULL, NULL), 0);
        store_sync(store);
}

static uint64_t variant_of(const char *language)
{
        static char head[128];

        snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\nAccept: %s\r\n\r\n", language);
        cr_assert_eq(parse_request(&request, (struct span){head, strlen(head)}).kind, FAULT_NONE);
        return vary_hash(SPAN("accept"), &request);
}

static size_t variants(const char *url, uint64_t ids[4])
{
        struct variant_found all[4];
        struct key k = key_of_url(url);
        size_t count;

        cr_assert_eq(reader_begin(reader), 0);
        count = reader_variants(reader, &k, all, 4);
        for (size_t i = 0; i < count; i++)
                ids[i] = all[i].found.id;
        reader_end(reader);
        return count;
}

/* One response may be found by several selecting values; it goes when the last of them has found something newer. */
Test(store, an_alias_finds_a_variant_by_other_selecting_values)
{
        const char *url = "http://a:80/x";
        uint64_t a = variant_of("a"), b = variant_of("b"), ids[4];
        uint64_t first = put_variant(url, SPAN("accept"), a, "one");
        struct found f;

        cr_assert_eq(find(url, &f), FIND_VARIANT, "the request selects b");
        reader_end(reader);
        alias(first, url, SPAN("accept"), b);
        cr_assert(holds(url, "one"));
        cr_expect_eq(variants(url, ids), 1, "listed twice, and one response all the same");
        put_variant(url, SPAN("accept"), a, "two");
        cr_assert(holds(url, "one"), "only the other values have something newer");
        cr_expect_eq(variants(url, ids), 2);
        cr_expect_neq(ids[0], first, "the newest comes first");
        put_variant(url, SPAN("accept"), b, "three");
        cr_assert(holds(url, "three"));
        cr_expect_eq(variants(url, ids), 2);
        alias(first, url, SPAN("accept"), b);
        cr_assert(holds(url, "three"), "an alias of what is gone is none");
}

Test(store, a_response_by_its_id)
{
        uint64_t id = put("http://a:80/x", "one");
        struct found f;

        cr_assert_eq(reader_begin(reader), 0);
        cr_expect_eq(reader_response(reader, id, &f), FIND_HIT);
        cr_expect_eq(f.length, 3);
        cr_expect_eq(reader_response(reader, id + 1, &f), FIND_NONE);
        reader_end(reader);
}
