/* What systemd would receive. */
#include "proxy/notify.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int listen_at(const char *name)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

        memcpy(a.sun_path, name, strlen(name));
        if (name[0] == '@')
                a.sun_path[0] = 0;
        cr_assert_eq(bind(fd, (const struct sockaddr *)&a,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
        setenv("NOTIFY_SOCKET", name, 1);
        return fd;
}

static void expect_state(int fd)
{
        char text[64] = "";

        notify("READY=1");
        cr_expect_eq(recv(fd, text, sizeof text - 1, MSG_DONTWAIT), 7);
        cr_expect_str_eq(text, "READY=1");
        close(fd);
}

Test(notify, by_a_path)
{
        char path[64];

        snprintf(path, sizeof path, "/tmp/limpid-notify-%d", (int)getpid());
        expect_state(listen_at(path));
        notify("READY=1"); /* to nobody any more */
        unlink(path);
}

Test(notify, by_an_abstract_name)
{
        char name[64];

        snprintf(name, sizeof name, "@limpid-notify-%d", (int)getpid());
        expect_state(listen_at(name));
}

Test(notify, nowhere)
{
        char name[200];

        unsetenv("NOTIFY_SOCKET");
        notify("READY=1");
        setenv("NOTIFY_SOCKET", "", 1);
        notify("READY=1");
        memset(name, 'x', sizeof name - 1);
        name[sizeof name - 1] = 0;
        setenv("NOTIFY_SOCKET", name, 1);
        notify("READY=1");
}

Test(notify, a_reload_says_when_it_began)
{
        char name[64], text[64] = "";
        int fd;

        snprintf(name, sizeof name, "@limpid-notify-%d", (int)getpid());
        fd = listen_at(name);
        notify_reloading(1234567890123);
        cr_expect_gt(recv(fd, text, sizeof text - 1, MSG_DONTWAIT), 0);
        cr_expect_str_eq(text, "RELOADING=1\nMONOTONIC_USEC=1234567890123000");
        close(fd);
}
