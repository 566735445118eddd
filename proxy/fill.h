/* A fill: a response on its way into a store. Bytes are gathered in memory, a slice at a time, and handed to the
 * store's writer; a store that cannot keep up makes the fill give up, never the client wait (design.md §4). */
#ifndef PROXY_FILL_H
#define PROXY_FILL_H

#include "cache/store.h"

struct fill {
        struct store *store; /* NULL: nothing is being stored */
        uint64_t id, length; /* bytes taken so far */
        uint64_t limit;      /* more than this is not stored */
        char *bytes;         /* of the slice that grows */
        size_t len, cap;
        bool sliced; /* a slice has been put */
        char *meta;  /* what describes the response: one heap block for the key, names, fields */
        struct key key;
        struct span vary;
        uint64_t variant;
        struct stored stored;
};

/* Starts one. All that *stored, key and vary point to is copied. `expected`: the body's length or UINT64_MAX. False:
 * out of memory. */
bool fill_start(struct fill *, struct store *, const struct key *, struct span vary, uint64_t variant,
                const struct stored *, uint64_t expected, uint64_t limit);

/* Takes body bytes. Gives up by itself where it must. */
void fill_add(struct fill *, struct span more);

/* The body is complete: makes it visible. True if it was handed over; `done` as store_put_response has it. */
bool fill_finish(struct fill *, void (*done)(void *, int), void *context);

/* Forgets it all. */
void fill_abandon(struct fill *);

static inline bool fill_active(const struct fill *f)
{
        return f->store != NULL;
}

#endif
