/* Three kinds: stores and the access log's directory belong to the proxy; the control socket's stays with root, is
 * writable for the proxy's group, and is sticky, since what the warden remembers lies there too and must not be
 * replaced. Only a directory made here changes its owner: the operator may have named /tmp. */
#include "proxy/folders.h"

#include <errno.h>
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

static int make(const char *path, mode_t mode, struct owner owner)
{
        if (mkdir(path, 0700) != 0)
                return errno;
        if (chown(path, owner.uid, owner.gid) != 0 || chmod(path, mode) != 0) {
                int error = errno;

                rmdir(path);
                return error;
        }
        return 0;
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

/* `len`: how much of `path` names the directory. */
static void want(const char *path, size_t len, mode_t mode, struct owner owner)
{
        char *folder;
        int error;

        while (len > 1 && path[len - 1] == '/')
                len--;
        folder = strndup(path, len);
        error = folder ? make_all(folder, mode, owner) : ENOMEM;

        if (error)
                log_errno(LOG_WARNING, error, "directory %s cannot be made", folder ? folder : path);
        free(folder);
}

static size_t folder_length(const char *file)
{
        const char *slash = strrchr(file, '/');

        return slash && slash > file ? (size_t)(slash - file) : 0;
}

void folders_make(const struct config *c)
{
        const struct passwd *p = c->user[0] ? getpwnam(c->user) : NULL;
        struct owner proxy = {p ? p->pw_uid : geteuid(), p ? p->pw_gid : getegid()};
        struct owner shared = {geteuid(), proxy.gid};
        size_t len;

        for (size_t i = 0; i < c->store_count; i++)
                want(c->stores[i].path, strlen(c->stores[i].path), 0750, proxy);
        len = folder_length(c->log.access);
        if (len)
                want(c->log.access, len, 0750, proxy);
        len = folder_length(c->admin.control);
        if (len)
                want(c->admin.control, len, 01775, shared);
}
