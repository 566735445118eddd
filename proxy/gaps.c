/* Claims lie in buckets by key; those of one key are few, and so are those who wait. Rows of pieces are remembered by
 * key, some thousand of them, and one may push another out. */
#include "proxy/gaps.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "cache/store.h"
#include "proxy/siphash.h"
#include "proxy/worker.h"

enum {
        BUCKETS = 256,
        ROWS = 2048,
        FAR = 8 << 20,        /* what is so far ahead of a fetch is not waited for */
        ROW_LENGTH = 2,       /* pieces behind the first, before anything is fetched ahead */
        PIECE_MAX = 1 << 20,  /* larger pieces are requests enough */
        AHEAD_MOST = 16 << 20 /* fetched beyond what was asked for; never more than was read */
};

struct gap_claim {
        struct gaps *gaps;
        struct gap_claim *next, **link;
        struct gap_wait *waits;
        uint8_t hash[KEY_HASH];
        uint64_t from, at, end; /* what lies before `at` has come */
        uint64_t awaited;       /* behind the farthest byte that was waited for */
        unsigned holders;       /* and the note that is on its way */
        struct note note;
        struct worker *worker;
        void (*wake)(void *); /* NULL: who fetches need not be told */
        void *argument;
        bool posted;
        bool followed; /* who fetches is told of the next slice that has done */
};

struct row {
        uint8_t hash[KEY_HASH];
        uint64_t begin, end, ahead; /* read from and to; fetched to */
        unsigned pieces;
};

struct begun {
        uint64_t text[2]; /* the key's, by a hash that nobody can foresee: parts of two keys must never meet */
        struct gaps_begun what;
};

struct gaps {
        pthread_mutex_t lock;
        uint8_t secret[SIPHASH_KEY];
        struct begun begun[BUCKETS];
        struct gap_claim *buckets[BUCKETS];
        struct row rows[ROWS];
};

struct gaps *gaps_new(void)
{
        struct gaps *g = calloc(1, sizeof *g);

        if (g && getrandom(g->secret, sizeof g->secret, 0) != sizeof g->secret) {
                free(g);
                g = NULL;
        }
        if (g)
                pthread_mutex_init(&g->lock, NULL);
        return g;
}

void gaps_free(struct gaps **held)
{
        struct gaps *g = *held;

        *held = NULL;
        if (!g)
                return;
        pthread_mutex_destroy(&g->lock);
        free(g);
}

static size_t number(const struct key *key, size_t most)
{
        uint32_t word;

        memcpy(&word, key->hash, sizeof word);
        return word % most;
}

/* ---- claims, with the lock held ------------------------------------------------------------------------------------
 */

/* False: it was not waiting. */
static bool unlink_wait(struct gap_wait *w)
{
        if (!w->link)
                return false;
        *w->link = w->next;
        if (w->next)
                w->next->link = w->link;
        w->link = NULL;
        return true;
}

static void end_wait(struct gap_wait *w)
{
        if (unlink_wait(w))
                worker_post(w->worker, w->note);
}

static void wait_for(struct gap_claim *c, struct gap_wait *w, uint64_t at)
{
        if (at >= c->awaited)
                c->awaited = at + 1;
        w->at = at;
        w->next = c->waits;
        w->link = &c->waits;
        if (w->next)
                w->next->link = &w->next;
        c->waits = w;
}

/* Whether a claim is worth waiting for: it covers the beginning, and is neither far behind it nor, of more, only the
 * unit at its edge. */
static bool is_awaited(const struct gap_claim *c, const struct gap_part *p)
{
        bool covers = c->at <= p->at && p->at < c->end && p->at - c->at < FAR;

        return covers && (c->end >= p->past || c->end - p->at > SLICE_UNIT);
}

/* What remains of the part beside a claim that is not waited for. */
static void cut(struct gap_part *p, const struct gap_claim *c)
{
        if (c->at <= p->at && p->at < c->end && c->end - p->at <= SLICE_UNIT)
                p->at = p->first;
        else if (c->at > p->at && c->at < p->end)
                p->end = p->past > c->at && p->end - c->at <= SLICE_UNIT ? p->past : c->at;
}

/* The claim that is to be waited for; else the part is cut to what the others leave. */
static struct gap_claim *find(const struct gaps *g, const struct key *key, struct gap_part *p)
{
        struct gap_part left = *p;

