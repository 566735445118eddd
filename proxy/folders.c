/* Three kinds: stores and the access log's directory belong to the proxy; the control socket's stays with root, is
 * writable for the proxy's group, and is sticky, since what the warden remembers lies there too and must not be
 * replaced. Only a directory made here changes its owner: the operator may have named /tmp. */
#include "proxy/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/log.h"

struct owner {
        uid_t uid;
        gid_t gid;
};

/* Owner and mode are given to the very directory that was made: where the one above belongs to the proxy, another may
 * stand under its name by now, or a link to one of root's. */
static int make(const char *path, mode_t mode, struct owner owner)
{
        int fd, error = 0;

        if (mkdir(path, 0700) != 0)
                return errno;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fchown(fd, owner.uid, owner.gid) != 0 || fchmod(fd, mode) != 0) {
                error = errno;
                rmdir(path);
        }
        if (fd >= 0)
                close(fd);
        return error;
}

/* With all directories above it, which belong to root and are open to read. 0 as well if it is there. */
static int make_all(char *path, mode_t mode, struct owner owner)
{
        const struct owner root = {geteuid(), getegid()};
        int error;

        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                error = make(path, 0755, root);
                *slash = '/';
                if (error && error != EEXIST)
                        return error;
        }
        error = make(path, mode, owner);
        return error == EEXIST ? 0 : error;
}

/* ---- which they are ------------------------------------------------------------------------------------------------
 */

struct folder {
        const char *path;
        size_t len;  /* how much of it names the directory; 0: none is wanted */
        bool shared; /* the control socket's */
};

static size_t folder_length(const char *file)
{
        const char *slash = strrchr(file, '/');

        return slash && slash > file ? (size_t)(slash - file) : 0;
}

/* Number `i` of them; false beyond the last one. */
static bool folder_number(const struct config *c, size_t i, struct folder *f)
{
        if (i < c->store_count)
                *f = (struct folder){c->stores[i].path, strlen(c->stores[i].path), false};
        else if (i == c->store_count)
                *f = (struct folder){c->log.access, folder_length(c->log.access), false};
        else
                *f = (struct folder){c->admin.control, folder_length(c->admin.control), true};
        while (f->len > 1 && f->path[f->len - 1] == '/')
                f->len--;
        return i < c->store_count + 2;
}

void folders_make(const struct config *c)
{
        const struct passwd *p = c->user[0] ? getpwnam(c->user) : NULL;
        struct owner proxy = {p ? p->pw_uid : geteuid(), p ? p->pw_gid : getegid()};
        struct owner shared = {geteuid(), proxy.gid};
        struct folder f;

        for (size_t i = 0; folder_number(c, i, &f); i++) {
                char *path = f.len ? strndup(f.path, f.len) : NULL;
                int error = 0;

                if (f.len)
                        error = path ? make_all(path, f.shared ? 01775 : 0750, f.shared ? shared : proxy) : ENOMEM;
                if (error)
                        log_errno(LOG_WARNING, error, "directory %.*s cannot be made", (int)f.len, f.path);
                free(path);
        }
}

bool folders_there(const struct config *c)
{
        struct folder f;
        struct stat s;
        bool all = true;

        for (size_t i = 0; folder_number(c, i, &f); i++) {
                char *path = f.len ? strndup(f.path, f.len) : NULL;

                if (path && stat(path, &s) != 0 && errno == ENOENT) {
                        log_say(LOG_ERR, "directory %s is not there, and only a restart makes it", path);
                        all = false;
                }
                free(path);
        }
        return all;
}
