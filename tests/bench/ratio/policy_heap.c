/* GDSF and Belady's: the first to go is on top of a heap. See policy.h. */
#include <float.h>
#include <stdlib.h>

#include "tests/bench/ratio/policy.h"
#include "tests/bench/ratio/queue.h"

struct cache {
        const struct trace *trace;
        uint64_t room, held;
        void *arrays; /* the block of these: */
        uint32_t *heap, count;
        uint32_t *place; /* in the heap, by key; NOBODY: not there */
        double *worth;   /* by key: the least goes first */
        uint32_t *reads; /* GDSF's: since it came in */
        double worn;     /* GDSF's: worth of what went last */
        uint32_t *next;  /* Belady's: by request */
};

static void cache_free(void *held)
{
        struct cache *c = held;

        free(c->arrays);
        free(c->next);
        free(c);
}

static void *cache_make(const struct trace *t, uint64_t room)
{
        const size_t sizes[] = {sizeof(uint32_t), sizeof(uint32_t), sizeof(double), sizeof(uint32_t)};
        struct cache *c = calloc(1, sizeof *c);
        void *arrays[4];

        if (!c || !(c->arrays = policy_arrays(t, sizes, 4, arrays))) {
                free(c);
                return NULL;
        }
        c->trace = t;
        c->room = room;
        c->heap = arrays[0];
        c->place = arrays[1];
        c->worth = arrays[2];
        c->reads = arrays[3];
        for (uint32_t i = 0; i < t->objects; i++)
                c->place[i] = NOBODY;
        return c;
}

static uint64_t cache_held(const void *held)
{
        return ((const struct cache *)held)->held;
}

/* ---- the heap ------------------------------------------------------------------------------------------------------
 */

static void set(struct cache *c, uint32_t place, uint32_t key)
{
        c->heap[place] = key;
        c->place[key] = place;
}

static void rise(struct cache *c, uint32_t at)
{
        uint32_t key = c->heap[at];

        for (; at > 0 && c->worth[key] < c->worth[c->heap[(at - 1) / 2]]; at = (at - 1) / 2)
                set(c, at, c->heap[(at - 1) / 2]);
        set(c, at, key);
}

static void sink(struct cache *c, uint32_t at)
{
        uint32_t key = c->heap[at], child;

        while ((child = 2 * at + 1) < c->count) {
                if (child + 1 < c->count && c->worth[c->heap[child + 1]] < c->worth[c->heap[child]])
                        child++;
                if (c->worth[c->heap[child]] >= c->worth[key])
                        break;
                set(c, at, c->heap[child]);
                at = child;
        }
        set(c, at, key);
}

static void revalue(struct cache *c, uint32_t key, double worth)
{
        c->worth[key] = worth;
        rise(c, c->place[key]);
        sink(c, c->place[key]);
}

static void add(struct cache *c, uint32_t key, double worth)
{
        c->worth[key] = worth;
        c->held += c->trace->sizes[key];
        set(c, c->count++, key);
        rise(c, c->count - 1);
}

static uint32_t remove_first(struct cache *c)
{
        uint32_t key = c->heap[0];

        c->place[key] = NOBODY;
        c->held -= c->trace->sizes[key];
        if (--c->count > 0) {
                set(c, 0, c->heap[c->count]);
                sink(c, 0);
        }
        return key;
}

/* ---- GDSF ----------------------------------------------------------------------------------------------------------
 */

static bool gdsf_ask(void *held, size_t at)
{
        struct cache *c = held;
        uint32_t key = c->trace->keys[at], size = c->trace->sizes[key];

        if (c->place[key] != NOBODY) {
                revalue(c, key, c->worn + (double)++c->reads[key] / size);
                return true;
        }
        if (!policy_takes(c->trace, key))
                return false;
        while (c->held + size > c->room)
                c->worn = c->worth[remove_first(c)];
        c->reads[key] = 1;
        add(c, key, c->worn + 1.0 / size);
        return false;
}

const struct policy policy_gdsf = {"gdsf", false, cache_make, gdsf_ask, cache_held, cache_free};

/* ---- Belady's ------------------------------------------------------------------------------------------------------
 */

static void *belady_make(const struct trace *t, uint64_t room)
{
        struct cache *c = cache_make(t, room);

        if (!c)
                return NULL;
        c->next = trace_next(t);
        if (c->next)
                return c;
        cache_free(c);
        return NULL;
}

/* What is taken in goes again at once if nothing that is there is needed later. */
static bool belady_ask(void *held, size_t at)
{
        struct cache *c = held;
        uint32_t key = c->trace->keys[at];
        double worth = -(double)c->next[at];

        if (c->place[key] != NOBODY) {
                revalue(c, key, worth);
                return true;
        }
        if (c->next[at] == c->trace->count || !policy_takes(c->trace, key))
                return false;
        add(c, key, worth);
        while (c->held > c->room)
                remove_first(c);
        return false;
}

const struct policy policy_belady = {"belady", true, belady_make, belady_ask, cache_held, cache_free};
