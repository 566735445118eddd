/* The thread of the look-ups: its queries, and what follows from their answers. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/bindings_file.h"
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/names_private.h"
#include "proxy/worker.h"

static void tell(struct ask *a)
{
        if (a->note)
                worker_post(a->worker, a->note);
        a->note = NULL;
}

static void drop(struct names *n, struct ask *a)
{
        tell(a);
        free(a);
        atomic_fetch_sub_explicit(&n->ask_count, 1, memory_order_relaxed);
}

static void set_heard(struct names *n, bool heard)
{
        atomic_store_explicit(&n->heard, heard, memory_order_relaxed);
        atomic_store_explicit(&n->counters.value[COUNTER_resolver_answers], heard, memory_order_relaxed);
}

static void hear(struct names *n)
{
        n->heard_at = clock_ms();
        if (n->complained)
                log_say(LOG_NOTICE, "look-ups of names are answered again");
        n->complained = false;
        set_heard(n, true);
}

/* An answer that does not come may be the fault of the name's own servers: the resolver is asked something simple, and
 * nobody waits before it has answered. */
static void suspect(struct names *n)
{
        if (!n->heard)
                return;
        set_heard(n, false);
        n->next_probe = 0;
}

static void hear_nothing(struct names *n)
{
        if (!n->complained)
                log_say(LOG_NOTICE, "no resolver answers: hosts are not bound to addresses for now");
        n->complained = true;
}

static struct asking *place_for(struct names *n, const char *host)
{
        struct asking *empty = NULL;

        for (size_t i = 0; i < QUERIES_MAX; i++) {
                struct asking *k = &n->askings[i];

                if (k->query && strcasecmp(k->host, host) == 0)
                        return k;
                if (!k->query)
                        empty = k;
        }
        return empty;
}

static void take_ask(struct names *n, struct ask *a)
{
        struct asking *k = place_for(n, a->host);

        if (k && !k->query && n->heard) {
                k->query = query_start(n->resolver, a->host);
                memcpy(k->host, a->host, sizeof k->host);
                count(&n->counters, COUNTER_lookups, k->query != NULL);
        }
        if (!k || !k->query) {
                drop(n, a);
                return;
        }
        a->next = k->asks;
        k->asks = a;
}

/* False: the thread is to end. */
static bool take_queue(struct names *n)
{
        struct ask *queue;
        bool stopping;

        pthread_mutex_lock(&n->lock);
        queue = n->queue;
        n->queue = NULL;
        stopping = n->stopping;
        pthread_mutex_unlock(&n->lock);
        while (queue) {
                struct ask *a = queue;

                queue = a->next;
                if (stopping)
                        drop(n, a);
                else
                        take_ask(n, a);
        }
        return !stopping;
}

static void end_asking(struct names *n, struct asking *k)
{
        while (k->asks) {
                struct ask *a = k->asks;

                k->asks = a->next;
                drop(n, a);
        }
        query_free(&k->query);
}

/* What was asked for and is not in the answer rests for a while. */
static void answered(struct names *n, struct asking *k, const struct answer *answer)
{
        struct span host = {k->host, strlen(k->host)};
        int64_t now = worker_clock() / 1000000;

        for (size_t i = 0; i < answer->count; i++)
                bindings_learn(n->bindings, host, &answer->addresses[i].address.sa, answer->addresses[i].ttl, now);
        for (const struct ask *a = k->asks; a; a = a->next)
                if (bindings_left(n->bindings, host, &a->destination.sa, now) <= BINDINGS_SOON)
                        bindings_learn(n->vain, host, &a->destination.sa, VAIN_SECONDS, now);
        count(&n->counters, COUNTER_lookups_failed, answer->resolved != RESOLVED_ADDRESSES);
        if (answer->resolved != RESOLVED_SILENT)
                hear(n);
        else if (clock_ms() - n->heard_at >= SILENT_MS)
                suspect(n);
        end_asking(n, k);
}

/* Who has waited for long enough goes on. */
static void pass_deadlines(struct names *n, int64_t now)
{
        for (size_t i = 0; i < QUERIES_MAX; i++)
                for (struct ask *a = n->askings[i].asks; a; a = a->next)
                        if (a->note && a->deadline <= now) {
                                if (n->heard_at <= a->deadline - NAMES_WAIT_MS) /* nothing at all meanwhile */
                                        suspect(n);
                                tell(a);
                        }
}

