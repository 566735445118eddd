/* Cutting a part into slices; see part.h. */
#include "proxy/part.h"

#include <errno.h>
#include <stdlib.h>

struct part_slice {
        struct gap_claim *claim; /* held once it is on its way into the store */
        uint64_t offset;
        size_t len, cap;
        char bytes[SLICE_MAX];
};

void part_start(struct part *p, struct store *store, uint64_t id, uint64_t at, struct gap_claim *claim)
{
        *p = (struct part){.store = store, .id = id, .at = at, .claim = claim};
}

/* On the writer's thread. What could not be written stays a gap. */
static void slice_done(void *slice, int error)
{
        struct part_slice *s = slice;

        if (!error)
                gaps_advance(s->claim, s->offset + s->len);
        gaps_unclaim(s->claim);
        free(s);
}

static void put_slice(struct part *p)
{
        struct part_slice *s = p->slice;

        p->slice = NULL;
        if (!s)
                return;
        s->claim = p->claim;
        gaps_hold(s->claim);
        if (store_put_part(p->store, p->id, s->offset, s->bytes, s->len, slice_done, s) != 0) {
                p->resume = slice_up(s->offset + LEFT_OUT);
                slice_done(s, ENOBUFS);
        }
}

static struct part_slice *new_slice(const struct part *p)
{
        struct part_slice *s = malloc(sizeof *s);

        if (s) {
                s->offset = p->at;
                s->len = 0;
                s->cap = slice_down(p->at + SLICE_MAX) - p->at; /* the next one begins with a unit */
        }
        return s;
}

/* To where the next slice begins. */
static size_t skip(const struct part *p, size_t len)
{
        uint64_t left_out = p->at < p->resume ? p->resume - p->at : 0;

        return left_out < len ? (size_t)left_out : len;
}

/* As much as goes into the slice that grows. 0: out of memory. */
static size_t take(struct part *p, struct span more)
{
        struct part_slice *s = p->slice ? p->slice : new_slice(p);
        size_t n;

        if (!s)
                return 0;
        n = s->cap - s->len < more.len ? s->cap - s->len : more.len;
        memcpy(s->bytes + s->len, more.at, n);
        s->len += n;
        p->slice = s;
        return n;
}

void part_add(struct part *p, struct span more)
{
        while (p->store && more.len) {
                size_t n = p->slice ? 0 : skip(p, more.len);

                if (!n)
                        n = take(p, more);
                if (!n)
                        p->store = NULL;
                p->at += n;
                more = (struct span){more.at + n, more.len - n};
                if (p->slice && p->slice->len == p->slice->cap)
                        put_slice(p);
        }
}

struct span part_kept(const struct part *p, uint64_t at)
{
        const struct part_slice *s = p->slice;

        if (!s || at < s->offset || at >= s->offset + s->len)
                return (struct span){NULL, 0};
        return (struct span){s->bytes + (at - s->offset), s->len - (size_t)(at - s->offset)};
}

void part_end(struct part *p, void (*done)(void *, int), void *context)
{
        if (p->store)
                put_slice(p);
        if (done && (!p->store || store_after(p->store, done, context) != 0))
                done(context, 0);
        free(p->slice);
        gaps_lead(p->claim, NULL, NULL, NULL);
        gaps_unclaim(p->claim);
        *p = (struct part){0};
}
