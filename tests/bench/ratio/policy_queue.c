/* LRU, SIEVE and S3-FIFO: see policy.h. */
#include <stdlib.h>

#include "tests/bench/ratio/policy.h"
#include "tests/bench/ratio/queue.h"

enum where { ABSENT, SMALL, MAIN, GHOST, QUEUES };

struct cache {
        const struct trace *trace;
        uint64_t room;
        struct queue queues[QUEUES]; /* LRU and SIEVE have MAIN alone */
        void *arrays;                /* the block of those by key: */
        struct node *nodes;
        uint8_t *where;
        uint8_t *reads;
        uint32_t hand;   /* SIEVE's */
        unsigned enough; /* S3-FIFO's: reads that lead from the small queue to the main one */
};

static void cache_free(void *held)
{
        struct cache *c = held;

        free(c->arrays);
        free(c);
}

static void *cache_make(const struct trace *t, uint64_t room)
{
        const size_t sizes[] = {sizeof(struct node), 1, 1};
        struct cache *c = calloc(1, sizeof *c);
        void *arrays[3];

        if (!c || !(c->arrays = policy_arrays(t, sizes, 3, arrays))) {
                free(c);
                return NULL;
        }
        c->trace = t;
        c->room = room;
        c->hand = NOBODY;
        for (int i = 0; i < QUEUES; i++)
                c->queues[i] = EMPTY_QUEUE;
        c->nodes = arrays[0];
        c->where = arrays[1];
        c->reads = arrays[2];
        return c;
}

static uint64_t cache_held(const void *held)
{
        const struct cache *c = held;

        return c->queues[SMALL].bytes + c->queues[MAIN].bytes;
}

static void move(struct cache *c, uint32_t key, enum where to)
{
        enum where from = c->where[key];
        uint32_t size = c->trace->sizes[key];

        if (from != ABSENT)
                queue_remove(&c->queues[from], c->nodes, key, size);
        if (to != ABSENT)
                queue_add(&c->queues[to], c->nodes, key, size);
        c->where[key] = (uint8_t)to;
}

/* ---- LRU -----------------------------------------------------------------------------------------------------------
 */

static bool lru_ask(void *held, size_t at)
{
        struct cache *c = held;
        uint32_t key = c->trace->keys[at];
        bool hit = c->where[key] == MAIN;

        if (!hit && !policy_takes(c->trace, key))
                return false;
        while (!hit && cache_held(c) + c->trace->sizes[key] > c->room)
                move(c, c->queues[MAIN].tail, ABSENT);
        move(c, key, MAIN);
        return hit;
}

const struct policy policy_lru = {"lru", false, cache_make, lru_ask, cache_held, cache_free};

/* ---- SIEVE ---------------------------------------------------------------------------------------------------------
 */

static void sieve_evict(struct cache *c)
{
        uint32_t key = c->hand == NOBODY ? c->queues[MAIN].tail : c->hand;

        while (c->reads[key]) {
                c->reads[key] = 0;
                key = c->nodes[key].newer == NOBODY ? c->queues[MAIN].tail : c->nodes[key].newer;
        }
        c->hand = c->nodes[key].newer;
        move(c, key, ABSENT);
}

static bool sieve_ask(void *held, size_t at)
{
        struct cache *c = held;
        uint32_t key = c->trace->keys[at];

        if (c->where[key] == MAIN) {
                c->reads[key] = 1;
                return true;
        }
        if (!policy_takes(c->trace, key))
                return false;
        while (cache_held(c) + c->trace->sizes[key] > c->room)
                sieve_evict(c);
        c->reads[key] = 0;
        move(c, key, MAIN);
        return false;
}

const struct policy policy_sieve = {"sieve", false, cache_make, sieve_ask, cache_held, cache_free};

/* ---- S3-FIFO -------------------------------------------------------------------------------------------------------
 */

enum { READS_MAX = 3 };

static void *s3fifo_make(const struct trace *t, uint64_t room)
{
        struct cache *c = cache_make(t, room);

        if (c)
                c->enough = 2;
        return c;
}

static void *s3fifo_once_make(const struct trace *t, uint64_t room)
{
        struct cache *c = cache_make(t, room);

        if (c)
                c->enough = 1;
        return c;
}

/* One object out of the small queue, to the main one or to the ghosts. */
static void s3fifo_small(struct cache *c)
{
        uint32_t key = c->queues[SMALL].tail;
        bool stays = c->reads[key] >= c->enough;

        c->reads[key] = 0;
        move(c, key, stays ? MAIN : GHOST);
        while (c->queues[GHOST].bytes > c->room - c->room / 10)
                move(c, c->queues[GHOST].tail, ABSENT);
}

static void s3fifo_main(struct cache *c)
{
        uint32_t key = c->queues[MAIN].tail;

        while (c->reads[key]) {
                c->reads[key]--;
                move(c, key, MAIN);
                key = c->queues[MAIN].tail;
        }
        move(c, key, ABSENT);
}

static bool s3fifo_ask(void *held, size_t at)
{
        struct cache *c = held;
        uint32_t key = c->trace->keys[at];
        bool ghost;

        if (c->where[key] == SMALL || c->where[key] == MAIN) {
                c->reads[key] += c->reads[key] < READS_MAX;
                return true;
        }
        if (!policy_takes(c->trace, key))
                return false;
        ghost = c->where[key] == GHOST;
        while (cache_held(c) + c->trace->sizes[key] > c->room)
                if (c->queues[SMALL].bytes > c->room / 10 || c->queues[MAIN].tail == NOBODY)
                        s3fifo_small(c);
                else
                        s3fifo_main(c);
        c->reads[key] = 0;
        move(c, key, ghost ? MAIN : SMALL);
        return false;
}

const struct policy policy_s3fifo = {"s3-fifo", false, s3fifo_make, s3fifo_ask, cache_held, cache_free};
const struct policy policy_s3fifo_once = {"s3-fifo-1", false, s3fifo_once_make, s3fifo_ask, cache_held, cache_free};
