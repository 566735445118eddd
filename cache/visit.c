/* "Was it read since the hand or the fence came by?": one bit for each id (cache/sweep.h), in blocks that the writer
 * makes when ids come into use, and opening for those that are. Ids that are 2^28 apart share a bit; nothing but the
 * quality of eviction depends on it. */
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

void visit_prefetch(struct store *s, uint64_t id)
{
        const _Atomic uint64_t *b = atomic_load_explicit(block(s, id), memory_order_acquire);

        if (b)
                __builtin_prefetch(&b[word(id)]);
}

bool visit_clear(struct store *s, uint64_t id)
{
        _Atomic uint64_t *b = atomic_load_explicit(block(s, id), memory_order_acquire);

        return b && (atomic_fetch_and_explicit(&b[word(id)], ~bit(id), memory_order_relaxed) & bit(id));
}

bool visit_save(struct store *s, uint64_t n, char bits[VISIT_BLOCK_BYTES])
{
        _Atomic uint64_t *b = atomic_load_explicit(&s->visits[n], memory_order_acquire);
        uint64_t any = 0;

        for (size_t i = 0; b && i < VISIT_BLOCK_IDS / 64; i++) {
                uint64_t w = atomic_load_explicit(&b[i], memory_order_relaxed);

                put64(&bits, w);
                any |= w;
        }
        return any != 0;
}

void visit_restore(struct store *s, uint64_t n, const char bits[VISIT_BLOCK_BYTES])
{
        _Atomic uint64_t *b;

        if (!visit_begin(s, n * VISIT_BLOCK_IDS))
                return;
        b = atomic_load_explicit(&s->visits[n], memory_order_acquire);
        for (size_t i = 0; i < VISIT_BLOCK_IDS / 64; i++)
                atomic_fetch_or_explicit(&b[i], get64(bits + 8 * i), memory_order_relaxed);
}

void visit_free(struct store *s)
{
        for (size_t i = 0; i < VISIT_BLOCKS; i++)
                free(atomic_load(&s->visits[i]));
}
