/* What is said arrives on stderr as one line, whatever is in it. stderr is a pipe here, which the test reads. */
#include "proxy/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int pipe_fds[2];
static char said[8192];

static void open_pipe(void)
{
        cr_assert_eq(pipe2(pipe_fds, O_NONBLOCK), 0);
        cr_assert_eq(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
        unsetenv("JOURNAL_STREAM");
        log_open(LOG_INFO);
}

TestSuite(log, .init = open_pipe);

static const char *read_back(void)
{
        ssize_t n = read(pipe_fds[0], said, sizeof said - 1);

        said[n > 0 ? n : 0] = 0;
        return said;
}

static void name_journal(int offset)
{
        char name[64];
        struct stat s;

        fstat(STDERR_FILENO, &s);
        snprintf(name, sizeof name, "%lu:%lu", (unsigned long)s.st_dev,
                 (unsigned long)s.st_ino + (unsigned long)offset);
        setenv("JOURNAL_STREAM", name, 1);
        log_open(LOG_INFO);
}

Test(log, a_line_has_a_time_and_a_word)
{
        int year, month, day, hour, minute, second, ms, end = 0;

        log_say(LOG_WARNING, "port %d", 80);
        sscanf(read_back(), "%4d-%2d-%2d %2d:%2d:%2d.%3d warning: port 80%n", &year, &month, &day, &hour, &minute,
               &second, &ms, &end);
        cr_assert_gt(end, 0);
        cr_expect_str_eq(said + end, "\n");
}

Test(log, in_the_journal_a_line_has_a_priority)
{
        name_journal(0);
        log_say(LOG_ERR, "port %d", 80);
        cr_expect_str_eq(read_back(), "<3>port 80\n");
}

Test(log, a_stderr_that_was_redirected_is_not_the_journal)
{
        name_journal(1);
        log_say(LOG_ERR, "x");
        cr_expect_neq(read_back()[0], '<');
        setenv("JOURNAL_STREAM", "junk", 1);
        log_open(LOG_INFO);
        log_say(LOG_ERR, "x");
        cr_expect_neq(read_back()[0], '<');
}

Test(log, the_level_decides)
{
        log_say(LOG_DEBUG, "no");
        log_errno(LOG_DEBUG, EIO, "no");
        cr_expect_str_eq(read_back(), "");
        log_open(LOG_DEBUG);
        log_say(LOG_DEBUG, "yes");
        cr_expect_not_null(strstr(read_back(), "debug: yes\n"));
}

Test(log, an_errno_is_named_and_kept)
{
        errno = EPERM;
        log_errno(LOG_ERR, ENOSPC, "disk %s", "a");
        cr_expect_eq(errno, EPERM);
        cr_expect_not_null(strstr(read_back(), "error: disk a: No space left on device\n"));
}

Test(log, nobody_can_forge_a_line)
{
        name_journal(0);
        log_say(LOG_INFO, "host %s", "a\n<3>forged\x1b[2J\r");
        cr_expect_str_eq(read_back(), "<6>host a\\x0A<3>forged\\x1B[2J\\x0D\n");
}

Test(log, a_long_line_is_cut_and_ends)
{
        static char text[100000];
        size_t len;

        memset(text, '\n', sizeof text - 1);
        log_say(LOG_INFO, "%s", text);
        len = strlen(read_back());
        cr_expect_gt(len, 1000);
        cr_expect_leq(len, 4096);
        cr_expect_eq(said[len - 1], '\n');
        cr_expect_eq(strchr(said, '\n') - said, (long)len - 1);
}

Test(log, a_stderr_that_is_gone_does_no_harm)
{
        close(STDERR_FILENO);
        log_say(LOG_INFO, "x");
}
