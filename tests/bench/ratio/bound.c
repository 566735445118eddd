/* PFOO-L: see bound.h. */
#include "tests/bench/ratio/bound.h"

#include <stdlib.h>

struct piece {
        double cost; /* of what it is worth */
        double space;
        double worth;
};

static int by_cost(const void *left, const void *right)
{
        const struct piece *a = left, *b = right;

        return (a->cost > b->cost) - (a->cost < b->cost);
}

/* The most that fits into the space. Sorts the pieces. */
static double fill(struct piece *pieces, size_t count, double space)
{
        double worth = 0;

        qsort(pieces, count, sizeof *pieces, by_cost);
        for (size_t i = 0; i < count; i++) {
                if (pieces[i].space > space)
                        return worth + pieces[i].worth * (space / pieces[i].space);
                space -= pieces[i].space;
                worth += pieces[i].worth;
        }
        return worth;
}

/* One for each request that comes again after `from`. */
static size_t cut(const struct trace *t, const uint32_t *next, size_t from, bool bytes, struct piece *pieces)
{
        size_t count = 0;

        for (size_t i = 0; i < t->count; i++) {
                uint32_t key = t->keys[i];
                double size = t->sizes[key], long_for;

                if (next[i] == t->count || next[i] < from || !policy_takes(t, key))
                        continue;
                long_for = next[i] - (double)(i < from ? from : i);
                pieces[count++] = (struct piece){.cost = bytes ? long_for : size * long_for,
                                                 .space = size * long_for,
                                                 .worth = bytes ? size : 1};
        }
        return count;
}

bool bound_find(const struct trace *t, uint64_t room, size_t from, struct ratios *r)
{
        struct piece *pieces = malloc(t->count * sizeof *pieces);
        uint32_t *next = trace_next(t);
        double space = (double)room * (double)(t->count - from), bytes = 0;
        bool done = pieces && next;

        for (size_t i = from; i < t->count; i++)
                bytes += t->sizes[t->keys[i]];
        if (done) {
                size_t count = cut(t, next, from, false, pieces);

                r->objects = fill(pieces, count, space) / (double)(t->count - from);
                count = cut(t, next, from, true, pieces);
                r->bytes = fill(pieces, count, space) / bytes;
        }
        free(pieces);
        free(next);
        return done;
}
