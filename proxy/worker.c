/* Worker threads: set-up, the loop, accepting, the tick, the mailbox, draining. */
#include "proxy/worker.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cache/time_slice.h"
#include "proxy/client.h"
#include "proxy/datagram.h"
#include "proxy/exchange.h"
#include "proxy/log.h"

enum {
        TICKS_PER_SECOND = 4,
        DRAIN_TICKS = 7,       /* connections whose handshake is under way get this long to arrive (TCP_DEFER_ACCEPT) */
        DRAIN_TICKS_MAX = 100, /* after 25 s of draining what is left is cut off */
        ACCEPT_BATCH = 64
};

int64_t worker_clock(void)
{
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t monotonic_seconds(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
        return t.tv_sec;
}

/* ---- mailbox --------------------------------------------------------------------------------------------------- */

void worker_post(struct worker *w, struct note *note)
{
        bool first;

        pthread_mutex_lock(&w->mail_lock);
        first = !w->mail;
        note->next = w->mail;
        w->mail = note;
        pthread_mutex_unlock(&w->mail_lock);
        /* A full counter means that it is readable already. */
        if (first && write(w->mail_fd, &(uint64_t){1}, sizeof(uint64_t)) < 0 && errno != EAGAIN)
                log_errno(LOG_ERR, errno, "worker %u cannot be woken", w->index);
}

static void take_mail(struct worker *w)
{
        struct note *mail;

        pthread_mutex_lock(&w->mail_lock);
        mail = w->mail;
        w->mail = NULL;
        pthread_mutex_unlock(&w->mail_lock);
        while (mail) {
                struct note *note = mail;

                mail = note->next;
                note->deliver(note);
        }
}

static void mail_event(evutil_socket_t fd, short what, void *argument)
{
        struct worker *w = argument;
        uint64_t n;

        (void)what;
        if (read(fd, &n, sizeof n) < 0 && errno != EAGAIN)
                log_errno(LOG_ERR, errno, "worker %u: eventfd", w->index);
        take_mail(w);
}

/* ---- accepting --------------------------------------------------------------------------------------------------- */

/* No descriptor is left: what waits to be accepted waits until the next tick, and the loop does not spin. */
static void pause_listening(struct worker *w)
{
        proxy_overload(w->proxy);
        for (unsigned i = 0; i < w->listener_count; i++)
                event_del(w->listeners[i]);
        w->paused = true;
}

static void resume_listening(struct worker *w)
{
        for (unsigned i = 0; i < w->listener_count; i++)
                event_add(w->listeners[i], NULL);
        w->paused = false;
}

static void accept_some(evutil_socket_t fd, short what, void *argument)
{
        struct worker *w = argument;

        (void)what;
        for (int i = 0; i < ACCEPT_BATCH; i++) {
                union address peer;
                socklen_t len = sizeof peer;
                int client = accept4(fd, &peer.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (client >= 0) {
                        client_accept(w, client, &peer);
                        continue;
                }
                if (errno == EMFILE || errno == ENFILE)
                        pause_listening(w);
                if (errno != EINTR && errno != ECONNABORTED)
                        return;
        }
}

static void stop_listening(struct worker *w)
{
        for (unsigned i = 0; i < w->listener_count; i++) {
                evutil_socket_t fd = event_get_fd(w->listeners[i]);

                event_free(w->listeners[i]);
                close(fd);
        }
        w->listener_count = 0;
}

/* ---- the tick ---------------------------------------------------------------------------------------------------- */

/* The gate was shut before draining begins: accept what was on its way, then close what is idle, then wait for the
 * rest. */
static void drain(struct worker *w)
{
        if (++w->ticks_draining < DRAIN_TICKS)
                return;
        stop_listening(w);
        clients_close_idle(w);
        if (!w->clients || w->ticks_draining > DRAIN_TICKS_MAX)
                event_base_loopbreak(w->base);
}

static void tick(evutil_socket_t fd, short what, void *argument)
{
        struct worker *w = argument;

        (void)fd;
        (void)what;
        atomic_fetch_add_explicit(&w->beats, 1, memory_order_relaxed);
        wheel_turn(&w->wheel, monotonic_seconds());
        if (w->access)
                access_flush(w->access);
        for (size_t i = 0; i < w->proxy->store_count; i++)
                if (w->readers[i] && w->beats % TICKS_PER_SECOND == 0)
                        reader_tick(w->readers[i]);
        if (w->paused)
                resume_listening(w);
        if (atomic_load_explicit(&w->proxy->draining, memory_order_relaxed))
                drain(w);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static bool add_listener(struct worker *w, int family, uint16_t port)
{
        int fd = listen_socket(w->proxy->config, family, port);
        struct event *e;

        if (fd == -EAFNOSUPPORT && family == AF_INET6)
                return true; /* IPv6 is switched off on this machine */
        if (fd == -EADDRNOTAVAIL && family == AF_INET6)
                return true;
        if (fd < 0) {
                log_errno(LOG_ERR, -fd, "cannot listen on port %u (IPv%c)", port, family == AF_INET6 ? '6' : '4');
                return false;
        }
        e = event_new(w->base, fd, EV_READ | EV_PERSIST, accept_some, w);
        if (!e || event_add(e, NULL) != 0) {
                if (e)
                        event_free(e);
                close(fd);
                return false;
        }
        w->listeners[w->listener_count++] = e;
        return true;
}

static bool listen_all(struct worker *w)
{
        const struct setup_options *setup = &w->proxy->config->setup;
        bool mark = setup->form == SETUP_MARK;
        size_t ports = mark ? setup->port_count : 1;

        for (size_t i = 0; i < ports && w->listener_count + 2 <= LISTENERS_MAX; i++) {
                uint16_t port = mark ? setup->ports[i] : setup->listen_port;

                if (!add_listener(w, AF_INET, port) || (setup->ipv6 && !add_listener(w, AF_INET6, port)))
                        return false;
        }
        return true;
}

static bool make_base(struct worker *w)
{
        static const struct timeval period = {0, 1000000 / TICKS_PER_SECOND};
        struct event_config *c = event_config_new();

        if (!c)
                return false;
        /* With the changelist a connection that comes, is served and goes within one turn costs no epoll_ctl at all. */
        event_config_set_flag(c, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
        event_config_set_flag(c, EVENT_BASE_FLAG_NOLOCK);
        w->base = event_base_new_with_config(c);
        event_config_free(c);
        if (!w->base)
                return false;
        if (!turns_make(w, exchange_serve))
                return false;
        w->tick = event_new(w->base, -1, EV_PERSIST, tick, w);
        w->mail_event = event_new(w->base, w->mail_fd, EV_READ | EV_PERSIST, mail_event, w);
        return w->tick && w->mail_event && event_add(w->tick, &period) == 0 && event_add(w->mail_event, NULL) == 0;
}

static bool make_readers(struct worker *w)
{
        struct proxy *p = w->proxy;

        w->readers = calloc(p->store_count + 1, sizeof(struct reader *));
        for (size_t i = 0; w->readers && i < p->store_count; i++)
                if (p->stores[i] && reader_open(&w->readers[i], p->stores[i]) != 0)
                        return false;
        return w->readers != NULL;
}

static bool make_buffers(struct worker *w)
{
        w->scratch = malloc(SCRATCH_SIZE);
        w->page = malloc(PAGE_SIZE_MAX);
        w->fields = malloc(PAGE_SIZE_MAX);
        w->key_text = malloc(KEY_TEXT_MAX);
        w->hosts = hosts_new();
        if (w->proxy->access_log)
                w->access = access_new(w->proxy->access_log);
        return w->scratch && w->page && w->fields && w->key_text && w->hosts && (!w->proxy->access_log || w->access);
}

int worker_new(struct worker **made, struct proxy *p, unsigned index)
{
        struct worker *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);

        if (!w)
                return ENOMEM;
        memset(w, 0, sizeof *w);
        w->proxy = p;
        w->index = index;
        w->wheel.now = monotonic_seconds();
        pthread_mutex_init(&w->mail_lock, NULL);
        w->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (w->mail_fd < 0 || !make_base(w) || !make_buffers(w) || !make_readers(w)) {
                log_say(LOG_ERR, "worker %u cannot be set up", index);
                worker_free(&w);
                return ENOMEM;
        }
        if (!listen_all(w) || datagrams_new(&w->datagrams, w) != 0) {
                worker_free(&w);
                return EADDRINUSE;
        }
        *made = w;
        return 0;
}

static void *run(void *argument)
{
        struct worker *w = argument;
        char name[16]; /* what the kernel keeps of it; for whoever looks with top(1) */

        snprintf(name, sizeof name, "worker %u", w->index);
        pthread_setname_np(pthread_self(), name);
        time_slice(TIME_SLICE_WORKER_NS);
        event_base_dispatch(w->base);
        clients_cut_off(w);
        return NULL;
}

int worker_start(struct worker *w)
{
        return pthread_create(&w->thread, NULL, run, w);
}

static void close_readers(struct worker *w)
{
        for (size_t i = 0; w->readers && i < w->proxy->store_count; i++)
                if (w->readers[i])
                        reader_close(&w->readers[i]);
}

void worker_join(struct worker *w)
{
        pthread_join(w->thread, NULL);
        take_mail(w);     /* its readers have left their fills; what is on its way to them holds those */
        close_readers(w); /* the stores are closed next, and what they still deliver finds the mailbox */
}

void worker_free(struct worker **held)
{
        struct worker *w = *held;

        *held = NULL;
        if (!w)
                return;
        stop_listening(w);
        datagrams_free(&w->datagrams);
        while (w->pool.oldest) {
                struct upstream *u = w->pool.oldest;

                pool_remove(&w->pool, u);
                upstream_close(&u, false);
        }
        take_mail(w);
        exchanges_free(w);
        close_readers(w);
        free(w->readers);
        access_free(&w->access);
        hosts_free(&w->hosts);
        free(w->scratch);
        free(w->page);
        free(w->fields);
        free(w->key_text);
        turns_unmake(w);
        if (w->tick)
                event_free(w->tick);
        if (w->mail_event)
                event_free(w->mail_event);
        if (w->base)
                event_base_free(w->base);
        if (w->mail_fd >= 0)
                close(w->mail_fd);
        pthread_mutex_destroy(&w->mail_lock);
        free(w);
}
