/* One connection to each: nothing is sent on it. What the machine itself sends is never intercepted. */
#include "proxy/doctor_reach.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/address.h"
#include "proxy/clock.h"
#include "setup/handed_back.h"

enum { TRIED = 8, PATIENCE_MS = 2000 };

struct trial {
        union address to[TRIED];
        struct pollfd fds[TRIED]; /* < 0: ended */
        bool answers[TRIED];
        size_t count;
};

static void begin(struct trial *t, const union address *to)
{
        int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        t->to[t->count] = *to;
        t->fds[t->count++] = (struct pollfd){fd, POLLOUT, 0};
        if (fd >= 0)
                (void)connect(fd, &to->sa, address_len(to)); /* its end is told by poll */
}

static void end(struct trial *t, size_t i)
{
        socklen_t len = sizeof(int);
        int error = 0;

        t->answers[i] =
                t->fds[i].revents && getsockopt(t->fds[i].fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && !error;
        close(t->fds[i].fd);
        t->fds[i].fd = -1;
}

static void wait_for_all(struct trial *t)
{
        int64_t until = clock_ms() + PATIENCE_MS, left;
        size_t open = t->count;

        while (open && (left = until - clock_ms()) > 0) {
                if (poll(t->fds, (nfds_t)t->count, (int)left) < 0)
                        break;
                open = 0;
                for (size_t i = 0; i < t->count; i++) {
                        if (t->fds[i].fd >= 0 && t->fds[i].revents)
                                end(t, i);
                        open += t->fds[i].fd >= 0;
                }
        }
        for (size_t i = 0; i < t->count; i++)
                if (t->fds[i].fd >= 0) {
                        t->fds[i].revents = 0;
                        end(t, i);
                }
}

static void say(const struct trial *t, void (*tell)(void *, const struct finding *), void *context)
{
        char text[ADDRESS_TEXT], what[256];
        size_t first = TRIED, answering = 0;

        for (size_t i = t->count; i-- > 0;)
                if (t->answers[i]) {
                        first = i;
                        answering++;
                }
        if (!answering)
                return;
        snprintf(what, sizeof what,
                 "%zu of %zu servers that did not answer Limpid in a client's name answer this machine itself, such as "
                 "%s",
                 answering, t->count, address_text(&t->to[first], text));
        tell(context,
             &(struct finding){DOCTOR_WARNING, what,
                               "their answers to clients' addresses go another way, or those addresses mean "
                               "nothing to them: such a connection is reset once, and then goes direct",
                               "route the clients' networks by this machine at the next router, masquerade, or "
                               "set origin.spoof_client = false"});
}

void doctor_reach(const struct config *config, void (*tell)(void *, const struct finding *), void *context)
{
        struct sockaddr_storage found[TRIED];
        struct trial t = {.count = 0};
        size_t count = handed_back_read(&config->setup, found, TRIED);

        for (size_t i = 0; i < count; i++) {
                union address to;

                memcpy(&to, &found[i], sizeof to);
                begin(&t, &to);
        }
        wait_for_all(&t);
        say(&t, tell, context);
}
