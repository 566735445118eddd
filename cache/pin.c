/* Pins: one word for all ids of a hash. Its low bits count pins; the top bit condemns. Pinning and condemning are one
 * compare-and-swap on that word, so eviction and a reader can never both win. Two ids that share a word only make each
 * other's eviction wait, or a reader miss. */
#include <assert.h>

#include "cache/store_private.h"

static const uint32_t condemned = 1U << 31;

static _Atomic uint32_t *word(struct store *s, uint64_t id)
{
        return &s->pins[(id * 0x9e3779b97f4a7c15ULL) >> 48 & (PIN_WORDS - 1)];
}

bool store_pin(struct store *s, uint64_t id)
{
        _Atomic uint32_t *w = word(s, id);
        uint32_t old = atomic_load(w);

        do
                if (old & condemned)
                        return false;
        while (!atomic_compare_exchange_weak(w, &old, old + 1));
        return true;
}

void store_unpin(struct store *s, uint64_t id)
{
        uint32_t old = atomic_fetch_sub(word(s, id), 1);

        assert(old & ~condemned);
}

bool pin_condemn(struct store *s, uint64_t id)
{
        uint32_t free_word = 0;

        return atomic_compare_exchange_strong(word(s, id), &free_word, condemned);
}

void pin_absolve(struct store *s, uint64_t id)
{
        atomic_store(word(s, id), 0);
}