static int next_deadline(const struct names *n, int64_t now)
{
        int64_t left = TURN_MS;

        for (size_t i = 0; i < QUERIES_MAX; i++)
                for (const struct ask *a = n->askings[i].asks; a; a = a->next)
                        if (a->note && a->deadline - now < left)
                                left = a->deadline - now;
        return left > 0 ? (int)left : 0;
}

static void probe(struct names *n, int64_t now)
{
        if (n->heard || n->probe || now < n->next_probe)
                return;
        n->next_probe = now + PROBE_MS;
        n->probe = query_start(n->resolver, ".");
}

/* New resolvers may answer where the old ones did not. */
static void follow_resolvers(struct names *n)
{
        if (!trusted_follow(n->trusted, &n->copy) || !resolver_set(n->resolver, &n->copy.resolvers))
                return;
        log_say(LOG_NOTICE, "the resolvers are now those that %s names", RESOLVERS_PATH);
        n->next_probe = 0;
}

static void run_probe(struct names *n, const struct pollfd *fds, int count)
{
        enum resolved resolved = query_run(n->probe, fds, count)->resolved;

        if (resolved == RESOLVED_PENDING)
                return;
        if (resolved == RESOLVED_SILENT)
                hear_nothing(n);
        else
                hear(n);
        query_free(&n->probe);
}

struct polled {
        struct pollfd fds[1 + (QUERIES_MAX + 1) * QUERY_FDS];
        int counts[QUERIES_MAX + 1]; /* of each query; the probe's comes last */
};

static int gather_one(const struct query *q, struct polled *p, int *count, int most)
{
        int added = q ? query_fds(q, p->fds + *count) : 0;

        *count += added;
        return q ? query_wait(q, most) : most;
}

static void wait_for_something(struct names *n, struct polled *p)
{
        int count = 1, most = next_deadline(n, clock_ms());
        uint64_t ignored;

        p->fds[0] = (struct pollfd){.fd = n->wake, .events = POLLIN};
        for (size_t i = 0; i <= QUERIES_MAX; i++) {
                int before = count;

                most = gather_one(i < QUERIES_MAX ? n->askings[i].query : n->probe, p, &count, most);
                p->counts[i] = count - before;
        }
        if (poll(p->fds, (nfds_t)count, most) > 0 && p->fds[0].revents && read(n->wake, &ignored, sizeof ignored) < 0 &&
            errno != EAGAIN)
                log_errno(LOG_ERR, errno, "look-ups: eventfd");
}

static void run_queries(struct names *n, const struct polled *p)
{
        const struct pollfd *fds = p->fds + 1;

        for (size_t i = 0; i < QUERIES_MAX; fds += p->counts[i++]) {
                struct asking *k = &n->askings[i];
                const struct answer *answer = k->query ? query_run(k->query, fds, p->counts[i]) : NULL;

                if (answer && answer->resolved != RESOLVED_PENDING)
                        answered(n, k, answer);
        }
        if (n->probe)
                run_probe(n, fds, p->counts[QUERIES_MAX]);
}

static void count_bindings(struct names *n, int64_t now)
{
        if (now < n->next_count)
                return;
        n->next_count = now + COUNT_MS;
        atomic_store_explicit(&n->counters.value[COUNTER_bindings],
                              bindings_count(n->bindings, worker_clock() / 1000000), memory_order_relaxed);
}

static void save_bindings(struct names *n)
{
        int error;

        n->next_save = clock_ms() + SAVE_MS;
        if (!n->directory || !bindings_changed(n->bindings))
                return;
        error = bindings_file_write(n->bindings, n->directory);
        if (error && !n->unsaved)
                log_errno(LOG_WARNING, error, "what is known of names cannot be saved in %s", n->directory);
        n->unsaved = error != 0;
}

void *names_run(void *argument)
{
        struct names *n = argument;
        struct polled polled;

        pthread_setname_np(pthread_self(), "names");
        while (take_queue(n)) {
                follow_resolvers(n);
                probe(n, clock_ms());
                wait_for_something(n, &polled);
                run_queries(n, &polled);
                pass_deadlines(n, clock_ms());
                count_bindings(n, clock_ms());
                if (clock_ms() >= n->next_save)
                        save_bindings(n);
        }
        for (size_t i = 0; i < QUERIES_MAX; i++)
                end_asking(n, &n->askings[i]);
        query_free(&n->probe);
        save_bindings(n);
        return NULL;
}
