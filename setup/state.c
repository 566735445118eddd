/* What stands under the name is looked at twice: before it is opened, and once it is. */
#include "setup/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 256 };

static bool is_ours(const struct stat *s)
{
        return S_ISREG(s->st_mode) && s->st_uid == geteuid() && s->st_nlink == 1;
}

static void remove_others(const char *path)
{
        struct stat s;

        if (lstat(path, &s) == 0 && !is_ours(&s))
                unlink(path);
}

static int flags_of(const char *mode)
{
        return mode[0] == 'a' ? O_RDWR | O_APPEND | O_CREAT : O_RDONLY;
}

FILE *state_open(const char *path, const char *mode)
{
        struct stat s;
        FILE *file = NULL;
        int fd, error;

        remove_others(path);
        fd = open(path, flags_of(mode) | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
        if (fd < 0)
                return NULL;
        error = fstat(fd, &s) != 0 ? errno : is_ours(&s) ? 0 : EPERM;
        if (!error)
                file = fdopen(fd, mode);
        if (!error && !file)
                error = errno;
        if (!file) {
                close(fd);
                errno = error;
        }
        return file;
}

static bool holds(FILE *state, const char *line, size_t known)
{
        char held[LINE];

        rewind(state);
        while (fgets(held, sizeof held, state))
                if (strncmp(held, line, known) == 0)
                        return true;
        return false;
}

int state_remember(const char *path, const char *line, size_t known)
{
        FILE *state = state_open(path, "a+");
        int error = 0;

        if (!state)
                return -errno;
        if (!holds(state, line, known) && fputs(line, state) < 0)
                error = -EIO;
        return fclose(state) == 0 ? error : -errno;
}
