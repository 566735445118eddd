/* The claim is a listening socket with an abstract name (unix(7)): such names belong to the network namespace, as all
 * does that two would fight for, and go with the process. Who listens is known to the kernel; anybody could take the
 * name, so that only root's claim and our own user's counts. Nobody is answered: to be connected is the
 * answer, and who asks is let go of from time to time. */
#include "proxy/instance.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ASKERS = 4096 /* let go of at once: as many as can wait */ };

static const char name[] = "\0limpid";

static socklen_t claim_address(struct sockaddr_un *a)
{
        *a = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(a->sun_path, name, sizeof name - 1);
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof name - 1);
}

pid_t instance_running(void)
{
        struct sockaddr_un address;
        socklen_t len = claim_address(&address), size = sizeof(struct ucred);
        struct ucred holder = {.pid = 0};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return 0;
        if (connect(fd, (const struct sockaddr *)(const void *)&address, len) != 0 ||
            getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &holder, &size) != 0 ||
            (holder.uid != 0 && holder.uid != geteuid()))
                holder.pid = 0;
        close(fd);
        return holder.pid;
}

pid_t instance_claim(int *claim)
{
        struct sockaddr_un address;
        socklen_t len = claim_address(&address);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        *claim = -1;
        if (fd < 0)
                return 0;
        if (bind(fd, (const struct sockaddr *)(const void *)&address, len) == 0 && listen(fd, SOMAXCONN) == 0) {
                *claim = fd;
                return 0;
        }
        close(fd);
        return instance_running();
}

void instance_tend(int claim)
{
        int asker;

        /* Anybody may ask, and who asks without end must not hold up whoever calls this. */
        for (int i = 0; i < ASKERS && claim >= 0 && (asker = accept4(claim, NULL, NULL, SOCK_CLOEXEC)) >= 0; i++)
                close(asker);
}
