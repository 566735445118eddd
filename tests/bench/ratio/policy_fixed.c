/* The store's own rules (cache/sweep.h, cache/ghost.h) over ids that are kept in memory: what the store would do if its
 * bodies took their own bytes and nothing else, and each was there at once. See policy.h. */
#include <stdlib.h>

#include "cache/ghost.h"
#include "cache/sweep.h"
#include "tests/bench/ratio/policy.h"

struct cache {
        const struct trace *trace;
        uint64_t room, held;
        uint32_t newest; /* id */
        uint32_t *keys;  /* by id */
        uint32_t *skip;  /* by id: itself where it is there, else one that may be */
        uint32_t *ids;   /* by key; 0: not there */
        bool *read;      /* by id */
        struct sweep sweep;
        struct ghosts ghosts;
};

static void fixed_free(void *held)
{
        struct cache *c = held;

        free(c->keys);
        free(c->skip);
        free(c->ids);
        free(c->read);
        ghosts_free(&c->ghosts);
        free(c);
}

static void *fixed_make(const struct trace *t, uint64_t room)
{
        struct cache *c = calloc(1, sizeof *c);
        size_t ids = t->count + 2;

        if (!c)
                return NULL;
        c->trace = t;
        c->room = room;
        c->keys = malloc(ids * sizeof *c->keys);
        c->skip = malloc(ids * sizeof *c->skip);
        c->ids = calloc(t->objects, sizeof *c->ids);
        c->read = calloc(ids, sizeof *c->read);
        if (!c->keys || !c->skip || !c->ids || !c->read) {
                fixed_free(c);
                return NULL;
        }
        c->skip[0] = c->skip[1] = 1;
        sweep_begin(&c->sweep, room, &(struct sweep_ids){0});
        ghosts_fit(&c->ghosts, t->objects);
        return c;
}

static uint64_t fixed_held(const void *held)
{
        return ((const struct cache *)held)->held;
}

/* The first id that is there, from this one on; one beyond the newest where there is none. */
static uint32_t from_on(struct cache *c, uint64_t from)
{
        uint32_t id = from > c->newest ? c->newest + 1 : (uint32_t)from;

        while (c->skip[id] != id) {
                c->skip[id] = c->skip[c->skip[id]];
                id = c->skip[id];
        }
        return id;
}

static uint32_t mark_of(uint32_t key)
{
        return (uint32_t)((key + 1) * 0x9e3779b97f4a7c15ULL >> 32);
}

static void evict(struct cache *c)
{
        bool gone = false, starved = false;

        while (!gone) {
                struct sweep_reach reach = sweep_reach(&c->sweep, starved);
                uint32_t id = from_on(c, reach.from), key;

                if (id > c->newest || id >= reach.to) {
                        starved = sweep_ended(&c->sweep, &reach) && from_on(c, 0) >= c->sweep.at.fence;
                        continue;
                }
                sweep_passed(&c->sweep, &reach, id);
                key = c->keys[id];
                gone = !c->read[id];
                c->read[id] = false;
                if (!gone)
                        continue;
                c->held -= c->trace->sizes[key];
                c->skip[id] = id + 1;
                c->ids[key] = 0;
                ghosts_put(&c->ghosts, mark_of(key), c->trace->sizes[key]);
        }
}

static bool fixed_ask(void *held, size_t at)
{
        struct cache *c = held;
        uint32_t key = c->trace->keys[at], size = c->trace->sizes[key], id;

        if (c->ids[key]) {
                c->read[c->ids[key]] = true;
                return true;
        }
        if (!policy_takes(c->trace, key))
                return false;
        while (c->held + size > c->room)
                evict(c);
        id = ++c->newest;
        c->skip[id] = id;
        c->skip[id + 1] = id + 1;
        c->keys[id] = key;
        c->ids[key] = id;
        c->held += size;
        c->read[id] = ghosts_take(&c->ghosts, mark_of(key), c->room);
        sweep_put(&c->sweep, id, size);
        return false;
}

const struct policy policy_fixed = {"fixed", false, fixed_make, fixed_ask, fixed_held, fixed_free};