        for (struct gap_claim *c = g->buckets[number(key, BUCKETS)]; c; c = c->next) {
                if (memcmp(c->hash, key->hash, KEY_HASH) != 0)
                        continue;
                if (is_awaited(c, p))
                        return c;
                cut(&left, c);
        }
        *p = left;
        return NULL;
}

static struct gap_claim *add(struct gaps *g, const struct key *key, uint64_t at, uint64_t end)
{
        struct gap_claim *c = calloc(1, sizeof *c), **head = &g->buckets[number(key, BUCKETS)];

        if (!c)
                return NULL;
        *c = (struct gap_claim){.gaps = g, .next = *head, .link = head, .from = at, .at = at, .end = end, .holders = 1};
        memcpy(c->hash, key->hash, KEY_HASH);
        if (c->next)
                c->next->link = &c->next;
        *head = c;
        return c;
}

/* ---- who fetches ---------------------------------------------------------------------------------------------------
 */

/* On the worker of who fetches. */
static void deliver(struct note *note)
{
        struct gap_claim *c = (struct gap_claim *)(void *)((char *)note - offsetof(struct gap_claim, note));
        void (*wake)(void *);
        void *argument;

        pthread_mutex_lock(&c->gaps->lock);
        c->posted = c->followed = false; /* who wakes asks anew */
        wake = c->wake;
        argument = c->argument;
        pthread_mutex_unlock(&c->gaps->lock);
        gaps_unclaim(c);
        if (wake)
                wake(argument);
}

/* With the lock held. */
static void tell(struct gap_claim *c)
{
        c->followed = false;
        if (!c->wake || c->posted)
                return;
        c->posted = true;
        c->holders++;
        c->note = (struct note){.deliver = deliver};
        worker_post(c->worker, &c->note);
}

void gaps_lead(struct gap_claim *c, struct worker *worker, void (*wake)(void *), void *argument)
{
        if (!c)
                return;
        pthread_mutex_lock(&c->gaps->lock);
        c->worker = worker;
        c->wake = wake;
        c->argument = argument;
        pthread_mutex_unlock(&c->gaps->lock);
}

bool gaps_lags(struct gap_claim *c)
{
        bool lags;

        if (!c)
                return false;
        pthread_mutex_lock(&c->gaps->lock);
        lags = c->followed = c->holders > 1U + c->posted;
        pthread_mutex_unlock(&c->gaps->lock);
        return lags;
}

uint64_t gaps_awaited(const struct gap_claim *c)
{
        uint64_t awaited;

        if (!c)
                return 0;
        pthread_mutex_lock(&c->gaps->lock);
        awaited = c->awaited;
        pthread_mutex_unlock(&c->gaps->lock);
        return awaited;
}

/* ---- claims --------------------------------------------------------------------------------------------------------
 */

enum gaps_claimed gaps_claim(struct gaps *g, const struct key *key, struct gap_part *part, struct gap_claim **claim,
                             struct gap_wait *wait)
{
        enum gaps_claimed result = GAPS_WAIT;
        struct gap_claim *c;

        pthread_mutex_lock(&g->lock);
        c = find(g, key, part);
        if (c) {
                if (wait) {
                        wait_for(c, wait, part->first);
                        tell(c);
                }
        } else {
                *claim = add(g, key, part->at, part->end);
                result = *claim ? GAPS_CLAIMED : GAPS_ERROR;
        }
        pthread_mutex_unlock(&g->lock);
        return result;
}

/* Where all of it comes, and has not yet, and is kept although nothing can be added to it. */
static bool is_small_and_covers(const struct gap_claim *c, uint64_t first, uint64_t past)
{
        return c->from <= first && c->at < past && past <= c->end && c->end - c->from <= SLICE_MAX;
}

bool gaps_await(struct gaps *g, const struct key *key, uint64_t first, uint64_t past, struct gap_wait *wait)
{
        struct gap_claim *c;

        pthread_mutex_lock(&g->lock);
        c = g->buckets[number(key, BUCKETS)];
        while (c && (memcmp(c->hash, key->hash, KEY_HASH) != 0 || !is_small_and_covers(c, first, past)))
                c = c->next;
        if (c) {
                wait_for(c, wait, past - 1);
                tell(c);
        }
        pthread_mutex_unlock(&g->lock);
        return c != NULL;
}

