/* "Was it read since the hand came by?": one bit for each id (SIEVE), in blocks that the writer makes when ids come
 * into use. Ids that are 2^28 apart share a bit; nothing but the quality of eviction depends on it. */
#include <stdlib.h>

#include "cache/store_private.h"

static _Atomic(_Atomic uint64_t *) *block(struct store *s, uint64_t id)
{
        return &s->visits[id / VISIT_BLOCK_IDS % VISIT_BLOCKS];
}

static uint64_t bit(uint64_t id)
{
        return 1ULL << id % 64;
}

static size_t word(uint64_t id)
{
        return id % VISIT_BLOCK_IDS / 64;
}

bool visit_begin(struct store *s, uint64_t id)
{
        _Atomic uint64_t *b = atomic_load_explicit(block(s, id), memory_order_acquire);

        if (b)
                return true;
        b = calloc(VISIT_BLOCK_IDS / 64, sizeof *b);
        if (b)
                atomic_store_explicit(block(s, id), b, memory_order_release);
        return b != NULL;
}

/* Written only if it changes something: a hot object's bit stays in every core's cache. */
void visit_mark(struct store *s, uint64_t id)
{
        _Atomic uint64_t *b = atomic_load_explicit(block(s, id), memory_order_acquire);

        if (b && !(atomic_load_explicit(&b[word(id)], memory_order_relaxed) & bit(id)))
                atomic_fetch_or_explicit(&b[word(id)], bit(id), memory_order_relaxed);
}

bool visit_clear(struct store *s, uint64_t id)
{
        _Atomic uint64_t *b = atomic_load_explicit(block(s, id), memory_order_acquire);

        return b && (atomic_fetch_and_explicit(&b[word(id)], ~bit(id), memory_order_relaxed) & bit(id));
}

void visit_free(struct store *s)
{
        for (size_t i = 0; i < VISIT_BLOCKS; i++)
                free(atomic_load(&s->visits[i]));
}
