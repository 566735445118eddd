/* cache/store_index.c: who asks a store nothing of which is in memory waits for no disk, and gets what there is once it
 * was read for him. That nothing was waited for is counted by the kernel: page faults of this thread that took a read.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "store_made.h"

enum { SMALL = 5000, LARGE = 400, STEP = 37, BODY = 200, SLICE = 20000, SIZE = 64 << 20 };

static const struct message request;
static uint64_t large[LARGE];
static int colds;

/* What is mapped stays in memory: only a closed store can be forgotten. */
static void forget(void)
{
        char file[80];
        int fd;

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

static struct key key_of(int n, char text[64])
{
        struct key k;

        snprintf(text, 64, "http://a:80/%d", n);
        key_of_text(&k, (struct span){text, strlen(text)});
        return k;
}

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
