/* A sketch of counters and not a table of clients: an address has one counter in each of two rows, at places that a
 * keyed hash of it names, and counts as the smaller of the two. So it is never counted too low, it is counted too high
 * only where others that have much share both of its places, and each change costs one hash and two additions, whoever
 * comes. Such a mistake harms nobody: a client that is handed back, or of whose downloads nothing is stored, is served
 * by its servers. */
#include "proxy/quota.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "proxy/siphash.h"

enum { ROWS = 2, PLACES = 1 << 16, NETWORK = 8 };

struct crowded {
        union address client;
        int64_t due; /* to be told again */
};

struct quota {
        unsigned limit;
        uint8_t key[SIPHASH_KEY];
        pthread_mutex_t lock; /* of what follows, until the counters */
        struct crowded crowded[QUOTA_CROWDED_MAX];
        _Atomic unsigned crowded_count;
        _Atomic uint32_t counters[ROWS][PLACES];
};

struct quota *quota_new(unsigned limit)
{
        struct quota *q = calloc(1, sizeof *q);

        /* Random, so that no client can seek another one's counters. */
        if (!q || getrandom(q->key, sizeof q->key, 0) != sizeof q->key) {
                free(q);
                return NULL;
        }
        q->limit = limit;
        pthread_mutex_init(&q->lock, NULL);
        return q;
}

void quota_free(struct quota **held)
{
        struct quota *q = *held;

        *held = NULL;
        if (!q)
                return;
        pthread_mutex_destroy(&q->lock);
        free(q);
}

/* What makes it the client it is. */
static struct span network(const union address *a)
{
        if (a->sa.sa_family == AF_INET)
                return (struct span){(const char *)&a->in.sin_addr, sizeof a->in.sin_addr};
        return (struct span){(const char *)&a->in6.sin6_addr, NETWORK};
}

static bool same_client(const union address *a, const union address *b)
{
        struct span of_a = network(a), of_b = network(b);

        return of_a.len == of_b.len && memcmp(of_a.at, of_b.at, of_a.len) == 0;
}

/* Its counter in each row. */
static void find(struct quota *q, const union address *client, _Atomic uint32_t *counters[ROWS])
{
        uint64_t hash[ROWS];

        siphash(q->key, network(client), hash);
        for (unsigned i = 0; i < ROWS; i++)
                counters[i] = &q->counters[i][hash[i] % PLACES];
}

uint32_t quota_add(struct quota *q, const union address *client, uint32_t n)
{
        _Atomic uint32_t *counters[ROWS];
        uint32_t least = UINT32_MAX;

        find(q, client, counters);
        for (unsigned i = 0; i < ROWS; i++) {
                uint32_t now = atomic_fetch_add_explicit(counters[i], n, memory_order_relaxed) + n;

                least = now < least ? now : least;
        }
        return least;
}

/* Whether it was not remembered yet. One for whom there is no room is told of each time that it comes. */
static bool remember(struct quota *q, const union address *client, int64_t now_ms)
{
        bool is_new = true;

        pthread_mutex_lock(&q->lock);
        for (unsigned i = 0; i < q->crowded_count && is_new; i++)
                is_new = !same_client(&q->crowded[i].client, client);
        if (is_new && q->crowded_count < QUOTA_CROWDED_MAX)
                q->crowded[q->crowded_count++] = (struct crowded){*client, now_ms + QUOTA_RENEW_MS};
        pthread_mutex_unlock(&q->lock);
        return is_new;
}

bool quota_enter(struct quota *q, const union address *client, int64_t now_ms)
{
        return quota_add(q, client, 1) >= q->limit && remember(q, client, now_ms);
}

void quota_leave(struct quota *q, const union address *client)
{
        quota_add(q, client, (uint32_t)-1);
}

void quota_tend(struct quota *q, int64_t now_ms,
                void (*tell)(void *argument, const union address *client, unsigned seconds), void *argument)
{
        if (!atomic_load_explicit(&q->crowded_count, memory_order_relaxed))
                return;
        pthread_mutex_lock(&q->lock);
        for (unsigned i = q->crowded_count; i-- > 0;) {
                struct crowded *c = &q->crowded[i];
                bool over = quota_add(q, &c->client, 0) >= q->limit - q->limit / 10;

                if (over && now_ms < c->due)
                        continue;
                tell(argument, &c->client, over ? QUOTA_SECONDS : 1);
                c->due = now_ms + QUOTA_RENEW_MS;
                if (!over)
                        *c = q->crowded[--q->crowded_count];
        }
        pthread_mutex_unlock(&q->lock);
}
