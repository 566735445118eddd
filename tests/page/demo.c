/* The operator's page with made-up, moving numbers: `page_demo [empty]`. Prints the page's URL on the first line, takes
 * commands on stdin, one a line, and ends with stdin:
 *
 *      gate open | gate shut           what the warden last said
 *      still N | move N                worker N hangs, or goes on
 *      store ok | store full | store gone
 *      host NAME                       makes NAME the busiest host
 *      flow on | flow off              traffic
 *
 * It runs the page's real code over a `struct proxy` that is filled by hand; what a store would say of itself comes
 * from the store_status below, which stands before the one in cache/. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/admin_http.h"
#include "proxy/clock.h"
#include "proxy/log.h"

enum { WORKERS = 4, HOSTS = 12, PAST_SECONDS = 320 };

struct store {
        struct store_status status;
};

struct demo {
        struct config config;
        struct config_store config_stores[2];
        struct proxy proxy;
        struct worker_view views[WORKERS];
        struct counters counters[WORKERS];
        _Atomic uint64_t beats[WORKERS];
        bool still[WORKERS];
        struct store stores[2], *store_list[2];
        struct watch *watch;
        struct page *page;
        bool flow;
        double second; /* of the made-up day */
};

void store_status(struct store *s, struct store_status *status)
{
        *status = s->status;
}

/* ---- traffic ----------------------------------------------------------------------------------------------------- */

static double wave(double at, double period, double phase)
{
        return sin(at * 2 * M_PI / period + phase);
}

static void add_requests(struct demo *d, size_t worker, double requests, double hit_share)
{
        struct counters *c = &d->counters[worker];
        int64_t n = (int64_t)requests, hits = (int64_t)(requests * hit_share), rest = n - hits;

        count(c, COUNTER_requests, n);
        count(c, COUNTER_hits, hits * 9 / 10);
        count(c, COUNTER_revalidated, hits - hits * 9 / 10);
        count(c, COUNTER_misses, rest * 3 / 4);
        count(c, COUNTER_passed, rest - rest * 3 / 4);
        count(c, COUNTER_stored, rest / 2);
        count(c, COUNTER_connections, n / 6);
        count(c, COUNTER_upstream_connects, rest / 5);
        count(c, COUNTER_upstream_reuses, rest - rest / 5);
}

static void add_bytes(struct demo *d, size_t worker, double bytes, double stored_share)
{
        static const char *const names[HOSTS] = {
                "deb.debian.org",
                "download.windowsupdate.com",
                "steamcontent.example",
                "au.download.example.com",
                "archive.ubuntu.com",
                "mirror.fedoraproject.test",
                "cdn.games.example.net",
                "swcdn.apple.example",
                "a-very-long-name-of-a-content-server-number-0042.edge.delivery.network.example",
                "ocsp.digicert.example",
                "pkg.freebsd.org",
                "connectivity-check.example"};
        struct counters *c = &d->counters[worker];

        count(c, COUNTER_bytes_clients, (int64_t)bytes);
        count(c, COUNTER_bytes_stored, (int64_t)(bytes * stored_share));
        count(c, COUNTER_bytes_origins, (int64_t)(bytes * (1 - stored_share) * 1.02));
        for (size_t i = 0; i < HOSTS; i++) {
                double part = bytes * pow(0.62, (double)i) * 0.38,
                       share = fmin(1, stored_share * (1.25 - 0.1 * (double)i));
                struct span name = {names[i], strlen(names[i])};

                hosts_add(d->views[worker].hosts, name, i % 3 != 0, (uint64_t)part, (uint64_t)(part * share));
        }
}

