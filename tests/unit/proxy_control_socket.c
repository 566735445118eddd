/* Whose socket file it is. */
#include "proxy/control_socket.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char folder[] = "/tmp/limpid-control-XXXXXX";
static char path[128];
static struct stat file;

static void make_folder(void)
{
        cr_assert_not_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/control", folder);
}

static void remove_folder(void)
{
        unlink(path);
        rmdir(folder);
}

TestSuite(control_socket, .init = make_folder, .fini = remove_folder);

static bool exists(void)
{
        struct stat s;

        return lstat(path, &s) == 0;
}

Test(control_socket, group_may_write_and_others_may_nothing)
{
        struct stat s;
        int fd;

        umask(077);
        fd = control_listen(path, &file);
        cr_assert(fd >= 0);
        cr_assert_eq(lstat(path, &s), 0);
        cr_expect(S_ISSOCK(s.st_mode));
        cr_expect_eq(s.st_mode & 0777, 0660);
        close(fd);
}

Test(control_socket, a_leftover_is_replaced)
{
        int fd = control_listen(path, &file);

        cr_assert(fd >= 0);
        close(fd);
        cr_assert(exists());
        fd = control_listen(path, &file);
        cr_expect(fd >= 0);
        close(fd);
}

Test(control_socket, one_that_answers_is_somebodys)
{
        int fd = control_listen(path, &file);
        struct stat other;

        cr_expect_eq(control_listen(path, &other), -EADDRINUSE);
        cr_expect(exists());
        close(fd);
}

Test(control_socket, what_is_no_socket_is_left_alone)
{
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

        close(fd);
        cr_expect_eq(control_listen(path, &file), -EEXIST);
        cr_expect(exists());
        unlink(path);
        cr_assert_eq(symlink("/nowhere", path), 0);
        cr_expect_eq(control_listen(path, &file), -EEXIST);
}

Test(control_socket, paths_that_cannot_be)
{
        char longest[200];

        memset(longest, 'x', sizeof longest);
        longest[199] = '\0';
        cr_expect_eq(control_listen(longest, &file), -ENAMETOOLONG);
        cr_expect_eq(control_listen("/nonexistent/folder/control", &file), -ENOENT);
}

Test(control_socket, only_our_own_is_removed)
{
        struct stat ours;
        int fd = control_listen(path, &ours), other;

        unlink(path);
        other = control_listen(path, &file);
        cr_assert(other >= 0);
        control_remove(path, &ours);
        cr_expect(exists());
        control_remove(path, &file);
        cr_expect_not(exists());
        control_remove(path, &file);
        close(fd);
        close(other);
}
