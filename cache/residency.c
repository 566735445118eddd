/* Is it in memory, and was it verified since it came there? Each reader remembers what it verified lately, which spares
 * a hot object both questions; for the rest mincore(2) answers the first, and a checksum the second. */
#include <sys/mman.h>

#include "cache/store_private.h"

static uint64_t hash(struct place p)
{
        uint64_t h = (p.id * 0x9e3779b97f4a7c15ULL) ^ (p.offset * 0xc2b2ae3d27d4eb4fULL);

        return h ^ h >> 29;
}

static bool same(struct place a, struct place b)
{
        return a.id == b.id && a.offset == b.offset;
}

bool seen_lately(struct reader *r, struct place p)
{
        const struct seen *s = &r->seen[hash(p) % SEEN_SLOTS];

        return same(s->place, p) && r->tick - s->tick < SEEN_TICKS && s->tick;
}

void seen_now(struct reader *r, struct place p)
{
        r->seen[hash(p) % SEEN_SLOTS] = (struct seen){p, r->tick};
}

bool resident(const struct store *s, struct span bytes)
{
        unsigned char pages[SLICE_MAX / 4096 + 4];
        size_t page = s->page < 4096 ? 4096 : s->page;
        uintptr_t start = (uintptr_t)bytes.at / page * page, end = (uintptr_t)bytes.at + bytes.len;
        size_t count = (end - start + page - 1) / page;

        if (count > sizeof pages || mincore((void *)start, end - start, pages) != 0)
                return false;
        for (size_t i = 0; i < count; i++)
                if (!(pages[i] & 1))
                        return false;
        return true;
}

/* MDB_NORDAHEAD has the kernel read one page for each page fault. */
void will_need(const struct store *s, struct span bytes)
{
        uintptr_t start = (uintptr_t)bytes.at / s->page * s->page, end = (uintptr_t)bytes.at + bytes.len;

        if (end - start > s->page)
                madvise((void *)start, end - start, MADV_WILLNEED);
}

void loaded_put(struct store *s, struct place p)
{
        pthread_mutex_lock(&s->loaded.lock);
        s->loaded.places[hash(p) % LOADED_SLOTS] = p;
        pthread_mutex_unlock(&s->loaded.lock);
}

/* Good for one use: the next load is verified again. Asked on the cold path only, so a lock is no harm. */
bool loaded_take(struct store *s, struct place p)
{
        struct place *slot = &s->loaded.places[hash(p) % LOADED_SLOTS];
        bool there;

        pthread_mutex_lock(&s->loaded.lock);
        there = same(*slot, p);
        if (there)
                *slot = (struct place){0, 0};
        pthread_mutex_unlock(&s->loaded.lock);
        return there;
}

/* A key's place is its hash: a clash costs a page fault, not a wrong answer. */
void place_of_key(const struct key *key, struct place *p)
{
        memcpy(&p->id, key->hash, sizeof p->id);
        p->offset = OFFSET_KEY;
}
