/* One datagram a state to a UNIX socket; an address that begins with "@" is an abstract one (unix(7)). */
#include "proxy/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify(const char *state)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        size_t len = path ? strlen(path) : 0;
        int fd;

        if (len == 0 || len >= sizeof to.sun_path)
                return;
        memcpy(to.sun_path, path, len);
        if (path[0] == '@')
                to.sun_path[0] = 0;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&to,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
        close(fd);
}

void notify_reloading(int64_t now)
{
        char state[64];

        snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now * 1000);
        notify(state);
}
