/* Ghosts: see ghost.h. */
#include "cache/ghost.h"

#include <stdlib.h>

enum { BUCKET = 4, LEAST = 1024, TICK = 16 /* 2^16 bytes evicted are one tick of the clock */ };

static uint32_t now(const struct ghosts *g)
{
        return (uint32_t)(g->evicted >> TICK);
}

static struct ghost *bucket(const struct ghosts *g, uint32_t mark)
{
        return &g->slots[mark % (g->count / BUCKET) * BUCKET];
}

/* Of a bucket the oldest goes. */
static void insert(struct ghosts *g, struct ghost one)
{
        struct ghost *b = bucket(g, one.mark), *place = b;

        for (int i = 0; i < BUCKET; i++) {
                if (b[i].mark == one.mark || b[i].mark == 0) {
                        place = &b[i];
                        break;
                }
                if (now(g) - b[i].when > now(g) - place->when)
                        place = &b[i];
        }
        *place = one;
}

void ghosts_fit(struct ghosts *g, size_t count)
{
        struct ghosts larger = {.count = g->count ? g->count : LEAST, .evicted = g->evicted};

        while (larger.count < count)
                larger.count *= 2;
        if (larger.count == g->count)
                return;
        larger.slots = calloc(larger.count, sizeof *larger.slots);
        if (!larger.slots)
                return;
        for (size_t i = 0; i < g->count; i++)
                if (g->slots[i].mark)
                        insert(&larger, g->slots[i]);
        free(g->slots);
        *g = larger;
}

/* 0 stands for an empty slot. */
static uint32_t some(uint32_t mark)
{
        return mark ? mark : 1;
}

void ghosts_put(struct ghosts *g, uint32_t mark, uint64_t bytes)
{
        g->evicted += bytes;
        if (g->count)
                insert(g, (struct ghost){some(mark), now(g)});
}

bool ghosts_take(struct ghosts *g, uint32_t mark, uint64_t since)
{
        struct ghost *b = g->count ? bucket(g, some(mark)) : NULL;

        for (int i = 0; b && i < BUCKET; i++)
                if (b[i].mark == some(mark)) {
                        bool lately = (uint64_t)(now(g) - b[i].when) << TICK <= since;

                        b[i] = (struct ghost){0, 0};
                        return lately;
                }
        return false;
}

void ghosts_free(struct ghosts *g)
{
        free(g->slots);
        *g = (struct ghosts){0};
}
