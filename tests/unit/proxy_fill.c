/* proxy/fill.c: bodies are gathered into slices, and what cannot be stored is given up without a trace. */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/fill.h"

static char path[] = "/tmp/limpid-fill-XXXXXX";
static struct store *store;
static struct reader *reader;
static struct message request;

static void open_store(void)
{
        struct store_options o = {.path = path, .size = 64 << 20};
        char message[STORE_MESSAGE];

        cr_assert_not_null(mkdtemp(path));
        cr_assert_eq(store_open(&store, &o, message), 0, "%s", message);
        cr_assert_eq(reader_open(&reader, store), 0);
}

static void close_store(void)
{
        char command[128];

        reader_close(&reader);
        store_close(&store);
        snprintf(command, sizeof command, "rm -r %s", path);
        cr_assert_eq(system(command), 0);
}

TestSuite(fill, .init = open_store, .fini = close_store);

static struct key key_of(const char *text)
{
        struct key k;

        key_of_text(&k, (struct span){text, strlen(text)});
        return k;
}

static const struct stored plain = {.status = 200, .lifetime = 60, .last_modified = -1, .fields = {"A: b\r\n", 6}};

static enum find find(const struct key *k, struct found *f)
{
        enum find result;

        store_sync(store);
        cr_assert_eq(reader_begin(reader), 0);
        result = reader_find(reader, k, &request, true, f);
        return result;
}

/* Byte n of every body of these tests. */
static char pattern(uint64_t n)
{
        return (char)(n * 31 + n / 251);
}

static bool fill_with(struct fill *f, uint64_t bytes, size_t step)
{
        char piece[70000];

        for (uint64_t at = 0; at < bytes; at += step) {
                size_t n = bytes - at < step ? (size_t)(bytes - at) : step;

                for (size_t i = 0; i < n; i++)
                        piece[i] = pattern(at + i);
                fill_add(f, (struct span){piece, n});
                if (!fill_active(f))
                        return false;
        }
        return true;
}

Test(fill, a_small_body_lies_in_its_record)
{
        struct key k = key_of("http://a:80/small @192.0.2.1");
        struct fill f;
        struct found found;

        cr_assert(fill_start(&f, store, &k, (struct span){NULL, 0}, 0, &plain, 100, 1 << 20));
        cr_assert(fill_with(&f, 100, 7));
        cr_assert(fill_finish(&f, NULL, NULL));
        cr_assert_not(fill_active(&f));
        cr_assert_eq(find(&k, &found), FIND_HIT);
        cr_assert(found.inlined);
        cr_assert_eq(found.body.len, 100);
        for (size_t i = 0; i < 100; i++)
                cr_assert_eq(found.body.at[i], pattern(i));
        reader_end(reader);
}

static atomic_int loads;

static void load_done(struct prefault *job)
{
        (void)job;
        atomic_fetch_add(&loads, 1);
}

/* Has a prefault thread verify what lies at the offset. */
static void load(uint64_t id, uint64_t offset)
{
        struct prefault job = {.done = load_done, .id = id, .offset = offset, .bytes = 1};
        int before = atomic_load(&loads);

        reader_end(reader);
        prefault_body(store, &job);
        while (atomic_load(&loads) == before)
                sched_yield();
        cr_assert_not(job.failed);
        cr_assert_eq(reader_begin(reader), 0);
}

Test(fill, a_large_body_comes_back_slice_by_slice)
{
        uint64_t length = 3 * (uint64_t)SLICE_MAX + 12345, at = 0;
        struct key k = key_of("http://a:80/large @192.0.2.1");
        struct fill f;
        struct found found;

        cr_assert(fill_start(&f, store, &k, (struct span){NULL, 0}, 0, &plain, UINT64_MAX, 8 << 20));
        cr_assert(fill_with(&f, length, 65521));
        cr_assert(fill_finish(&f, NULL, NULL));
        cr_assert_eq(find(&k, &found), FIND_HIT);
        cr_assert_eq(found.length, length);
        while (at < length) {
                struct iovec spans[4];
                int count = 0;
                enum body_state state = reader_body(reader, found.id, at, length - at, spans, 4, &count);

                if (state == BODY_COLD) { /* larger than is verified at once */
                        load(found.id, at);
                        continue;
                }
                cr_assert_eq(state, BODY_READY);
                for (int i = 0; i < count; i++)
                        for (size_t j = 0; j < spans[i].iov_len; j++, at++)
                                cr_assert_eq(((char *)spans[i].iov_base)[j], pattern(at));
        }
        reader_end(reader);
}

Test(fill, more_than_the_limit_is_given_up)
{
        struct key k = key_of("http://a:80/limit @192.0.2.1");
        struct fill f;
        struct found found;

        cr_assert_not(fill_start(&f, store, &k, (struct span){NULL, 0}, 0, &plain, 1001, 1000));
        cr_assert(fill_start(&f, store, &k, (struct span){NULL, 0}, 0, &plain, UINT64_MAX, 1000));
        cr_assert_not(fill_with(&f, 1001, 100));
        cr_assert_not(fill_active(&f));
        cr_assert_eq(find(&k, &found), FIND_NONE);
        reader_end(reader);
}

Test(fill, what_is_abandoned_is_never_found)
{
        struct key k = key_of("http://a:80/abandoned @192.0.2.1");
        struct fill f;
        struct found found;

        cr_assert(fill_start(&f, store, &k, (struct span){NULL, 0}, 0, &plain, UINT64_MAX, 8 << 20));
        cr_assert(fill_with(&f, 2 * (uint64_t)SLICE_MAX, 65536));
        fill_abandon(&f);
        fill_abandon(&f);
        cr_assert_eq(find(&k, &found), FIND_NONE);
        reader_end(reader);
}

Test(fill, an_empty_body_is_a_body)
{
        struct key k = key_of("http://a:80/empty @192.0.2.1");
        struct fill f;
        struct found found;

        cr_assert(fill_start(&f, store, &k, (struct span){NULL, 0}, 0, &plain, 0, 1000));
        cr_assert(fill_finish(&f, NULL, NULL));
        cr_assert_eq(find(&k, &found), FIND_HIT);
        cr_assert_eq(found.length, 0);
        reader_end(reader);
}
