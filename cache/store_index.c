/* Is what a look-up will touch of the index in memory? LMDB finds out by a page fault, and an event loop must not wait
 * for the disk. So the way from a table's root to its leaf is walked here first, over pages that are known to be in
 * memory: lately found so, or by mincore(2). What does not look as expected is left for LMDB to judge.
 *
 * The pages of LMDB 0.9 (data version 1), in the machine's byte order, lengths in bytes:
 *
 * page    number 8, padding 2, flags 2, lower 2, upper 2; up to `lower` offsets of 2 of its nodes, in the keys' order
 * node    low 2, high 2, flags 2, length of the key 2, key; in a leaf the value follows
 *         in a branch low, high and flags are the child's number, and the first key counts as less than all
 * table   padding 4, flags 2, depth 2, branches 8, leaves 8, overflow pages 8, entries 8, root 8
 * meta    head of a page, magic 4, version 4, address 8, size 8, the tables of free pages and of tables, last page 8,
 *         transaction 8; page 0 or 1, by the transaction's lowest bit
 */
#include <assert.h>

#include "cache/store_private.h"

enum {
        PAGE_HEAD = 16,
        NODE_HEAD = 8,
        LEAF = 2,        /* flag of a page */
        SUBTABLE = 2,    /* flag of a node: its value is a table */
        TABLE_ROOT = 40, /* where in a table */
        TABLE_SIZE = 48,
        META_VERSION = PAGE_HEAD + 4,
        META_MAIN = PAGE_HEAD + 24 + TABLE_SIZE,
        META_TXN = META_MAIN + TABLE_SIZE + 8,
        DEPTH_MAX = 32
};

struct page {
        const char *at;
        unsigned nodes;
        bool leaf;
};

static uint16_t two(const char *p)
{
        uint16_t n;

        memcpy(&n, p, sizeof n);
        return n;
}

static uint64_t eight(const char *p)
{
        uint64_t n;

        memcpy(&n, p, sizeof n);
        return n;
}

static const char *page_at(const struct store *s, uint64_t number)
{
        return number < s->map_len / s->page ? s->map + number * s->page : NULL;
}

static bool page_resident(struct reader *r, uint64_t number)
{
        struct seen_page *seen = &r->pages[number % PAGE_SLOTS];
        const char *at = page_at(r->store, number);

        if (!at || (seen->number == number && seen->tick && r->tick - seen->tick < SEEN_TICKS))
                return true;
        if (!resident(r->store, (struct span){at, r->store->page}))
                return false;
        *seen = (struct seen_page){number, r->tick};
        return true;
}

/* False: it is none, or none of ours. */
static bool read_page(const struct store *s, uint64_t number, struct page *p)
{
        unsigned lower;

        p->at = page_at(s, number);
        if (!p->at || eight(p->at) != number)
                return false;
        lower = two(p->at + 12);
        p->leaf = two(p->at + 10) & LEAF;
        p->nodes = lower > PAGE_HEAD && lower <= s->page ? (lower - PAGE_HEAD) / 2 : 0;
        return p->nodes > 0;
}

static const char *node(const struct store *s, const struct page *p, unsigned i)
{
        unsigned at = two(p->at + PAGE_HEAD + (size_t)2 * i);

        return p->at + (at + NODE_HEAD <= s->page ? at : PAGE_HEAD);
}

static struct span node_key(const struct store *s, const struct page *p, const char *n)
{
        size_t room = s->page - (size_t)(n - p->at) - NODE_HEAD, len = two(n + 6);

        return (struct span){n + NODE_HEAD, len < room ? len : room};
}

static uint64_t child(const struct store *s, const struct page *p, unsigned i)
{
        const char *n = node(s, p, i);

        return two(n) | (uint64_t)two(n + 2) << 16U | (uint64_t)two(n + 4) << 32U;
}

