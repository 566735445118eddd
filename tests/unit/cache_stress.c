/* Readers, the writer and eviction at once on a tiny store: whatever is read is right, byte for byte. Bounded by
 * counts. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "cache/store.h"

enum { READERS = 3, URLS = 60, PUTS = 700, SIZE = 16 << 20 };

static struct store *store;
static _Atomic bool over;
static _Atomic unsigned long hits, wrong, gaps;

/* Every byte says which response it is of, and where. */
static char pattern(uint64_t id, uint64_t n)
{
        return (char)(id * 131 + n * 7 + n / 509);
}

static struct key key_of(char text[64], unsigned number)
{
        struct key k;

        snprintf(text, 64, "http://stress:80/%u", number);
        key_of_text(&k, (struct span){text, strlen(text)});
        return k;
}

/* Small ones lie in their records, large ones in slices; the length follows from the id. */
static uint64_t length_of(uint64_t id)
{
        return id % 3 ? 100 + id % 9000 : 70000 + id % 7 * 200000;
}

static void free_slice(void *slice, int error)
{
        (void)error;
        free(slice);
}

static void put_one(unsigned number)
{
        char text[64], id_text[32], *bytes;
        uint64_t id = store_next_id(store), length = length_of(id);
        struct key k = key_of(text, number);
        struct stored s = {.status = 200, .last_modified = -1};
        struct put p = {.id = id, .key = &k, .stored = &s, .length = length};

        s.fields = (struct span){id_text,
                                 (size_t)snprintf(id_text, sizeof id_text, "Id: %llu\r\n", (unsigned long long)id)};
        bytes = malloc(length);
        for (uint64_t i = 0; i < length; i++)
                bytes[i] = pattern(id, i);
        if (length <= INLINE_MAX) {
                p.body = (struct span){bytes, length};
                store_put_response(store, &p);
                free(bytes);
                return;
        }
        for (uint64_t at = 0; at < length; at += SLICE_MAX) {
                size_t n = length - at < SLICE_MAX ? (size_t)(length - at) : SLICE_MAX;
                char *slice = malloc(n);

                memcpy(slice, bytes + at, n);
                if (store_put_slice(store, id, at, slice, n, free_slice, slice) != 0) {
                        free(slice);
                        store_abandon(store, id);
                        free(bytes);
                        return;
                }
        }
        free(bytes);
        if (store_put_response(store, &p) != 0)
                store_abandon(store, id);
}

static void check(uint64_t id, uint64_t at, const char *bytes, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (bytes[i] != pattern(id, at + i)) {
                        atomic_fetch_add(&wrong, 1);
                        return;
                }
}

static void loaded(struct prefault *job)
{
        atomic_store((_Atomic bool *)(void *)(job + 1), true);
}

static void wait_for(uint64_t id, uint64_t at)
{
        struct {
                struct prefault job;
                _Atomic bool done;
        } ask = {.job = {.done = loaded, .id = id, .offset = at, .bytes = 1}};

        prefault_body(store, &ask.job);
        while (!atomic_load((_Atomic bool *)(void *)(&ask.job + 1)))
                sched_yield();
}

/* Reads a pinned body, a transaction for each piece, as a worker does. */
static void read_body(struct reader *r, uint64_t id, uint64_t length)
{
        for (uint64_t at = 0; at < length;) {
                struct iovec spans[3];
                enum body_state state = BODY_GAP;
                int count = 0;

                if (reader_begin(r) == 0) {
                        state = reader_body(r, id, at, 300000, spans, 3, &count);
                        for (int i = 0; i < count; i++) {
                                check(id, at, spans[i].iov_base, spans[i].iov_len);
                                at += spans[i].iov_len;
                        }
                        reader_end(r);
                }
                if (state == BODY_COLD)
                        wait_for(id, at);
                if (state == BODY_GAP) {
                        atomic_fetch_add(&gaps, 1);
                        return;
                }
        }
}

static const struct message request;

/* Only what is found after it was pinned stays. */
static bool look_again(struct reader *r, const struct key *k, uint64_t id, struct found *f)
{
        bool there = false;

        if (reader_begin(r) == 0) {
                there = reader_find(r, k, &request, true, f) == FIND_HIT && f->id == id;
                reader_end(r);
        }
        return there;
}

static void read_one(struct reader *r, unsigned number)
{
        char text[64], id_text[32];
        struct key k = key_of(text, number);
        struct found f;
        bool pinned = false;

        if (reader_begin(r) != 0)
                return;
        if (reader_find(r, &k, &request, true, &f) == FIND_HIT) {
                uint64_t id = f.id;

                atomic_fetch_add(&hits, 1);
                snprintf(id_text, sizeof id_text, "Id: %llu\r\n", (unsigned long long)f.id);
                if (!span_equal(f.stored.fields, (struct span){id_text, strlen(id_text)}) ||
                    f.length != length_of(f.id))
                        atomic_fetch_add(&wrong, 1);
                if (f.inlined)
                        check(f.id, 0, f.body.at, f.body.len);
                else
                        pinned = store_pin(store, id);
                reader_end(r);
                if (pinned && look_again(r, &k, id, &f))
                        read_body(r, id, f.length);
                if (pinned)
                        store_unpin(store, id);
                return;
        }
        reader_end(r);
}

static void *read_all(void *argument)
{
        unsigned seed = *(unsigned *)argument;
        struct reader *r;

        if (reader_open(&r, store) != 0)
                return NULL;
        while (!atomic_load(&over)) {
                read_one(r, (unsigned)rand_r(&seed) % URLS);
                if (rand_r(&seed) % 16 == 0)
                        reader_tick(r);
        }
        reader_close(&r);
        return NULL;
}

Test(stress, no_byte_is_ever_wrong)
{
        char path[] = "/tmp/limpid-stress-XXXXXX", message[STORE_MESSAGE], command[128];
        struct store_options o = {.path = path, .size = SIZE};
        unsigned seeds[READERS], seed = 1;
        pthread_t threads[READERS];
        struct store_status status;

        cr_assert_not_null(mkdtemp(path));
        cr_assert_eq(store_open(&store, &o, message), 0, "%s", message);
        for (unsigned i = 0; i < READERS; i++) {
                seeds[i] = i + 10;
                pthread_create(&threads[i], NULL, read_all, &seeds[i]);
        }
        for (unsigned i = 0; i < PUTS; i++) {
                put_one((unsigned)rand_r(&seed) % URLS);
                if (i % 50 == 0)
                        store_sync(store);
                if (i % 400 == 399)
                        store_purge(store, PURGE_URL, SPAN("http://stress:80/7"), NULL, NULL);
        }
        store_sync(store);
        atomic_store(&over, true);
        for (unsigned i = 0; i < READERS; i++)
                pthread_join(threads[i], NULL);
        store_status(store, &status);
        cr_assert_eq(atomic_load(&wrong), 0, "%lu reads of wrong bytes", atomic_load(&wrong));
        cr_assert_eq(atomic_load(&gaps), 0, "%lu pinned bodies with a gap", atomic_load(&gaps));
        cr_assert_gt(atomic_load(&hits), 0);
        cr_assert_gt(status.evicted, 0);
        cr_assert_leq(status.file, SIZE);
        cr_assert_eq(status.damaged, 0);
        store_close(&store);
        snprintf(command, sizeof command, "rm -r %s", path);
        cr_assert_eq(system(command), 0);
}
