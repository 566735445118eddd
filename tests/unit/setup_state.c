/* setup/state.c: what somebody else has put under the name is neither believed nor written to. */
#include "setup/state.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/limpid-state-XXXXXX";
static char path[64], victim[64];

static void put(const char *name, const char *text)
{
        FILE *f = fopen(name, "w");

        cr_assert_not_null(f);
        fputs(text, f);
        fclose(f);
}

static void expect_text(const char *name, const char *text)
{
        char found[64] = "";
        FILE *f = fopen(name, "r");

        cr_assert_not_null(f);
        found[fread(found, 1, sizeof found - 1, f)] = 0;
        fclose(f);
        cr_expect_str_eq(found, text);
}

static void set_up(void)
{
        cr_assert_not_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/state", folder);
        snprintf(victim, sizeof victim, "%s/victim", folder);
        put(victim, "victim\n");
}

static void tear_down(void)
{
        unlink(path);
        unlink(victim);
        rmdir(folder);
}

TestSuite(state, .init = set_up, .fini = tear_down);

static void expect_added(void)
{
        FILE *f = state_open(path, "a+");

        cr_assert_not_null(f, "%s", strerror(errno));
        fputs("more\n", f);
        fclose(f);
        expect_text(path, "more\n");
        expect_text(victim, "victim\n");
}

static void expect_nothing_to_read(void)
{
        errno = 0;
        cr_expect_null(state_open(path, "r"));
        cr_expect_eq(errno, ENOENT);
}

Test(state, ours_is_made_added_to_and_read)
{
        char line[16];
        FILE *f = state_open(path, "a+");

        cr_assert_not_null(f);
        fputs("first\n", f);
        fclose(f);
        f = state_open(path, "a+");
        fputs("second\n", f);
        rewind(f);
        cr_expect_str_eq(fgets(line, sizeof line, f), "first\n");
        fclose(f);
        f = state_open(path, "r");
        cr_expect_str_eq(fgets(line, sizeof line, f), "first\n");
        fclose(f);
}

Test(state, what_was_found_first_is_remembered)
{
        cr_expect_eq(state_remember(path, "net/a 1\n", 6), 0);
        cr_expect_eq(state_remember(path, "net/b 2\n", 6), 0);
        cr_expect_eq(state_remember(path, "net/a 3\n", 6), 0);
        expect_text(path, "net/a 1\nnet/b 2\n");
        cr_expect_eq(state_remember("/nowhere/state", "net/a 1\n", 6), -ENOENT);
}

Test(state, a_link_is_not_followed)
{
        cr_assert_eq(symlink(victim, path), 0);
        expect_nothing_to_read();
        cr_assert_eq(symlink(victim, path), 0);
        expect_added();
}

Test(state, a_file_with_another_name_is_not_ours)
{
        cr_assert_eq(link(victim, path), 0);
        expect_added();
}

Test(state, a_pipe_holds_nothing_up)
{
        cr_assert_eq(mkfifo(path, 0600), 0);
        expect_nothing_to_read();
}

Test(state, somebody_elses_is_not_believed)
{
        if (geteuid() != 0)
                cr_skip_test("takes root");
        put(path, "sent by another\n");
        cr_assert_eq(chown(path, 65534, 65534), 0);
        expect_nothing_to_read();
}