static int compare(struct span a, struct span b)
{
        int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

        return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The first node from `low` on whose key is not less; the number of nodes where there is none. */
static unsigned search(const struct store *s, const struct page *p, unsigned low, struct span key, bool *equal)
{
        unsigned high = p->nodes;

        *equal = false;
        while (low < high) {
                unsigned middle = (low + high) / 2;
                int order = compare(node_key(s, p, node(s, p, middle)), key);

                *equal = *equal || order == 0;
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static unsigned choose_child(const struct store *s, const struct page *p, struct span key)
{
        bool equal;
        unsigned i = search(s, p, 1, key, &equal);

        return equal ? i : i - 1;
}

/* ---- where the tables begin ----------------------------------------------------------------------------------------
 */

/* In the table of tables, whose pages LMDB touches at the beginning of each transaction. */
static uint64_t find_root(const struct store *s, uint64_t number, struct span name)
{
        struct page p;

        for (int depth = 0; depth < DEPTH_MAX && read_page(s, number, &p); depth++) {
                const char *n, *value;
                bool equal;
                unsigned i;

                if (!p.leaf) {
                        number = child(s, &p, choose_child(s, &p, name));
                        continue;
                }
                i = search(s, &p, 0, name, &equal);
                n = node(s, &p, i < p.nodes ? i : 0);
                value = n + NODE_HEAD + two(n + 6);
                if (!equal || !(two(n + 4) & SUBTABLE) || value + TABLE_SIZE > p.at + s->page)
                        break;
                return eight(value + TABLE_ROOT);
        }
        return NO_PAGE;
}

/* Those of the reader's snapshot. A meta page that belongs to a later one already says nothing of ours. */
static void find_roots(struct reader *r)
{
        static const struct span names[TABLES] = {SPAN("resources"), SPAN("responses"), SPAN("slices")};
        const struct store *s = r->store;
        size_t txn = mdb_txn_id(r->txn);
        const char *meta = page_at(s, txn & 1U);
        uint64_t main_table = NO_PAGE;

        if (r->roots_of == txn)
                return;
        r->roots_of = txn;
        if (meta && two(meta + META_VERSION) == 1 && eight(meta + META_TXN) == txn)
                main_table = eight(meta + META_MAIN + TABLE_ROOT);
        for (int i = 0; i < TABLES; i++)
                r->roots[i] = find_root(s, main_table, names[i]);
}

/* ---- the way to a leaf ---------------------------------------------------------------------------------------------
 */

/* Down along the first children or the last. */
static bool edge_resident(struct reader *r, uint64_t number, bool last)
{
        struct page p;

        for (int depth = 0; depth < DEPTH_MAX && number != NO_PAGE; depth++) {
                if (!page_resident(r, number))
                        return false;
                if (!read_page(r->store, number, &p) || p.leaf)
                        return true;
                number = child(r->store, &p, last ? p.nodes - 1 : 0);
        }
        return true;
}

bool index_resident(struct reader *r, enum table table, struct span key, bool neighbours)
{
        const struct store *s = r->store;
        uint64_t number, before = NO_PAGE, after = NO_PAGE;
        struct page p;
        bool equal;
        unsigned i;

        find_roots(r);
        number = r->roots[table];
        for (int depth = 0; depth < DEPTH_MAX && number != NO_PAGE; depth++) {
                if (!page_resident(r, number))
                        return false;
                if (!read_page(s, number, &p))
                        return true;
                if (p.leaf)
                        break;
                i = choose_child(s, &p, key);
                before = i ? child(s, &p, i - 1) : before;
                after = i + 1 < p.nodes ? child(s, &p, i + 1) : after;
                number = child(s, &p, i);
        }
        if (number == NO_PAGE || !neighbours || !p.leaf)
                return true;
        i = search(s, &p, 0, key, &equal);
        if (i == p.nodes)
                return edge_resident(r, after, false);
        return i || equal || edge_resident(r, before, true);
}
