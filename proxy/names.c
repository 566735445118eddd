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
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/bindings.h"
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/names_private.h"
#include "proxy/rate.h"

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

/* Without that, every request of the moments until the answer comes would spend a token of its client's. */
static bool claim_refresh(struct names *n, const struct question *q, int64_t now)
{
        uint32_t hash = address_hash(q->destination, 0);
        _Atomic int64_t *at;

        for (size_t i = 0; i < q->host.len; i++)
                hash = (hash ^ (uint8_t)q->host.at[i]) * 16777619U;
        at = &n->refreshed[hash % REFRESHES];
        return atomic_load_explicit(at, memory_order_relaxed) != now &&
               atomic_exchange_explicit(at, now, memory_order_relaxed) != now;
}

void names_refresh(struct names *n, const struct question *q, int64_t now)
{
        if (names_worth_asking(n, q, now) && claim_refresh(n, q, now))
                names_ask(n, q);
}

/* ---- life ----------------------------------------------------------------------------------------------------------
 */

int names_new(struct names **made, struct bindings *bindings, struct resolver *resolver, struct trusted *trusted,
              const char *directory)
{
        struct names *n = calloc(1, sizeof *n);
        int error;

        if (!n) {
                resolver_free(&resolver);
                return ENOMEM;
        }
        n->bindings = bindings;
        n->resolver = resolver;
        n->trusted = trusted;
        trusted_follow(trusted, &n->copy);
        n->directory = directory;
        n->next_save = clock_ms() + SAVE_MS;
        n->vain = bindings_new(VAIN_MAX);
        n->rates = rates_new();
        n->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        pthread_mutex_init(&n->lock, NULL);
        error = !n->resolver || !n->vain || !n->rates ? ENOMEM : n->wake < 0 ? errno : 0;
        if (!error)
                error = pthread_create(&n->thread, NULL, names_run, n);
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
