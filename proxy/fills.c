/* The table of fills under way, and the life of a fill and of its readers. Lock order: the table, then a fill. */
#include <assert.h>
#include <stdlib.h>

#include "proxy/fill_piece.h"
#include "proxy/quota.h"

enum { BUCKETS = 1024, MEMORY = 4096, HOST_MINUTES = 10, MINUTE_BITS = 24 };

struct fills {
        uint64_t memory_most;
        _Atomic uint64_t memory; /* taken */
        struct quota *shares;    /* of it, in KiB; small bodies do not count */
        pthread_mutex_t lock;
        struct fill *buckets[BUCKETS];
        _Atomic uint64_t time, all_outdated, outdated[MEMORY]; /* by keys; see fills_time */
        _Atomic uint64_t noted[NOTED_KINDS][MEMORY];           /* hashes of keys */
        _Atomic uint64_t hosts[MEMORY]; /* that ignore Range: 40 bits of a hash, 24 of the minute */
};

struct fills *fills_new(uint64_t memory)
{
        struct fills *t = calloc(1, sizeof *t);

        if (!t)
                return NULL;
        t->shares = quota_new(0); /* whose limit is ours to know */
        if (!t->shares) {
                free(t);
                return NULL;
        }
        t->memory_most = memory;
        pthread_mutex_init(&t->lock, NULL);
        return t;
}

void fills_free(struct fills **held)
{
        struct fills *t = *held;

        *held = NULL;
        if (!t)
                return;
        pthread_mutex_destroy(&t->lock);
        quota_free(&t->shares);
        free(t);
}

static struct fill **bucket(struct fills *t, const struct key *key)
{
        uint32_t word;

        memcpy(&word, key->hash, sizeof word);
        return &t->buckets[word % BUCKETS];
}

static uint64_t tag(const struct key *key)
{
        uint64_t word;

        memcpy(&word, key->hash + sizeof word, sizeof word);
        return word;
}

void fills_note(struct fills *t, enum fills_noted kind, const struct key *key, bool is_so)
{
        _Atomic uint64_t *place = &t->noted[kind][tag(key) % MEMORY];
        bool was_so = atomic_load_explicit(place, memory_order_relaxed) == tag(key);

        if (is_so != was_so)
                atomic_store_explicit(place, is_so ? tag(key) : 0, memory_order_relaxed);
}

bool fills_noted(const struct fills *t, enum fills_noted kind, const struct key *key)
{
        return atomic_load_explicit(&t->noted[kind][tag(key) % MEMORY], memory_order_relaxed) == tag(key);
}

static uint64_t minute_of(int64_t now)
{
        return (uint64_t)now / 60 & ((1U << MINUTE_BITS) - 1);
}

void fills_note_host(struct fills *t, const struct key *host, int64_t now, bool ignores_range)
{
        uint64_t was = tag(host) >> MINUTE_BITS << MINUTE_BITS;
        _Atomic uint64_t *place = &t->hosts[tag(host) % MEMORY];

        if (ignores_range)
                atomic_store_explicit(place, was | minute_of(now), memory_order_relaxed);
        else if (fills_host_ignores_range(t, host, now))
                atomic_store_explicit(place, 0, memory_order_relaxed);
}

bool fills_host_ignores_range(const struct fills *t, const struct key *host, int64_t now)
{
        uint64_t noted = atomic_load_explicit(&t->hosts[tag(host) % MEMORY], memory_order_relaxed);
        uint64_t since = (minute_of(now) - noted) & ((1U << MINUTE_BITS) - 1);

        return noted && noted >> MINUTE_BITS == tag(host) >> MINUTE_BITS && since < HOST_MINUTES;
}

/* What a block of so many bytes takes of a client's share. */
static uint32_t share(const struct fill *f, size_t bytes)
{
        return f->client.sa.sa_family && bytes > INLINE_MAX ? (uint32_t)((bytes + 1023) / 1024) : 0;
}

void fill_hold(struct fill *f, size_t bytes)
{
        uint32_t kib = share(f, bytes);

        f->held += bytes;
        atomic_fetch_add_explicit(&f->all->memory, bytes, memory_order_relaxed);
        if (kib)
                quota_add(f->all->shares, &f->client, kib);
}

