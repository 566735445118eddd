/* A socket file outlives the process that bound it: what is found under the name is either somebody's (they answer), a
 * leftover (ECONNREFUSED), or no socket at all and none of our business. */
#include "proxy/control_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 16, MODE = 0660 };

int control_address(struct sockaddr_un *address, const char *path)
{
        *address = (struct sockaddr_un){.sun_family = AF_UNIX};
        if (strlen(path) >= sizeof address->sun_path)
                return ENAMETOOLONG;
        memcpy(address->sun_path, path, strlen(path));
        return 0;
}

static const struct sockaddr *generic(const struct sockaddr_un *address)
{
        return (const struct sockaddr *)(const void *)address;
}

/* 0 if the name is free now. */
static int make_room(const struct sockaddr_un *address)
{
        struct stat found;
        int fd, error;

        if (lstat(address->sun_path, &found) != 0)
                return errno == ENOENT ? 0 : errno;
        if (!S_ISSOCK(found.st_mode))
                return EEXIST;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return errno;
        error = connect(fd, generic(address), sizeof *address) == 0 || errno == EAGAIN ? EADDRINUSE : errno;
        close(fd);
        if (error != ECONNREFUSED)
                return error;
        return unlink(address->sun_path) == 0 ? 0 : errno;
}

int control_listen(const char *path, struct stat *file)
{
        struct sockaddr_un address;
        int error = control_address(&address, path), fd;

        if (!error)
                error = make_room(&address);
        if (error)
                return -error;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* unix(7): the file gets the socket's mode less the umask, so it is never wider than it will be; a umask cannot
         * be changed for one thread, so the rest is given afterwards. */
        if (fchmod(fd, MODE) != 0 || bind(fd, generic(&address), sizeof address) != 0)
                goto fail;
        if (chmod(path, MODE) == 0 && lstat(path, file) == 0 && listen(fd, BACKLOG) == 0)
                return fd;
        error = errno;
        unlink(path);
        errno = error;
fail:
        error = errno;
        close(fd);
        return -error;
}

void control_remove(const char *path, const struct stat *file)
{
        struct stat found;

        if (lstat(path, &found) == 0 && found.st_dev == file->st_dev && found.st_ino == file->st_ino)
                unlink(path);
}
