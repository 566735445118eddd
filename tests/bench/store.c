/* The store under load, without a network: bench_store CASE DIRECTORY [BYTES|look], an empty one. Prints one line of
 * JSON for each step.
 *
 *   COUNT  so many objects: what an object costs in memory, how long a restart takes until the first hit (with the file
 *          in the page cache, and without), and what a look-up costs at random. With BYTES each: the filling alone.
 *          With `look`: a look-up in what an earlier COUNT has left there, `us` as a prefault thread does it, which may
 *          wait for the disk, and `loop_us` as an event loop does, which may not
 *   evict  ten times the size of a store, in eviction all the time: how fast, beside the filling of the empty store;
 * how large the file is, and how much of it is free pages
 *
 * Numbers come from a fixed seed. Limits: the process has the machine's page cache to itself; puts come from one thread
 * that waits where the queue is full, which no client does. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cache/store.h"

enum {
        SMALL = 1000, /* bytes of an object where there are many: a million of them fit into memory */
        LOOK_UPS = 200000,
        ROUNDS = 5,
        PASSES = 10,
        LARGEST = 2 << 20
};

static const uint64_t many_size = 16ULL << 30, evict_size = 512 << 20;

static const char *directory;
static struct store *store;
static struct reader *reader;
static struct message request;
static char payload[LARGEST];
static uint64_t seed = 1;

static void die(const char *what, int error)
{
        fprintf(stderr, "store: %s: %s\n", what, strerror(error));
        exit(1);
}

