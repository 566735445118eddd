/* Is it in memory, and was it verified since it came there? Each reader remembers what it verified lately, which spares
 * a hot object both questions; for the rest mincore(2) answers the first, and a checksum the second. */
#include <sys/mman.h>

#include "cache/store_private.h"

enum { SEEN_PAGES_MAX = 16 };

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

void prefetch_seen(const struct reader *r, struct place p)
{
        __builtin_prefetch(&r->seen[hash(p) % SEEN_SLOTS]);
}

void seen_now(struct reader *r, struct place p)
{
        r->seen[hash(p) % SEEN_SLOTS] = (struct seen){p, r->tick};
}

static bool resident(const struct store *s, struct span bytes)
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

/* The pages [first, end) of the map that hold them. */
struct page_range {
        uint64_t first, end;
};

static struct page_range pages_of(const struct store *s, struct span bytes)
{
        size_t at = (size_t)(bytes.at - s->map);

        return (struct page_range){at / s->page, (at + bytes.len + s->page - 1) / s->page};
}

static bool page_seen(const struct reader *r, uint64_t number)
{
        const struct seen_page *seen = &r->pages[number % PAGE_SLOTS];

        return seen->sharer == number / PAGE_SLOTS + 1 && (uint16_t)(r->tick - seen->tick) < SEEN_TICKS;
}

static void page_seen_now(struct reader *r, uint64_t number)
{
        uint64_t sharer = number / PAGE_SLOTS + 1;

        if (sharer <= UINT16_MAX)
                r->pages[number % PAGE_SLOTS] = (struct seen_page){(uint16_t)sharer, (uint16_t)r->tick};
}

/* A long value is read slice by slice, and was verified when it was last seen: its pages are not worth the slots. */
bool lately_resident(struct reader *r, struct span bytes)
{
        struct page_range pages = pages_of(r->store, bytes);
        uint64_t seen = pages.first;

        if (pages.end - pages.first > SEEN_PAGES_MAX)
                return resident(r->store, bytes);
        while (seen < pages.end && page_seen(r, seen))
                seen++;
        if (seen == pages.end)
                return true;
        if (!resident(r->store, bytes))
                return false;
        for (uint64_t n = pages.first; n < pages.end; n++)
                page_seen_now(r, n);
        return true;
}

void forget_pages(struct reader *r)
{
        struct seen_page *some = &r->pages[r->tick % PAGE_SWEEP * (PAGE_SLOTS / PAGE_SWEEP)];

        for (size_t i = 0; i < PAGE_SLOTS / PAGE_SWEEP; i++)
                if (some[i].sharer)
                        some[i] = (struct seen_page){0, 0};
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
