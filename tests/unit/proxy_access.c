/* The file: lines wait in the buffer, are written whole, and follow the file's name when it is opened again. */
#include "proxy/access.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/limpid-access-XXXXXX";
static char path[64], moved[64];
static struct access_log *log_file;
static const struct access_entry entry = {.host = {"example.com", 11},
                                          .path = {"/", 1},
                                          .method = {"GET", 3},
                                          .port = 80,
                                          .status = 200,
                                          .result = "TCP_HIT",
                                          .hierarchy = "HIER_NONE"};

static void set_up(void)
{
        cr_assert_not_null(mkdtemp(directory));
        snprintf(path, sizeof path, "%s/access.log", directory);
        snprintf(moved, sizeof moved, "%s/access.log.1", directory);
        cr_assert_eq(access_log_open(&log_file, path, LOG_SQUID), 0);
}

static void tear_down(void)
{
        access_log_close(&log_file);
        cr_expect_null(log_file);
        access_log_close(&log_file);
        unlink(path);
        unlink(moved);
        rmdir(directory);
}

TestSuite(access, .init = set_up, .fini = tear_down);

static long size_of(const char *name)
{
        struct stat s;

        return stat(name, &s) == 0 ? (long)s.st_size : -1;
}

/* How many lines; that each is a whole one is checked. */
static long lines_of(const char *name)
{
        FILE *f = fopen(name, "r");
        char line[1024];
        long n = 0;

        cr_assert_not_null(f);
        while (fgets(line, sizeof line, f)) {
                cr_expect_not_null(strstr(line, " TCP_HIT/200 0 GET http://example.com/ - HIER_NONE/- -\n"));
                n++;
        }
        fclose(f);
        return n;
}

Test(access, nothing_is_written_before_a_flush)
{
        struct access *a = access_new(log_file);

        cr_assert_not_null(a);
        access_write(a, &entry);
        cr_expect_eq(size_of(path), 0);
        access_flush(a);
        cr_expect_eq(lines_of(path), 1);
        access_flush(a);
        cr_expect_eq(lines_of(path), 1);
        access_write(a, &entry);
        access_free(&a);
        cr_expect_null(a);
        cr_expect_eq(lines_of(path), 2, "freeing flushes");
        access_free(&a);
}

Test(access, a_full_buffer_writes_itself_in_whole_lines)
{
        struct access *a = access_new(log_file);
        long n = 0;

        while (size_of(path) == 0 && n < 100000) {
                access_write(a, &entry);
                n++;
        }
        cr_expect_gt(n, 100);
        cr_expect_eq(lines_of(path), n - 1);
        access_free(&a);
        cr_expect_eq(lines_of(path), n);
}

Test(access, only_the_group_may_read_it)
{
        struct stat s;

        cr_assert_eq(stat(path, &s), 0);
        cr_expect_eq(s.st_mode & 07, 0);
}

Test(access, an_existing_file_grows)
{
        struct access_log *second;
        struct access *a;

        for (int i = 0; i < 2; i++) {
                cr_assert_eq(access_log_open(&second, path, LOG_SQUID), 0);
                a = access_new(second);
                access_write(a, &entry);
                access_free(&a);
                access_log_close(&second);
        }
        cr_expect_eq(lines_of(path), 2);
}

Test(access, a_file_that_cannot_be_opened)
{
        struct access_log *none = log_file;

        cr_expect_eq(access_log_open(&none, "/nonexistent/access.log", LOG_JSON), ENOENT);
        cr_expect_null(none);
        cr_expect_eq(access_log_open(&none, directory, LOG_JSON), EISDIR);
}

Test(access, reopening_follows_the_name)
{
        struct access *a = access_new(log_file);

        access_write(a, &entry);
        access_flush(a);
        cr_assert_eq(rename(path, moved), 0);
        access_write(a, &entry);
        access_flush(a);
        cr_expect_eq(lines_of(moved), 2, "until it is opened again");
        cr_assert_eq(access_log_reopen(log_file), 0);
        access_write(a, &entry);
        access_free(&a);
        cr_expect_eq(lines_of(moved), 2);
        cr_expect_eq(lines_of(path), 1);
}

Test(access, a_reopening_that_fails_keeps_the_old_file)
{
        struct access *a = access_new(log_file);

        cr_assert_eq(rename(path, moved), 0);
        cr_assert_eq(mkdir(path, 0700), 0);
        cr_expect_eq(access_log_reopen(log_file), EISDIR);
        access_write(a, &entry);
        access_free(&a);
        cr_expect_eq(lines_of(moved), 1);
        rmdir(path);
}

Test(access, a_full_disk_is_said_once_and_survived)
{
        struct access_log *full;
        struct access *a;
        char said[4096];
        int fds[2];
        ssize_t n;

        cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
        cr_assert_eq(access_log_open(&full, "/dev/full", LOG_SQUID), 0);
        a = access_new(full);
        dup2(fds[1], STDERR_FILENO);
        for (int i = 0; i < 3; i++) {
                access_write(a, &entry);
                access_flush(a);
        }
        n = read(fds[0], said, sizeof said - 1);
        cr_assert_gt(n, 0);
        said[n] = 0;
        cr_expect_not_null(strstr(said, "access log /dev/full: lines are lost: No space left on device\n"));
        cr_expect_eq(strchr(said, '\n') - said, n - 1, "one line");
        access_free(&a);
        access_log_close(&full);
}

enum { WRITERS = 4, EACH = 5000 };

static void *write_many(void *unused)
{
        struct access *a = access_new(log_file);

        (void)unused;
        for (int i = 0; i < EACH; i++)
                access_write(a, &entry);
        access_free(&a);
        return NULL;
}

Test(access, many_workers_and_a_rotation_lose_no_line)
{
        pthread_t threads[WRITERS];

        for (int i = 0; i < WRITERS; i++)
                cr_assert_eq(pthread_create(&threads[i], NULL, write_many, NULL), 0);
        rename(path, moved);
        cr_assert_eq(access_log_reopen(log_file), 0);
        for (int i = 0; i < WRITERS; i++)
                pthread_join(threads[i], NULL);
        cr_expect_eq(lines_of(path) + lines_of(moved), WRITERS * EACH);
}