static double seconds(clockid_t clock)
{
        struct timespec t;

        clock_gettime(clock, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* xorshift64* */
static uint64_t draw(void)
{
        seed ^= seed >> 12;
        seed ^= seed << 25;
        seed ^= seed >> 27;
        return seed * 0x2545f4914f6cdd1dULL;
}

static double draw_unit(void)
{
        return (double)(draw() >> 11) / (double)(1ULL << 53);
}

/* Bytes of memory that are not the page cache's. */
static long resident_own(void)
{
        FILE *f = fopen("/proc/self/status", "re");
        char line[128];
        long kilobytes = 0;

        while (f && fgets(line, sizeof line, f))
                if (strncmp(line, "RssAnon:", 8) == 0)
                        kilobytes = strtol(line + 8, NULL, 10);
        if (f)
                fclose(f);
        return kilobytes * 1024;
}

static void open_store(uint64_t size)
{
        struct store_options o = {.path = directory, .size = size, .queue_bytes = 16 << 20};
        char message[STORE_MESSAGE];
        int error = store_open(&store, &o, message);

        if (!error)
                error = reader_open(&reader, store);
        if (error)
                die(message, error);
        if (*message)
                die(message, EINVAL);
}

static void close_store(void)
{
        reader_close(&reader);
        store_close(&store);
}

static struct key key_of(uint64_t n, char text[64])
{
        struct key k;
        int len = snprintf(text, 64, "http://bench.test:80/object/%llu", (unsigned long long)n);

        key_of_text(&k, (struct span){text, (size_t)len});
        return k;
}

/* Tries again while the queue is full. */
static void insist(int put(const void *), const void *what)
{
        int error;

        while ((error = put(what)) == ENOBUFS)
                usleep(500);
        if (error)
                die("cannot put", error);
}

static int put_record(const void *put)
{
        return store_put_response(store, put);
}

struct piece {
        uint64_t id, offset, len;
};

static int put_piece(const void *what)
{
        const struct piece *p = what;

        return store_put_slice(store, p->id, p->offset, payload, p->len, NULL, NULL);
}

static void put_object(uint64_t n, uint64_t bytes)
{
        struct stored stored = {.status = 200,
                                .date = 1700000000,
                                .lifetime = 86400,
                                .fields = SPAN("Content-Type: application/octet-stream\r\nServer: bench\r\n")};
        char text[64];
        struct key key = key_of(n, text);
        struct put put = {.id = store_next_id(store), .key = &key, .stored = &stored, .length = bytes};

        if (bytes <= INLINE_MAX)
                put.body = (struct span){payload, bytes};
        for (uint64_t at = 0; bytes > INLINE_MAX && at < bytes; at += SLICE_MAX)
                insist(put_piece, &(struct piece){put.id, at, bytes - at < SLICE_MAX ? bytes - at : SLICE_MAX});
        insist(put_record, &put);
}

/* `wait`: from disk too. */
static bool look_up(uint64_t n, bool wait)
{
        char text[64];
        struct key key = key_of(n, text);
        struct found found;
        bool hit;

        if (reader_begin(reader) != 0)
                die("cannot read", EIO);
        hit = reader_find(reader, &key, &request, wait, &found) == FIND_HIT;
        reader_end(reader);
        return hit;
}

/* ---- many ----------------------------------------------------------------------------------------------------------
 */

static void fill(uint64_t count, uint64_t bytes)
{
        double start = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);

        for (uint64_t n = 0; n < count; n++)
                put_object(n, bytes);
        store_sync(store);
        printf("{\"step\":\"fill\",\"objects\":%llu,\"seconds\":%.3f,\"cpu_us_each\":%.2f}\n",
               (unsigned long long)count, seconds(CLOCK_MONOTONIC) - start,
               (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)count);
}

/* A second pass over the same numbers finds everything in memory, mapped and verified as far as a reader remembers. */
static double look_ups_at_random(uint64_t count, bool wait)
{
        double start = 0, best = 1e9;
        uint64_t missed = 0;

        for (int round = 0; round < ROUNDS; round++) {
                start = seconds(CLOCK_MONOTONIC);
                for (int i = 0; i < LOOK_UPS; i++)
                        missed += !look_up(draw() % count, wait);
                if (seconds(CLOCK_MONOTONIC) - start < best)
                        best = seconds(CLOCK_MONOTONIC) - start;
        }
        if (missed)
                die("what was put is not found", ENOENT);
        return best * 1e6 / LOOK_UPS;
}

/* What is dirty is written first: only clean pages can be dropped. */
static void drop_page_cache(void)
{
        char file[4096];
        int fd;

        snprintf(file, sizeof file, "%s/data.mdb", directory);
        fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
                die(file, errno);
        close(fd);
}

static void restart(uint64_t count, bool cold)
{
        double start;

        close_store();
        if (cold)
                drop_page_cache();
        malloc_trim(0);
        start = seconds(CLOCK_MONOTONIC);
        open_store(many_size);
        if (!look_up(count / 2, true))
                die("no hit after the restart", ENOENT);
        printf("{\"step\":\"restart\",\"objects\":%llu,\"page_cache\":%s,\"first_hit_seconds\":%.4f}\n",
               (unsigned long long)count, cold ? "false" : "true", seconds(CLOCK_MONOTONIC) - start);
}

static void measure_many(uint64_t count)
{
        long before, filled, reopened;
        double us;

        open_store(many_size);
        malloc_trim(0);
        before = resident_own();
        fill(count, SMALL);
        filled = resident_own();
        restart(count, false);
        for (uint64_t n = 0; n < count; n++)
                look_up(n, true);
        us = look_ups_at_random(count, true);
        reopened = resident_own();
        printf("{\"step\":\"look up\",\"objects\":%llu,\"us\":%.3f}\n", (unsigned long long)count, us);
        printf("{\"step\":\"memory\",\"objects\":%llu,\"bytes_each_after_fill\":%.2f,\"bytes_each_after_look_ups\":%."
               "2f}\n",
               (unsigned long long)count, (double)(filled - before) / (double)count,
               (double)(reopened - before) / (double)count);
        restart(count, true); /* the last: from now on the disk is measured */
        close_store();
}

static void measure_look_ups(uint64_t count)
{
        double us;

        open_store(many_size);
        for (uint64_t n = 0; n < count; n++)
                if (!look_up(n, true))
                        die("the directory holds fewer objects", ENOENT);
        us = look_ups_at_random(count, true);
        printf("{\"step\":\"look up\",\"objects\":%llu,\"us\":%.3f,\"loop_us\":%.3f}\n", (unsigned long long)count, us,
               look_ups_at_random(count, false));
        close_store();
}

static void measure_fill(uint64_t count, uint64_t bytes)
{
        open_store(many_size);
        fill(count, bytes);
        close_store();
}

/* ---- evict ---------------------------------------------------------------------------------------------------------
 */

/* Log-normal: half of the objects are below 10 KiB, one in a hundred is above 400 KiB. */
static uint64_t draw_bytes(void)
{
        double normal = sqrt(-2 * log(draw_unit() + 1e-12)) * cos(2 * M_PI * draw_unit());
        double bytes = exp(log(10240) + 1.6 * normal);

        return bytes < 200 ? 200 : bytes > LARGEST ? LARGEST : (uint64_t)bytes;
}

/* So many bytes are put; after each object another one is asked for, most often a young one, so that some are spared.
 */
static void put_bytes(uint64_t *next, uint64_t total, int pass)
{
        double start = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), took;
        uint64_t bytes = 0, objects = 0, file_most = 0;
        struct store_status s;

        while (bytes < total) {
                uint64_t n = draw_bytes();
                double back = draw_unit();

                put_object((*next)++, n);
                bytes += n;
                if (++objects % 2)
                        look_up(*next - 1 - (uint64_t)((double)*next * back * back * back), false);
                if (objects % 512 == 0) {
                        store_status(store, &s);
                        file_most = s.file > file_most ? s.file : file_most;
                }
        }
        store_sync(store);
        took = seconds(CLOCK_MONOTONIC) - start;
        store_status(store, &s);
        printf("{\"step\":\"%s\",\"pass\":%d,\"objects\":%llu,\"mib_per_s\":%.1f,\"objects_per_s\":%.0f,"
               "\"cpu_us_each\":%.2f,\"file_most_of_size\":%.4f,\"free_pages_of_file\":%.4f,\"evicted\":%llu,"
               "\"error\":%d,\"rss_own_mib\":%.1f}\n",
               pass ? "evict" : "empty", pass, (unsigned long long)objects, (double)bytes / took / 1048576,
               (double)objects / took, (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)objects,
               (double)(file_most > s.file ? file_most : s.file) / (double)s.size,
               (double)(s.file - s.used) / (double)s.file, (unsigned long long)s.evicted, s.error,
               (double)resident_own() / 1048576);
}

static void measure_evict(void)
{
        uint64_t next = 0;

        open_store(evict_size);
        put_bytes(&next, evict_size * 7 / 10, 0);
        for (int pass = 1; pass <= PASSES; pass++)
                put_bytes(&next, evict_size, pass);
        close_store();
}

int main(int argc, char **argv)
{
        unsigned long count = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
        bool look = argc > 3 && strcmp(argv[3], "look") == 0;
        unsigned long bytes = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;

        if (argc < 3 || argc > 4 || (!count && (argc > 3 || strcmp(argv[1], "evict") != 0)) || bytes > LARGEST ||
            (argc > 3 && !bytes && !look)) {
                fprintf(stderr, "usage: bench_store evict|COUNT DIRECTORY [BYTES|look]\n");
                return 2;
        }
        directory = argv[2];
        setvbuf(stdout, NULL, _IOLBF, 0);
        for (size_t i = 0; i < sizeof payload; i++)
                payload[i] = (char)draw();
        if (look)
                measure_look_ups(count);
        else if (bytes)
                measure_fill(count, bytes);
        else if (count)
                measure_many(count);
        else
                measure_evict();
        return 0;
}
