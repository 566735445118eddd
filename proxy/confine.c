/* Landlock (landlock(7)): every access to files is denied but beneath the directories named here. glibc of Debian 12
 * has no functions for it. Rights that came after the header of the build machine are spelled out. */
#include "proxy/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proxy/privilege.h"

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* ABI 3, Linux 6.2 */
#endif
#define ACCESS_FS_IOCTL_DEV (1ULL << 15) /* ABI 5, Linux 6.10 */

#define READ_FILE (LANDLOCK_ACCESS_FS_READ_FILE)
#define READ_TREE (READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define OF_FILES  (READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_TRUNCATE)
/* Regular files, directories and sockets; no devices, nothing executed. */
#define OWN_TREE                                                                                                       \
        (READ_TREE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_REMOVE_DIR |     \
         LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                  \
         LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REFER)

struct walls {
        int fd;
        uint64_t handled; /* what this kernel knows of */
};

/* Each version of Landlock's interface added rights behind those of the one before. */
static uint64_t rights_of(long abi)
{
        uint64_t first = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

        return first | (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) | (abi >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0) |
               (abi >= 5 ? ACCESS_FS_IOCTL_DEV : 0);
}

/* What does not exist needs no door. */
static int allow(const struct walls *w, const char *path, uint64_t rights)
{
        struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
        struct stat s;
        int error = 0;

        if (rule.parent_fd < 0)
                return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : errno;
        if (fstat(rule.parent_fd, &s) != 0) {
                error = errno;
                goto out;
        }
        rule.allowed_access = rights & w->handled & (S_ISDIR(s.st_mode) ? ~0ULL : OF_FILES);
        if (syscall(SYS_landlock_add_rule, w->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
                error = errno;
out:
        close(rule.parent_fd);
        return error;
}

/* The directory that a file lies in. */
static int allow_folder(const struct walls *w, const char *file, uint64_t rights)
{
        const char *slash = strrchr(file, '/');
        char *folder;
        int error;

        if (!slash)
                return 0;
        folder = strndup(file, slash == file ? 1 : (size_t)(slash - file));
        if (!folder)
                return ENOMEM;
        error = allow(w, folder, rights);
        free(folder);
        return error;
}

/* What libraries and the page read. /proc as a whole: an entry beneath it need not be the same file tomorrow. */
static int allow_reading(const struct walls *w, const struct config *c)
{
        const char *www = getenv("LIMPID_WWW");
        const char *const paths[] = {
                "/etc/resolv.conf",
                "/etc/hosts",
                "/etc/localtime",
                "/usr/share/zoneinfo",
                "/proc",
                "/sys/devices/system/cpu",
                "/dev/null",
                "/dev/urandom",
                c->admin.password_file,
                www && www[0] ? www : LIMPID_WWW,
        };
        int error = 0;

        for (size_t i = 0; i < sizeof paths / sizeof paths[0] && !error; i++)
                if (paths[i][0])
                        error = allow(w, paths[i], READ_TREE);
        return error;
}

static int allow_own(const struct walls *w, const struct config *c)
{
        int error = allow_folder(w, c->admin.control, OWN_TREE);

        if (!error && c->log.access[0])
                error = allow_folder(w, c->log.access, OWN_TREE);
        for (size_t i = 0; i < c->store_count && !error; i++)
                error = allow(w, c->stores[i].path, OWN_TREE);
        return error;
}

int confine_files(const struct config *c, const char **why)
{
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
        struct walls w = {-1, rights_of(abi)};
        struct landlock_ruleset_attr attributes = {.handled_access_fs = w.handled};
        int error;

        if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
                *why = "this kernel has no Landlock: the proxy's access to files is limited by its user alone";
                return 0;
        }
        *why = "the proxy's access to files cannot be limited (Landlock)";
        w.fd = abi < 0 ? -1 : (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
        if (w.fd < 0)
                return errno;
        error = allow_own(&w, c);
        if (!error)
                error = allow_reading(&w, c);
        if (!error && syscall(SYS_landlock_restrict_self, w.fd, 0) != 0)
                error = errno;
        close(w.fd);
        if (!error)
                *why = NULL;
        return error;
}

int privilege_confine(const struct config *c, const char **why)
{
        const char *remark;
        int error = confine_files(c, why);

        if (error)
                return error;
        remark = *why;
        error = confine_calls(why);
        if (!error)
                *why = remark;
        return error;
}
