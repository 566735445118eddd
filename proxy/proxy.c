/* The proxy process: from opening the stores to the last drained connection. Its main thread speaks with the warden and
 * sees to it that every worker moves; all else happens on the workers' threads. */
#include "proxy/proxy.h"

#include <errno.h>
#include <event2/thread.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "proxy/address.h"
#include "proxy/admin.h"
#include "proxy/bindings_file.h"
#include "proxy/channel.h"
#include "proxy/datagram.h"
#include "proxy/fill.h"
#include "proxy/gaps.h"
#include "proxy/log.h"
#include "proxy/names.h"
#include "proxy/pending.h"
#include "proxy/privilege.h"
#include "proxy/quota.h"
#include "proxy/resolve.h"
#include "proxy/sigbus.h"
#include "proxy/worker.h"

enum {
        BEAT_MS = 500,
        FD_RESERVE = 64,        /* for logs, stores, sockets of our own */
        BINDINGS_MAX = 1 << 18, /* pairs; 16 bytes each */
        CLIENT_LEAST = 64,      /* connections that each client may have, if there are so many */
        FILL_MEMORY_LEAST = 64 << 20
};

size_t proxy_store_index(const struct proxy *p, const struct key *key)
{
        return p->store_count > 1 ? key->hash[KEY_HASH - 1] % p->store_count : 0;
}

/* ---- starting ------------------------------------------------------------------------------------------------------
 */

/* Every client's connection may need one to its origin. */
static void limit_connections(struct proxy *p)
{
        struct rlimit limit = {0};
        rlim_t most, reserve = FD_RESERVE;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
        p->flows_max = datagram_flows(p->config, limit.rlim_cur, p->worker_count);
        reserve += datagram_descriptors(p->flows_max) * p->worker_count;
        most = limit.rlim_cur > reserve + FD_RESERVE ? (limit.rlim_cur - reserve) / 2 : FD_RESERVE / 2;
        p->connections_max = most > 1000000 ? 1000000 : (unsigned)most;
        if (p->config->max_connections && p->config->max_connections < p->connections_max)
                p->connections_max = p->config->max_connections;
}

/* A quarter for each client: it may be the gateway of many users, and four of them together are no accident. */
static unsigned client_limit(const struct proxy *p)
{
        unsigned quarter = p->connections_max / 4;

        if (p->config->max_connections_per_client)
                return p->config->max_connections_per_client;
        return quarter > CLIENT_LEAST ? quarter : CLIENT_LEAST;
}

/* For bodies that are arriving. */
static uint64_t fill_memory(const struct config *config)
{
        long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
        uint64_t eighth = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 8 : 0;

        if (config->fill_memory)
                return config->fill_memory;
        return eighth > FILL_MEMORY_LEAST ? eighth : FILL_MEMORY_LEAST;
}

static void open_stores(struct proxy *p)
{
        const struct config *config = p->config;
        char message[STORE_MESSAGE];

        p->stores = calloc(config->store_count + 1, sizeof *p->stores);
        if (p->stores)
                sigbus_watch(p->stores, config->store_count); /* to open one may be what ends the program */
        for (size_t i = 0; p->stores && i < config->store_count; i++) {
                struct store_options o = {.path = config->stores[i].path,
                                          .size = config->stores[i].size,
                                          .readers = (unsigned)p->worker_count + 8};

                if (store_open(&p->stores[i], &o, message) != 0)
                        log_say(LOG_ERR, "store \"%s\": %s; going on without it", config->stores[i].name, message);
                else if (message[0])
                        log_say(LOG_WARNING, "store \"%s\": %s", config->stores[i].name, message);
                p->store_count = i + 1;
        }
}

static void open_log(struct proxy *p)
{
        int error;

        if (!p->config->log.access[0])
                return;
        error = access_log_open(&p->access_log, p->config->log.access, p->config->log.format);
        if (error)
                log_errno(LOG_ERR, error, "access log %s; going on without it", p->config->log.access);
}

static int make_workers(struct proxy *p)
{
        p->workers = calloc(p->worker_count, sizeof *p->workers);
        p->views = calloc(p->worker_count, sizeof *p->views);
        if (!p->workers || !p->views)
                return ENOMEM;
        for (unsigned i = 0; i < p->worker_count; i++) {
                int error = worker_new(&p->workers[i], p, i);

                if (error)
                        return error;
                p->views[i] =
                        (struct worker_view){&p->workers[i]->counters, p->workers[i]->hosts, &p->workers[i]->beats};
        }
        return 0;
}

static int start_workers(struct proxy *p, size_t *started)
{
        for (*started = 0; *started < p->worker_count; ++*started) {
                int error = worker_start(p->workers[*started]);

                if (error)
                        return error;
        }
        return 0;
}

/* ---- the main thread -----------------------------------------------------------------------------------------------
 */

static void obey(struct proxy *p, const struct channel_message *m)
{
        int error = 0;

        switch (m->kind) {
        case CHANNEL_GATE:
                atomic_store(&p->gate, m->value ? 1 : 0);
                break;
        case CHANNEL_DRAIN:
                atomic_store(&p->draining, true);
                break;
        case CHANNEL_REOPEN:
                if (p->access_log)
                        error = access_log_reopen(p->access_log);
                if (error)
                        log_errno(LOG_ERR, error, "access log %s cannot be reopened", p->config->log.access);
                break;
        case CHANNEL_RESOLVER:
                trusted_hear(&p->trusted, m);
                break;
        default:
                break;
        }
}

/* True if every worker's loop has turned since the last time. */
static bool all_moved(const struct proxy *p, uint64_t *last)
{
        bool moved = true;

        for (size_t i = 0; i < p->worker_count; i++) {
                uint64_t beats = atomic_load_explicit(&p->workers[i]->beats, memory_order_relaxed);

                moved = moved && beats != last[i];
                last[i] = beats;
        }
        return moved;
}

