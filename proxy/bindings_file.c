/* Written under another name and renamed: who reads finds the old or the new one. A power cut may leave an empty one,
 * which its signature tells. */
#include "proxy/bindings_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int path_of(char path[PATH_MAX], const char *directory, const char *name)
{
        int len = snprintf(path, PATH_MAX, "%s/%s", directory, name);

        return len > 0 && len < PATH_MAX ? 0 : ENAMETOOLONG;
}

int bindings_file_read(struct bindings *b, const char *directory)
{
        char path[PATH_MAX];
        int error = path_of(path, directory, "bindings");
        FILE *f;

        if (error)
                return error;
        f = fopen(path, "re");
        if (!f)
                return errno;
        error = bindings_load(b, f);
        fclose(f);
        return error;
}

int bindings_file_write(struct bindings *b, const char *directory)
{
        char path[PATH_MAX], fresh[PATH_MAX];
        int error = path_of(path, directory, "bindings"), fd;
        FILE *f = NULL;

        if (!error)
                error = path_of(fresh, directory, "bindings.new");
        if (error)
                return error;
        fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (fd >= 0)
                f = fdopen(fd, "w");
        if (!f) {
                error = errno;
                if (fd >= 0)
                        close(fd);
                return error;
        }
        error = bindings_save(b, f);
        if (fclose(f) != 0 && !error)
                error = errno;
        if (!error && rename(fresh, path) != 0)
                error = errno;
        if (error)
                unlink(fresh);
        return error;
}
