/* What must hold of a store that is written to without end: the bounds that are counts, not times. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cache/time_slice.h"
#include "store_made.h"

static void set_up(void)
{
        make_store(16 << 20);
}

TestSuite(load, .init = set_up, .fini = remove_store);

/* Of the thread of that name; 0: there is none. */
static pid_t thread_named(const char *name)
{
        DIR *tasks = opendir("/proc/self/task");
        pid_t found = 0;

        for (struct dirent *e; !found && (e = readdir(tasks));) {
                char file[300], comm[32] = "";
                FILE *f;

                snprintf(file, sizeof file, "/proc/self/task/%s/comm", e->d_name);
                f = fopen(file, "r");
                if (f && fgets(comm, sizeof comm, f) && strncmp(comm, name, strlen(name)) == 0)
                        found = (pid_t)strtol(e->d_name, NULL, 10);
                if (f)
                        fclose(f);
        }
        closedir(tasks);
        return found;
}

static uint64_t slice_of(pid_t thread)
{
        struct {
                uint32_t size, policy;
                uint64_t flags;
                int32_t nice;
                uint32_t priority;
                uint64_t runtime, deadline, period;
        } s = {.size = sizeof s};

        cr_assert_eq(syscall(SYS_sched_getattr, thread, &s, sizeof s, 0), 0);
        return s.runtime;
}

Test(load, the_writer_lets_who_wakes_go_first)
{
        reopen(8 << 20);
        store_purge(store, PURGE_ALL, (struct span){NULL, 0}, NULL, NULL);
        store_sync(store); /* so the writer runs */
        time_slice(TIME_SLICE_WORKER_NS);
        if (slice_of(getpid()) == 0)
                cr_skip("this kernel gives all threads the same slice");
        cr_assert_gt(slice_of(thread_named("store writer")), slice_of(getpid()));
}

/* ---- what is put ---------------------------------------------------------------------------------------------------
 */

static char body[1 << 20];

static struct key key_of(unsigned n, char text[64])
{
        struct key k;

        snprintf(text, 64, "http://load.test:80/%u", n);
        key_of_text(&k, (struct span){text, strlen(text)});
        return k;
}

/* Waits where the queue is full. */
static void put_slices(uint64_t id, size_t len)
{
        for (size_t at = 0; at < len; at += SLICE_UNIT) {
                size_t n = len - at < SLICE_UNIT ? len - at : SLICE_UNIT;

                while (store_put_slice(store, id, at, body, n, NULL, NULL) == ENOBUFS)
                        store_sync(store);
        }
}

static void put(unsigned n, size_t len)
{
        struct stored stored = {.status = 200, .lifetime = 3600};
        char text[64];
        struct key key = key_of(n, text);
        struct put p = {.id = store_next_id(store), .key = &key, .stored = &stored, .length = len};

        if (len <= INLINE_MAX)
                p.body = (struct span){body, len};
        else
                put_slices(p.id, len);
        while (store_put_response(store, &p) == ENOBUFS)
                store_sync(store);
}

static bool is_there(unsigned n)
{
        static const struct message request;
        struct found found;
        char text[64];
        struct key key = key_of(n, text);
        bool there;

        cr_assert_eq(reader_begin(reader), 0);
        there = reader_find(reader, &key, &request, true, &found) == FIND_HIT;
        reader_end(reader);
        return there;
}

/* Sizes that do not fit into each other's holes, and now and then a large one. */
static size_t size_of(unsigned n)
{
        return n % 37 == 0 ? 100000 + n * 7919 % 800000 : 200 + n * 7919 % 30000;
}

Test(load, ten_times_its_size_go_through_a_store_that_stays_within_it)
{
        const uint64_t size = 16 << 20;
        struct store_status s;
        uint64_t total = 0;
        unsigned n = 0;

        reopen(size);
        for (; total < 10 * size; n++) {
                put(n, size_of(n));
                total += size_of(n);
                if (n % 64)
                        continue;
                is_there(n * 3 / 4); /* some are read, and spared */
                store_status(store, &s);
                cr_assert_leq(s.file, size);
                cr_assert_eq(s.error, 0);
        }
        store_sync(store);
        store_status(store, &s);
        cr_assert_leq(s.file - s.used, size / 2, "of the file %zu bytes are free pages", (size_t)(s.file - s.used));
        cr_assert_geq(s.body_bytes, size / 3, "only %zu bytes of bodies are stored", (size_t)s.body_bytes);
        cr_assert(is_there(n - 1));
        cr_assert_not(is_there(1));
}

/* The heap in use, not the page cache. */
static size_t heap(void)
{
        struct mallinfo2 m;

        store_sync(store);
        m = mallinfo2();
        return m.uordblks + m.hblkhd;
}

Test(load, an_object_takes_a_bit_of_memory_and_no_more)
{
        const unsigned first = 20000, count = 50000; /* with the first ones a batch has its largest size */
        unsigned n = 0;
        size_t before;

        reopen(256 << 20);
        while (n < first)
                put(n++, 300);
        before = heap();
        while (n < first + count)
                put(n++, 300);
        cr_assert_leq(heap(), before + count * 48, "%zu bytes for each", (heap() - before) / count);
}