/* Says what changed about the stores, once. */
static void watch_stores(const struct proxy *p, int *errors)
{
        for (size_t i = 0; i < p->store_count; i++) {
                struct store_status s;

                if (!p->stores[i])
                        continue;
                store_status(p->stores[i], &s);
                if (s.set_aside)
                        s.error = EIO;
                if (s.error && s.error != errors[i])
                        log_errno(LOG_ERR, s.error, "store \"%s\" stores nothing for now", p->config->stores[i].name);
                else if (!s.error && errors[i])
                        log_say(LOG_NOTICE, "store \"%s\" stores again", p->config->stores[i].name);
                errors[i] = s.error;
        }
}

static int64_t milliseconds(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for the warden or the next beat. False: the warden is gone, so draining begins. */
static bool listen_to_warden(struct proxy *p, int64_t until)
{
        struct pollfd fd = {p->channel, POLLIN, 0};
        struct channel_message m;

        for (;;) {
                int64_t left = until - milliseconds();

                if (left <= 0)
                        return true;
                if (poll(&fd, p->channel == PROXY_NO_CHANNEL ? 0 : 1, (int)left) < 0 && errno != EINTR)
                        return false;
                if (!fd.revents)
                        continue;
                while (channel_receive(p->channel, &m))
                        obey(p, &m);
                if (errno != EAGAIN)
                        return false;
        }
}

static void serve(struct proxy *p)
{
        uint64_t *beats = calloc(p->worker_count, sizeof *beats);
        int *errors = calloc(p->store_count + 1, sizeof *errors);
        int64_t next = milliseconds();

        while (beats && errors && !atomic_load(&p->draining)) {
                next += BEAT_MS;
                if (!listen_to_warden(p, next))
                        atomic_store(&p->draining, true);
                proxy_tend_gate(p, milliseconds());
                if (all_moved(p, beats))
                        proxy_beat(p);
                watch_stores(p, errors);
        }
        free(beats);
        free(errors);
}

/* While the workers drain, commands and the page are answered. */
static void close_all(struct proxy *p, struct admin *admin, size_t started)
{
        atomic_store(&p->draining, true);
        names_stop(p->names);
        for (size_t i = 0; i < started; i++)
                worker_join(p->workers[i]);
        if (admin)
                admin_stop(&admin);
        for (size_t i = 0; i < p->store_count; i++)
                if (p->stores[i])
                        store_close(&p->stores[i]);
        sigbus_watch(NULL, 0);
        for (size_t i = 0; p->workers && i < p->worker_count; i++)
                worker_free(&p->workers[i]);
        if (p->access_log)
                access_log_close(&p->access_log);
        pending_free(&p->pending);
        fills_free(&p->fills);
        gaps_free(&p->gaps);
        quota_free(&p->quota);
        names_free(&p->names);
        bindings_free(p->bindings);
        free(p->stores);
        free(p->workers);
        free(p->views);
}

/* Without look-ups everything works, but no two addresses share an entry unless the DNS relay has seen them. */
static void start_names(struct proxy *p, struct resolver *r)
{
        const char *directory = p->config->store_count ? p->config->stores[0].path : NULL;
        int error = directory ? bindings_file_read(p->bindings, directory) : 0;

        if (error && error != ENOENT)
                log_errno(LOG_WARNING, error, "what was known of names in %s cannot be used", directory);
        error = names_new(&p->names, p->bindings, r, &p->trusted, directory);

        if (error)
                log_errno(LOG_ERR, error, "names cannot be looked up; going on without that");
        p->names_counters = names_counters(p->names);
}

/* Before the first thread: Landlock holds for the thread that asks for it and for those that it starts. */
static bool confine(const struct config *config)
{
        const char *why = NULL;
        int error;

        error = privilege_confine(config, &why);
        if (error)
                log_errno(LOG_ERR, error, "%s", why ? why : "the proxy cannot be confined");
        else if (why)
                log_say(LOG_NOTICE, "%s", why);
        return !error;
}

int proxy_run(const struct config *config, int channel, const struct probe_token *token,
              const struct resolvers *resolvers)
{
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        struct proxy p = {.config = config, .channel = channel, .token = token, .gate = -1, .started = time(NULL)};
        struct admin *admin = NULL;
        struct resolver *resolver;
        size_t started = 0;
        int error;

        signal(SIGPIPE, SIG_IGN);
        evthread_use_pthreads();
        p.worker_count = config->workers ? config->workers : cores > 0 ? (size_t)cores : 1;
        trusted_begin(&p.trusted, resolvers);
        resolver = resolver_new(resolvers, config);
        if (!confine(config)) {
                resolver_free(&resolver);
                return 1;
        }
        p.pending = pending_new();
        p.fills = fills_new(fill_memory(config));
        p.gaps = gaps_new();
        p.bindings = bindings_new(BINDINGS_MAX);
        limit_connections(&p);
        p.quota = quota_new(client_limit(&p));
        open_stores(&p);
        open_log(&p);
        error = p.pending && p.fills && p.gaps && p.bindings && p.quota && p.stores ? make_workers(&p) : ENOMEM;
        if (!error)
                start_names(&p, resolver);
        else
                resolver_free(&resolver);
        if (!error && admin_start(&admin, &p) != 0)
                log_say(LOG_WARNING, "going on without the admin page and the control socket");
        if (!error)
                error = start_workers(&p, &started);
        if (!error) {
                proxy_tell_warden(&p, (struct channel_message){.kind = CHANNEL_READY});
                serve(&p);
        }
        close_all(&p, admin, started);
        return error ? 1 : 0;
}