static void make_second(struct demo *d)
{
        double at = d->second++;

        for (size_t i = 0; i < WORKERS; i++) {
                double phase = (double)i * 1.3;
                double load =
                        1 + 0.35 * wave(at, 97, phase) + 0.2 * wave(at, 23, phase * 2) + 0.12 * wave(at, 7, phase * 3);
                double share = 0.72 + 0.14 * wave(at, 140, 1) + 0.05 * wave(at, 11, phase);

                if (!d->still[i])
                        atomic_fetch_add(&d->beats[i], 2);
                if (!d->flow || d->still[i])
                        continue;
                add_requests(d, i, 310 * load, share);
                add_bytes(d, i, 24e6 * load, share);
        }
        if (d->flow)
                d->stores[0].status.used += 100000;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static void set_store(struct demo *d, const char *how)
{
        d->stores[1].status.error = strcmp(how, "full") == 0 ? ENOSPC : 0;
        d->store_list[1] = strcmp(how, "gone") == 0 ? NULL : &d->stores[1];
}

static void obey(struct demo *d, const char *word, const char *argument)
{
        size_t worker = strtoul(argument, NULL, 10) % WORKERS;

        if (strcmp(word, "gate") == 0)
                atomic_store(&d->proxy.gate, strcmp(argument, "open") == 0);
        else if (strcmp(word, "still") == 0 || strcmp(word, "move") == 0)
                d->still[worker] = word[0] == 's';
        else if (strcmp(word, "store") == 0)
                set_store(d, argument);
        else if (strcmp(word, "flow") == 0)
                d->flow = strcmp(argument, "on") == 0;
        else if (strcmp(word, "host") == 0)
                hosts_add(d->views[0].hosts, (struct span){argument, strlen(argument)}, true, 1ULL << 42, 1ULL << 41);
        else
                fprintf(stderr, "no such command: %s\n", word);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
        struct demo *d = context;

        (void)fd;
        (void)what;
        make_second(d);
        watch_tick(d->watch, clock_ms());
        page_tick(d->page);
}

static void on_command(evutil_socket_t fd, short what, void *context)
{
        char line[1024];
        struct demo *d = context;
        ssize_t n = read(fd, line, sizeof line - 1);
        char *rest = line, *command;

        (void)what;
        line[n > 0 ? n : 0] = '\0';
        if (n <= 0)
                exit(0);
        while ((command = strsep(&rest, "\n"))) {
                char *argument = strchr(command, ' ');

                if (argument)
                        *argument++ = '\0';
                if (command[0])
                        obey(d, command, argument ? argument : "");
        }
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

static void make_stores(struct demo *d)
{
        static const char *const names[] = {"main", "games"};

        for (size_t i = 0; i < 2; i++) {
                d->config_stores[i] = (struct config_store){names[i], "/var/lib/limpid", 20ULL << (30 + i)};
                d->stores[i].status.size = d->config_stores[i].size;
                d->store_list[i] = &d->stores[i];
        }
        d->config.stores = d->config_stores;
        d->config.store_count = d->proxy.store_count = 2;
        d->proxy.stores = d->store_list;
}

static void make_proxy(struct demo *d)
{
        d->config.admin.listen = "127.0.0.1:0";
        d->config.admin.password_file = "";
        d->config.origin.spoof_client = true;
        d->proxy.config = &d->config;
        d->proxy.views = d->views;
        d->proxy.worker_count = WORKERS;
        atomic_store(&d->proxy.gate, 1);
        for (size_t i = 0; i < WORKERS; i++)
                d->views[i] = (struct worker_view){&d->counters[i], hosts_new(), &d->beats[i]};
        make_stores(d);
}

/* Five minutes and more of a day that is already busy. */
static void make_past(struct demo *d)
{
        d->flow = true;
        d->proxy.started = time(NULL) - 266400;
        for (int i = 0; i < 6000; i++)
                make_second(d);
        for (size_t i = 0; i < WORKERS; i++)
                count(&d->counters[i], COUNTER_connections_open, 280 + 7 * (int64_t)i);
        d->stores[0].status.used = 13ULL << 30;
        d->stores[0].status.responses = 84112;
        d->stores[0].status.evicted = 1203;
        d->stores[1].status.used = 38ULL << 30;
        d->stores[1].status.responses = 3107;
        for (int ago = PAST_SECONDS; ago >= 0; ago--) {
                make_second(d);
                watch_tick(d->watch, clock_ms() - ago * 1000);
        }
}

int main(int argc, char **argv)
{
        static const struct timeval second = {1, 0};
        static struct demo demo;
        struct event_base *base = event_base_new();
        bool empty = argc > 1 && strcmp(argv[1], "empty") == 0;

        log_open(LOG_NOTICE);
        signal(SIGPIPE, SIG_IGN);
        make_proxy(&demo);
        demo.proxy.started = time(NULL);
        demo.watch = watch_new(&demo.proxy, clock_ms() - (empty ? 0 : PAST_SECONDS * 2000));
        if (!empty)
                make_past(&demo);
        demo.page = page_open(base, demo.watch, &demo.config);
        if (!demo.page)
                return 1;
        event_add(event_new(base, -1, EV_PERSIST, on_tick, &demo), &second);
        event_add(event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_command, &demo), NULL);
        printf("http://127.0.0.1:%u/\n", (unsigned)page_port(demo.page));
        fflush(stdout);
        return event_base_dispatch(base) < 0;
}
