/* A small hash table of lists under one lock; each entry has the notes of those who wait. */
#include "proxy/pending.h"

#include <stdlib.h>

#include "proxy/worker.h"

enum { BUCKETS = 1 << 14 };

struct waiter {
        struct waiter *next;
        struct worker *worker;
        struct note *note;
};

struct entry {
        struct entry *next, **link;
        struct pending *pending;
        struct waiter *waiters;
        uint8_t hash[KEY_HASH];
};

struct pending {
        pthread_mutex_t lock;
        _Atomic unsigned counts[BUCKETS]; /* entries of each bucket: 0 is all that most look-ups see */
        struct entry *buckets[BUCKETS];
};

struct pending *pending_new(void)
{
        struct pending *p = calloc(1, sizeof *p);

        if (p)
                pthread_mutex_init(&p->lock, NULL);
        return p;
}

void pending_free(struct pending **held)
{
        struct pending *p = *held;

        *held = NULL;
        if (!p)
                return;
        pthread_mutex_destroy(&p->lock);
        free(p);
}

static uint32_t number(const uint8_t hash[KEY_HASH])
{
        uint32_t word;

        memcpy(&word, hash, sizeof word);
        return word % BUCKETS;
}

static struct entry **bucket(struct pending *p, const uint8_t hash[KEY_HASH])
{
        return &p->buckets[number(hash)];
}

/* With the lock held. */
static struct entry *find(struct pending *p, const struct key *key)
{
        struct entry *e = *bucket(p, key->hash);

        while (e && memcmp(e->hash, key->hash, KEY_HASH) != 0)
                e = e->next;
        return e;
}

static struct entry *add(struct pending *p, const struct key *key, bool alone)
{
        struct entry *e = calloc(1, sizeof *e), **head;

        if (!e)
                return NULL;
        e->pending = p;
        memcpy(e->hash, key->hash, KEY_HASH);
        pthread_mutex_lock(&p->lock);
        if (alone && find(p, key)) {
                pthread_mutex_unlock(&p->lock);
                free(e);
                return NULL;
        }
        head = bucket(p, key->hash);
        e->next = *head;
        e->link = head;
        if (e->next)
                e->next->link = &e->next;
        *head = e;
        atomic_fetch_add(&p->counts[number(key->hash)], 1);
        pthread_mutex_unlock(&p->lock);
        return e;
}

void *pending_add(struct pending *p, const struct key *key)
{
        return add(p, key, false);
}

void *pending_claim(struct pending *p, const struct key *key)
{
        return add(p, key, true);
}

void pending_done(void *context, int error)
{
        struct entry *e = context;
        struct pending *p;

        (void)error; /* who waits looks the key up again, and finds it or not */
        if (!e)
                return;
        p = e->pending;
        pthread_mutex_lock(&p->lock);
        *e->link = e->next;
        if (e->next)
                e->next->link = e->link;
        atomic_fetch_sub(&p->counts[number(e->hash)], 1);
        pthread_mutex_unlock(&p->lock);
        while (e->waiters) {
                struct waiter *w = e->waiters;

                e->waiters = w->next;
                worker_post(w->worker, w->note);
                free(w);
        }
        free(e);
}

void pending_purged(void *context, int64_t removed)
{
        pending_done(context, removed < 0);
}

bool pending_maybe(const struct pending *p, const struct key *key)
{
        return atomic_load_explicit(&p->counts[number(key->hash)], memory_order_acquire) != 0;
}

bool pending_wait(struct pending *p, const struct key *key, struct worker *worker, struct note *note)
{
        struct waiter *w = malloc(sizeof *w);
        struct entry *e;

        if (!w)
                return false;
        pthread_mutex_lock(&p->lock);
        e = find(p, key);
        if (e) {
                *w = (struct waiter){e->waiters, worker, note};
                e->waiters = w;
        }
        pthread_mutex_unlock(&p->lock);
        if (!e)
                free(w);
        return e != NULL;
}
