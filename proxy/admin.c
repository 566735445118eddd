/* One thread and one event loop, on which page and control socket live; it ticks once a second. Everything is opened
 * before the thread starts, so that it can be confined (files and sockets by path are not needed afterwards, but for
 * taking the control socket away) and so that the log's messages come in order. */
#include "proxy/admin.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/admin_http.h"
#include "proxy/clock.h"
#include "proxy/control.h"
#include "proxy/log.h"

struct admin {
        struct event_base *base;
        struct watch *watch;
        struct page *page;       /* NULL: none */
        struct control *control; /* NULL: none */
        struct event *tick, *stop;
        int stop_fd;
        pthread_t thread;
        bool started;
};

static void on_tick(evutil_socket_t fd, short what, void *context)
{
        struct admin *a = context;

        (void)fd;
        (void)what;
        watch_tick(a->watch, clock_ms());
        if (a->page)
                page_tick(a->page);
}

static void on_stop(evutil_socket_t fd, short what, void *context)
{
        struct admin *a = context;

        (void)fd;
        (void)what;
        event_base_loopbreak(a->base);
}

static void *run(void *context)
{
        struct admin *a = context;

        pthread_setname_np(pthread_self(), "admin");
        event_base_dispatch(a->base);
        return NULL;
}

/* Signals are for the main thread. */
static int start_thread(struct admin *a)
{
        sigset_t all, before;
        int error;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        error = pthread_create(&a->thread, NULL, run, a);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        a->started = error == 0;
        return error;
}

static int make_loop(struct admin *a, struct proxy *p)
{
        static const struct timeval second = {1, 0};

        a->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (a->stop_fd < 0)
                return errno;
        a->base = event_base_new();
        a->watch = watch_new(p, clock_ms());
        if (!a->base || !a->watch)
                return ENOMEM;
        watch_tick(a->watch, clock_ms());
        a->tick = event_new(a->base, -1, EV_PERSIST, on_tick, a);
        a->stop = event_new(a->base, a->stop_fd, EV_READ, on_stop, a);
        if (!a->tick || !a->stop || event_add(a->tick, &second) != 0 || event_add(a->stop, NULL) != 0)
                return ENOMEM;
        return 0;
}

/* A page or a control socket that cannot be opened is said, and no reason not to serve clients. */
static void open_sockets(struct admin *a, const struct config *config)
{
        int error;

        if (config->admin.listen[0])
                a->page = page_open(a->base, a->watch, config);
        if (!config->admin.control[0])
                return;
        error = control_open(&a->control, a->base, a->watch, config->admin.control);
        if (error)
                log_errno(LOG_ERR, error, "no control socket %s", config->admin.control);
}

int admin_start(struct admin **out, struct proxy *p)
{
        struct admin *a = calloc(1, sizeof *a);
        int error;

        *out = NULL;
        if (!a)
                return ENOMEM;
        error = make_loop(a, p);
        if (!error) {
                open_sockets(a, p->config);
                error = start_thread(a);
        }
        if (error)
                admin_stop(&a);
        *out = a;
        return error;
}

static void stop_thread(struct admin *a)
{
        static const uint64_t one = 1;

        /* An eventfd of our own at zero takes this. */
        while (write(a->stop_fd, &one, sizeof one) < 0 && errno == EINTR)
                ;
        pthread_join(a->thread, NULL);
}

void admin_stop(struct admin **admin)
{
        struct admin *a = *admin;

        if (!a)
                return;
        if (a->started)
                stop_thread(a);
        control_close(&a->control);
        page_close(&a->page);
        if (a->tick)
                event_free(a->tick);
        if (a->stop)
                event_free(a->stop);
        if (a->base)
                event_base_free(a->base);
        watch_free(&a->watch);
        if (a->stop_fd >= 0)
                close(a->stop_fd);
        free(a);
        *admin = NULL;
}

uint16_t admin_port(const struct admin *a)
{
        return a->page ? page_port(a->page) : 0;
}
