/* One thread, one poll. Others put an `ask` in a queue and write to an eventfd; the thread joins it to the query for
 * its host that is under way, or starts one; then the ask waits for the query's end or for its own deadline. With the
 * answer learnt, the notes are posted.
 *
 * Bounds: asks in the queue, queries under way, questions of each client (a bucket of tokens, in a table where the
 * latest client of a place has it). A pair that the answer does not bind is not asked for again for half a minute (a
 * table like that of the bindings). A resolver that does not answer is noticed by the first who waited in vain; from
 * then on nobody waits until a question of our own to it, repeated, has been answered. It begins so. */
#include "proxy/names.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/bindings_file.h"
#include "proxy/clock.h"
#include "proxy/counters.h"
#include "proxy/log.h"
#include "proxy/rate.h"
#include "proxy/resolve.h"
#include "proxy/worker.h"

enum {
        QUERIES_MAX = 64,
        ASKS_MAX = 4096,    /* in the queue or waiting */
        VAIN_MAX = 1 << 16, /* pairs */
        VAIN_SECONDS = 30,  /* until a pair is asked for again */
        SILENT_MS = 2000,   /* without any answer: the resolver is suspected */
        PROBE_MS = 2000,    /* between two questions to resolvers that do not answer */
        SAVE_MS = 60000,    /* between two savings of them */
        COUNT_MS = 1000,    /* between two counts of what is bound */
        TURN_MS = 1000
};

struct ask {
        struct ask *next;
        struct worker *worker;
        struct note *note; /* NULL: posted, or nobody waits */
        union address destination;
        int64_t deadline; /* of clock_ms */
        char host[NAME_TEXT];
};

struct asking {
        struct query *query; /* NULL: the place is free */
        struct ask *asks;
        char host[NAME_TEXT];
};

struct names {
        struct bindings *bindings, *vain;
        struct resolver *resolver;
        const char *directory;
        pthread_t thread;
        int wake;
        _Atomic bool heard; /* a resolver answers, as far as is known */
        _Atomic unsigned ask_count;
        pthread_mutex_t lock; /* over what follows */
        struct rates *rates;
        struct ask *queue;
        bool stopping, started;
        /* the thread's own */
        struct asking askings[QUERIES_MAX];
        struct query *probe;
        int64_t heard_at, next_probe, next_count, next_save;
        bool complained, unsaved; /* said so */
        struct counters counters;
};

/* ---- asking --------------------------------------------------------------------------------------------------------
 */

bool names_worth_asking(const struct names *n, const struct question *q, int64_t now)
{
        return n && atomic_load_explicit(&n->heard, memory_order_relaxed) &&
               atomic_load_explicit(&n->ask_count, memory_order_relaxed) < ASKS_MAX &&
               resolve_askable(q->host.at, q->host.len) &&
               bindings_look(n->vain, q->host, &q->destination->sa, now) != BINDING_BOUND;
}

static void wake(struct names *n)
{
        if (write(n->wake, &(uint64_t){1}, sizeof(uint64_t)) < 0 && errno != EAGAIN)
                log_errno(LOG_ERR, errno, "look-ups cannot be woken");
}

static bool put_in_queue(struct names *n, struct ask *a, const union address *client, int64_t now)
{
        bool good;

        pthread_mutex_lock(&n->lock);
        good = !n->stopping && rates_allow(n->rates, client, now);
        if (good) {
                a->next = n->queue;
                n->queue = a;
                atomic_fetch_add_explicit(&n->ask_count, 1, memory_order_relaxed);
        }
        pthread_mutex_unlock(&n->lock);
        return good;
}

bool names_ask(struct names *n, const struct question *q)
{
        int64_t now = clock_ms();
        struct ask *a;

        if (!n || !q->host.len || q->host.len >= NAME_TEXT)
                return false;
        a = calloc(1, sizeof *a);
        if (!a)
                return false;
        a->worker = q->worker;
        a->note = q->note;
        a->destination = *q->destination;
        a->deadline = now + NAMES_WAIT_MS;
        memcpy(a->host, q->host.at, q->host.len);
        if (!put_in_queue(n, a, q->client, now)) {
                free(a);
                return false;
        }
        wake(n);
        return q->note != NULL;
}

/* ---- the thread ----------------------------------------------------------------------------------------------------
 */

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
                if (bindings_look(n->bindings, host, &a->destination.sa, now) != BINDING_BOUND)
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

static void *run(void *argument)
{
        struct names *n = argument;
        struct polled polled;

        while (take_queue(n)) {
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

/* ---- life ----------------------------------------------------------------------------------------------------------
 */

int names_new(struct names **made, struct bindings *bindings, struct resolver *resolver, const char *directory)
{
        struct names *n = calloc(1, sizeof *n);
        int error;

        if (!n) {
                resolver_free(&resolver);
                return ENOMEM;
        }
        n->bindings = bindings;
        n->resolver = resolver;
        n->directory = directory;
        n->next_save = clock_ms() + SAVE_MS;
        n->vain = bindings_new(VAIN_MAX);
        n->rates = rates_new();
        n->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        pthread_mutex_init(&n->lock, NULL);
        error = !n->resolver || !n->vain || !n->rates ? ENOMEM : n->wake < 0 ? errno : 0;
        if (!error)
                error = pthread_create(&n->thread, NULL, run, n);
        n->started = !error;
        *made = n;
        if (error)
                names_free(made);
        return error;
}

void names_stop(struct names *n)
{
        if (!n || !n->started)
                return;
        pthread_mutex_lock(&n->lock);
        n->stopping = true;
        pthread_mutex_unlock(&n->lock);
        wake(n);
        pthread_join(n->thread, NULL);
        n->started = false;
}

void names_free(struct names **held)
{
        struct names *n = *held;

        *held = NULL;
        if (!n)
                return;
        names_stop(n);
        if (n->wake >= 0)
                close(n->wake);
        pthread_mutex_destroy(&n->lock);
        rates_free(&n->rates);
        bindings_free(n->vain);
        resolver_free(&n->resolver);
        free(n);
}

const struct counters *names_counters(const struct names *n)
{
        return n ? &n->counters : NULL;
}