void fill_let_go(struct fill *f, size_t bytes)
{
        uint32_t kib = share(f, bytes);

        f->held -= bytes;
        atomic_fetch_sub_explicit(&f->all->memory, bytes, memory_order_relaxed);
        if (kib)
                quota_add(f->all->shares, &f->client, -kib);
}

bool fills_full(const struct fills *t, const union address *client)
{
        if (atomic_load_explicit(&t->memory, memory_order_relaxed) >= t->memory_most)
                return true;
        return client && client->sa.sa_family && quota_add(t->shares, client, 0) >= t->memory_most / 4 / 1024;
}

/* ---- a fill's life -------------------------------------------------------------------------------------------------
 */

static struct fill *new_fill(const struct key *key)
{
        struct fill *f = calloc(1, sizeof *f);

        if (!f)
                return NULL;
        f->texts[0] = malloc(key->text.len + 1);
        if (!f->texts[0]) {
                free(f);
                return NULL;
        }
        memcpy(f->texts[0], key->text.at, key->text.len);
        f->key = *key;
        f->key.text.at = f->texts[0];
        pthread_mutex_init(&f->lock, NULL);
        return f;
}

static void free_fill(struct fill *f)
{
        while (f->first) {
                struct piece *p = f->first;

                f->first = p->next;
                fill_let_go(f, p->cap);
                free(p->bytes);
                free(p);
        }
        if (f->held) /* what was outgrown */
                fill_let_go(f, f->held);
        if (f->pinned)
                store_unpin(f->store, f->id);
        if (f->sliced && !f->handed_over)
                store_abandon(f->store, f->id);
        free(f->outgrown);
        free(f->texts[0]);
        free(f->texts[1]);
        pthread_mutex_destroy(&f->lock);
        free(f);
}

void fill_unref_unlock(struct fill *f)
{
        bool last = --f->refs == 0;

        pthread_mutex_unlock(&f->lock);
        if (last)
                free_fill(f);
}

/* With both locks held. */
static void unlink_fill(struct fill *f)
{
        *f->link = f->next;
        if (f->next)
                f->next->link = f->link;
        f->fills = NULL;
}

void fill_hide(struct fill *f)
{
        struct fills *t = f->fills;

        if (!t)
                return;
        pthread_mutex_unlock(&f->lock); /* the table's lock comes first */
        pthread_mutex_lock(&t->lock);
        pthread_mutex_lock(&f->lock);
        if (f->fills) /* nobody else has meanwhile */
                unlink_fill(f);
        pthread_mutex_unlock(&t->lock);
}

/* ---- readers -------------------------------------------------------------------------------------------------------
 */

static void deliver(struct note *note)
{
        struct fill_reader *r = (struct fill_reader *)(void *)((char *)note - offsetof(struct fill_reader, note));
        struct fill *f = r->fill;
        void *argument;

        pthread_mutex_lock(&f->lock);
        r->posted = false;
        argument = r->argument;
        fill_unref_unlock(f);
        if (argument)
                r->wake(argument);
        else
                free(r);
}

void fill_wake(struct fill_reader *r)
{
        r->waiting = false;
        if (r->posted)
                return;
        r->posted = true;
        r->fill->refs++;
        r->note = (struct note){.deliver = deliver};
        worker_post(r->worker, &r->note);
}

void fill_wake_all(struct fill *f)
{
        for (struct fill_reader *r = f->readers; r; r = r->next)
                if (r->waiting)
                        fill_wake(r);
}

/* With the fill's lock held, or before anybody else knows of it. */
static void add_reader(struct fill *f, struct fill_reader *r)
{
        r->fill = f;
        r->next = f->readers;
        r->link = &f->readers;
        if (r->next)
                r->next->link = &r->next;
        f->readers = r;
        f->refs++;
}

static struct fill_reader *lead(struct fills *t, const struct key *key, struct fill_reader *r)
{
        struct fill *f = new_fill(key), **head;

        if (!f) {
                free(r);
                return NULL;
        }
        f->leader = r;
        add_reader(f, r);
        if (!t)
                return r;
        head = bucket(t, key);
        f->fills = t;
        f->next = *head;
        f->link = head;
        if (f->next)
                f->next->link = &f->next;
        *head = f;
        return r;
}

/* With the table's lock held. */
static struct fill *find(struct fills *t, const struct key *key)
{
        struct fill *f = *bucket(t, key);