bool gaps_cancel(struct gaps *g, struct gap_wait *w)
{
        bool waited;

        pthread_mutex_lock(&g->lock);
        waited = unlink_wait(w);
        pthread_mutex_unlock(&g->lock);
        return waited;
}

void gaps_hold(struct gap_claim *c)
{
        if (!c)
                return;
        pthread_mutex_lock(&c->gaps->lock);
        c->holders++;
        pthread_mutex_unlock(&c->gaps->lock);
}

void gaps_unclaim(struct gap_claim *c)
{
        struct gaps *g;
        bool last;

        if (!c)
                return;
        g = c->gaps;
        pthread_mutex_lock(&g->lock);
        last = --c->holders == 0;
        while (last && c->waits)
                end_wait(c->waits);
        if (!last && c->followed)
                tell(c);
        if (last) {
                *c->link = c->next;
                if (c->next)
                        c->next->link = c->link;
        }
        pthread_mutex_unlock(&g->lock);
        if (last)
                free(c);
}

void gaps_cut(struct gap_claim *c, uint64_t end)
{
        if (!c)
                return;
        pthread_mutex_lock(&c->gaps->lock);
        if (end < c->end)
                c->end = end;
        pthread_mutex_unlock(&c->gaps->lock);
}

void gaps_advance(struct gap_claim *c, uint64_t at)
{
        struct gap_wait *next;

        if (!c)
                return;
        pthread_mutex_lock(&c->gaps->lock);
        if (at > c->at)
                c->at = at;
        for (struct gap_wait *w = c->waits; w; w = next) {
                next = w->next;
                if (w->at < c->at)
                        end_wait(w);
        }
        pthread_mutex_unlock(&c->gaps->lock);
}

/* ---- sparse responses that have just begun -------------------------------------------------------------------------
 */

void gaps_begin(struct gaps *g, const struct key *key, const struct gaps_begun *what)
{
        struct begun *b = &g->begun[number(key, BUCKETS)];

        pthread_mutex_lock(&g->lock);
        siphash(g->secret, key->text, b->text);
        b->what = *what;
        pthread_mutex_unlock(&g->lock);
}

uint64_t gaps_find_begun(struct gaps *g, const struct key *key, const struct gaps_begun *wanted)
{
        const struct begun *b = &g->begun[number(key, BUCKETS)];
        uint64_t id = 0, text[2];

        siphash(g->secret, key->text, text);
        pthread_mutex_lock(&g->lock);
        if (memcmp(b->text, text, sizeof text) == 0 && b->what.total == wanted->total &&
            b->what.variant == wanted->variant && b->what.validator_len == wanted->validator_len &&
            memcmp(b->what.validator, wanted->validator, wanted->validator_len) == 0)
                id = b->what.id;
        pthread_mutex_unlock(&g->lock);
        return id;
}

/* ---- reading on ---------------------------------------------------------------------------------------------------
 */

/* As much again as was read in this row: what is fetched in vain is never more than what was wanted. */
static bool extend(struct row *r, uint64_t *from, uint64_t *to)
{
        uint64_t read = r->end - r->begin, window = read < AHEAD_MOST ? read : AHEAD_MOST;

        if (r->ahead < r->end)
                r->ahead = r->end;
        if (r->ahead - r->end > window / 2) /* enough for now */
                return false;
        *from = r->ahead;
        *to = r->ahead = r->end + window;
        return true;
}

bool gaps_read_on(struct gaps *g, const struct key *key, uint64_t first, uint64_t end, uint64_t *from, uint64_t *to)
{
        struct row *r = &g->rows[number(key, ROWS)];
        bool row, goes_on = false;

        pthread_mutex_lock(&g->lock);
        row = r->pieces > 0 && memcmp(r->hash, key->hash, KEY_HASH) == 0 && r->end == first;
        if (!row) {
                *r = (struct row){.begin = first};
                memcpy(r->hash, key->hash, KEY_HASH);
        }
        r->end = end;
        r->pieces++;
        if (row && end - first <= PIECE_MAX && r->pieces > ROW_LENGTH)
                goes_on = extend(r, from, to);
        pthread_mutex_unlock(&g->lock);
        return goes_on;
}