        while (f && !(memcmp(f->key.hash, key->hash, KEY_HASH) == 0 && span_equal(f->key.text, key->text)))
                f = f->next;
        return f;
}

static void outdate(struct fill *f)
{
        pthread_mutex_lock(&f->lock);
        f->outdated = true;
        f->storing = false;
        unlink_fill(f);
        pthread_mutex_unlock(&f->lock);
}

uint64_t fills_time(const struct fills *t)
{
        return atomic_load(&t->time);
}

bool fills_outdated(const struct fills *t, const struct key *key, uint64_t since)
{
        return atomic_load(&t->outdated[tag(key) % MEMORY]) > since || atomic_load(&t->all_outdated) > since;
}

/* Also for what is not among the fills, or not yet. */
static void note_outdated(struct fills *t, enum purge_kind kind, struct span text)
{
        uint64_t now = atomic_fetch_add(&t->time, 1) + 1;
        struct key key;

        if (kind == PURGE_KEY) {
                key_of_text(&key, text);
                atomic_store(&t->outdated[tag(&key) % MEMORY], now);
        } else {
                atomic_store(&t->all_outdated, now);
        }
}

void fills_outdate(struct fills *t, enum purge_kind kind, struct span text)
{
        note_outdated(t, kind, text);
        pthread_mutex_lock(&t->lock);
        for (size_t i = 0; i < BUCKETS; i++)
                for (struct fill *f = t->buckets[i], *next; f; f = next) {
                        next = f->next;
                        if (purge_covers(kind, text, f->key.text))
                                outdate(f);
                }
        pthread_mutex_unlock(&t->lock);
}

/* False: it has begun to let go of what a new reader would need. */
static bool join(struct fill *f, struct fill_reader *r)
{
        bool complete;

        pthread_mutex_lock(&f->lock);
        complete = f->storing || f->state == FILL_ASKED;
        if (complete)
                add_reader(f, r);
        pthread_mutex_unlock(&f->lock);
        return complete;
}

static struct fill_reader *new_reader(struct worker *worker, void (*wake)(void *), void *argument)
{
        struct fill_reader *r = calloc(1, sizeof *r);

        if (!r)
                return NULL;
        r->end = UINT64_MAX;
        r->worker = worker;
        r->wake = wake;
        r->argument = argument;
        return r;
}

struct fill_reader *fills_join(struct fills *t, const struct key *key, struct worker *worker, void (*wake)(void *),
                               void *argument)
{
        struct fill_reader *r = NULL;
        struct fill *f;

        pthread_mutex_lock(&t->lock);
        f = find(t, key);
        if (f)
                r = new_reader(worker, wake, argument);
        if (r && !join(f, r)) {
                free(r);
                r = NULL;
        }
        pthread_mutex_unlock(&t->lock);
        return r;
}

struct fill_reader *fills_enter(struct fills *t, const struct key *key, struct worker *worker, void (*wake)(void *),
                                void *argument, bool *leads)
{
        struct fill_reader *r = new_reader(worker, wake, argument);
        struct fill *f = NULL;

        if (!r)
                return NULL;
        if (t) {
                pthread_mutex_lock(&t->lock);
                f = find(t, key);
        }
        *leads = !f || !join(f, r);
        if (*leads)
                r = lead(f ? NULL : t, key, r);
        if (t)
                pthread_mutex_unlock(&t->lock);
        return r;
}

bool fill_led_for_nobody(const struct fill *f)
{
        return f->leader && f->leader->deaf && f->readers == f->leader && !f->leader->next;
}

void fill_leave(struct fill_reader **held)
{
        struct fill_reader *r = *held;
        struct fill *f;
        bool posted;

        *held = NULL;
        if (!r)
                return;
        f = r->fill;
        if (f->leader == r)
                fill_end(r, FILL_RELEASED);
        pthread_mutex_lock(&f->lock);
        if (f->leader == r)
                f->leader = NULL;
        *r->link = r->next;
        if (r->next)
                r->next->link = r->link;
        r->argument = NULL;
        posted = r->posted;
        fill_drop_pieces(f);
        if (fill_led_for_nobody(f) || (f->stalled && f->leader))
                fill_wake(f->leader);
        fill_unref_unlock(f);
        if (!posted) /* else deliver() frees it */
                free(r);
}
