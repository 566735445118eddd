/* The pages of LMDB 0.9 (data version 1), in the machine's byte order, lengths in bytes:
 *
 * page    number 8, padding 2, flags 2, lower 2, upper 2; up to `lower` offsets of 2 of its nodes, in the keys' order
 * node    low 2, high 2, flags 2, length of the key 2, key; in a leaf the value follows
 *         in a branch low, high and flags are the child's number, and the first key counts as less than all
 *         in a leaf low and high are the value's length; a big one is elsewhere: the number 8 of its first page follows
 *         instead, and it lies there behind the head of a page, in one piece
 * table   padding 4, flags 2, depth 2, branches 8, leaves 8, overflow pages 8, entries 8, root 8
 * free    in the table of free pages under each transaction's number: how many it has set free 8, and their numbers 8
 * meta    head of a page, magic 4, version 4, address 8, size 8, the tables of free pages and of tables, last page 8,
 *         transaction 8; page 0 or 1, by the transaction's lowest bit
 *
 * Most of the time goes to lines that are in none of the processor's caches, one after the other where each says which
 * is next. So a search guesses: keys are hashes or numbers that were given one after the other, and where one lies
 * between two others tells where it lies in the page. */
#include "cache/page_tree.h"

#include <endian.h>
#include <stdatomic.h>
#include <string.h>

enum {
        PAGE_HEAD = 16,
        NODE_HEAD = 8,
        BRANCH = 1, /* flags of a page */
        LEAF = 2,
        BIG = 1, /* flags of a node */
        SUBTABLE = 2,
        TABLE_ROOT = 40, /* where in a table */
        TABLE_SIZE = 48,
        META_VERSION = PAGE_HEAD + 4,
        META_FREE = PAGE_HEAD + 24,
        META_MAIN = META_FREE + TABLE_SIZE,
        META_LAST = META_MAIN + TABLE_SIZE,
        META_TXN = META_LAST + 8,
        GUESSES = 4, /* in a page, before halves are taken */
        LINE = 64
};

struct page {
        const char *at;
        unsigned size, nodes;
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

const char *page_at(const struct pages *in, uint64_t number)
{
        return number < in->count ? in->map + number * in->size : NULL;
}

/* False: it is none, or none of a tree. */
static bool read_page(const struct pages *in, uint64_t number, struct page *p)
{
        unsigned lower, flags;

        p->at = page_at(in, number);
        if (!p->at || eight(p->at) != number)
                return false;
        flags = two(p->at + 10);
        lower = two(p->at + 12);
        p->size = in->size;
        p->leaf = flags == LEAF;
        p->nodes = lower > PAGE_HEAD && lower <= in->size ? (lower - PAGE_HEAD) / 2 : 0;
        return p->nodes > 0 && (flags == LEAF || flags == BRANCH);
}

static const char *node(const struct page *p, unsigned i)
{
        unsigned at = two(p->at + PAGE_HEAD + (size_t)2 * i);

        return p->at + (at + NODE_HEAD <= p->size ? at : PAGE_HEAD);
}

static size_t node_room(const struct page *p, const char *n)
{
        return p->size - (size_t)(n - p->at) - NODE_HEAD;
}

static struct span node_key(const struct page *p, const char *n)
{
        size_t room = node_room(p, n), len = two(n + 6);

        return (struct span){n + NODE_HEAD, len < room ? len : room};
}

static uint64_t child(const struct page *p, unsigned i)
{
        const char *n = node(p, i);

        return two(n) | (uint64_t)two(n + 2) << 16U | (uint64_t)two(n + 4) << 32U;
}

static int compare(struct span a, struct span b)
{
        int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

        return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* What a key begins with, as a number in the keys' order. */
static uint64_t leading(struct span key)
{
        uint64_t n = 0;

        memcpy(&n, key.at, key.len < sizeof n ? key.len : sizeof n);
        return be64toh(n);
}

/* ---- search --------------------------------------------------------------------------------------------------------
 */

/* Nodes [low, high) of a page whose keys may be the one that is looked for, which lies between `from` and `to`. */
struct search {
        unsigned low, high;
        uint64_t from, to;
};

static unsigned guess(const struct search *s, uint64_t wanted)
{
        unsigned nodes = s->high - s->low, i;

        if (wanted <= s->from || s->to <= s->from)
                return s->low;
        i = (unsigned)((double)nodes * (double)(wanted - s->from) / (double)(s->to - s->from));
        return s->low + (i < nodes ? i : nodes - 1);
}

/* Equal: both ends come together there. */
static bool probe(const struct page *p, struct search *s, unsigned i, struct span key)
{
        struct span found = node_key(p, node(p, i));
        int order = compare(found, key);

        if (order < 0) {
                s->low = i + 1;
                s->from = leading(found);
        } else {
                s->high = i;
                s->to = leading(found);
        }
        if (order == 0)
                s->low = i;
        return order == 0;
}

/* Those next to a guess come from memory at the same time, not one after the other. */
static void prefetch_nodes(const struct page *p, const struct search *s, unsigned guessed)
{
        unsigned i = guessed > s->low + 1 ? guessed - 2 : s->low;

        for (; i < s->high && i < guessed + 3; i++) {
                const char *n = node(p, i);

                __builtin_prefetch(n + NODE_HEAD);
        }
}

/* To the first node from `low` on whose key is not less, or to the number of nodes: there both ends are. */
static bool search_page(const struct page *p, struct search *s, struct span key)
{
        uint64_t wanted = leading(key);
        bool equal = false;

        if (s->to == UINT64_MAX && s->low < s->high)
                equal = probe(p, s, s->high - 1, key);
        if (s->low < s->high)
                prefetch_nodes(p, s, guess(s, wanted));
        for (int i = 0; i < GUESSES && s->low < s->high; i++)
                equal = probe(p, s, guess(s, wanted), key);
        while (s->low < s->high)
                equal = probe(p, s, s->low + (s->high - s->low) / 2, key);
        return equal;
}

/* ---- the way to a leaf ---------------------------------------------------------------------------------------------
 */

void descent_begin(struct descent *d, uint64_t root, struct span key)
{
        *d = (struct descent){.key = key, .page = root, .to = UINT64_MAX, .before = NO_PAGE, .after = NO_PAGE};
}

static enum descent_step step_down(struct descent *d, const struct page *p)
{
        struct search s = {1, p->nodes, d->from, d->to};
        unsigned i = search_page(p, &s, d->key) ? s.low : s.low - 1;

        d->from = s.from;
        d->to = s.to;
        d->before = i ? child(p, i - 1) : d->before;
        d->after = i + 1 < p->nodes ? child(p, i + 1) : d->after;
        d->page = child(p, i);
        return DESCENT_DOWN;
}

static bool read_value(const struct pages *in, const struct page *p, const char *n, struct span *value)
{
        size_t key = two(n + 6), len = two(n) | (size_t)two(n + 2) << 16U, flags = two(n + 4);
        const char *at = n + NODE_HEAD + key;
        uint64_t number;

        if (flags & ~(size_t)(BIG | SUBTABLE) || key + (flags & BIG ? sizeof number : len) > node_room(p, n))
                return false;
        if (flags & BIG) {
                number = eight(at);
                at = page_at(in, number);
                if (!at || PAGE_HEAD + len > (in->count - number) * in->size)
                        return false;
                at += PAGE_HEAD;
        }
        *value = (struct span){at, len};
        return true;
}

static enum descent_step step_leaf(const struct pages *in, struct descent *d, const struct page *p)
{
        struct search s = {0, p->nodes, d->from, d->to};
        bool found = search_page(p, &s, d->key);
        const char *n;

        d->node = s.low;
        if (!found) {
                d->first = s.low == 0;
                d->last = s.low == p->nodes;
                return DESCENT_NONE;
        }
        n = node(p, s.low);
        d->table = two(n + 4) & SUBTABLE;
        return read_value(in, p, n, &d->value) ? DESCENT_FOUND : DESCENT_UNCLEAR;
}

enum descent_step descent_step(const struct pages *in, struct descent *d)
{
        struct page p;

        if (!read_page(in, d->page, &p))
                return DESCENT_UNCLEAR;
        return p.leaf ? step_leaf(in, d, &p) : step_down(d, &p);
}

void prefetch_page(const char *page)
{
        for (size_t at = 0; at < PAGE_HEAD + 2 * LINE; at += LINE)
                __builtin_prefetch(page + at);
}

uint64_t page_edge(const struct pages *in, uint64_t number, bool last)
{
        struct page p;

        if (!read_page(in, number, &p) || p.leaf)
                return NO_PAGE;
        return child(&p, last ? p.nodes - 1 : 0);
}

bool leaf_node(const struct pages *in, uint64_t number, unsigned i, struct span *key, struct span *value)
{
        struct page p;
        const char *n;

        if (!read_page(in, number, &p) || !p.leaf)
                return false;
        if (i == LAST_NODE)
                i = p.nodes - 1;
        if (i >= p.nodes)
                return false;
        n = node(&p, i);
        *key = node_key(&p, n);
        return !(two(n + 4) & SUBTABLE) && read_value(in, &p, n, value);
}

/* ---- where the tables begin ----------------------------------------------------------------------------------------
 */

uint64_t table_root(struct span table)
{
        return table.len == TABLE_SIZE ? eight(table.at + TABLE_ROOT) : NO_PAGE;
}

/* The next transaction but one takes the same page. Before that the next one has taken the other: while that one says
 * nothing of it, what was read here was not overwritten meanwhile. */
bool snapshot_root(const struct pages *in, uint64_t transaction, uint64_t *root, uint64_t *count)
{
        const char *meta = page_at(in, transaction & 1U), *other = page_at(in, ~transaction & 1U);

        if (!meta || !other || two(meta + META_VERSION) != 1 || eight(meta + META_TXN) != transaction)
                return false;
        *root = eight(meta + META_MAIN + TABLE_ROOT);
        *count = eight(meta + META_LAST) + 1;
        atomic_thread_fence(memory_order_acquire);
        return eight(other + META_TXN) <= transaction;
}

static uint64_t count_from(struct span list, uint64_t from)
{
        uint64_t listed = list.len / 8 ? eight(list.at) : 0, count = 0;

        for (uint64_t i = 1; i <= listed && i < list.len / 8; i++)
                count += eight(list.at + 8 * i) >= from;
        return count;
}

struct free_count {
        const struct pages *in;
        uint64_t from, count;
        uint64_t left; /* pages that may still be looked at: a damaged tree may come back to itself */
};

/* Of the leaves below a page; `depth`: so deep at the most. */
static bool count_free(struct free_count *f, uint64_t number, unsigned depth)
{
        struct page p;
        bool clear = depth > 0 && f->left > 0 && read_page(f->in, number, &p);

        f->left -= clear;
        for (unsigned i = 0; clear && i < p.nodes; i++) {
                struct span list = {NULL, 0};

                clear = p.leaf ? read_value(f->in, &p, node(&p, i), &list) : count_free(f, child(&p, i), depth - 1);
                f->count += count_from(list, f->from);
        }
        return clear;
}

bool snapshot_unused(const struct pages *in, uint64_t transaction, uint64_t from, uint64_t *count)
{
        const char *meta = page_at(in, transaction & 1U);
        struct free_count f = {.in = in, .from = from, .left = in->count};
        uint64_t root;
        bool clear;

        if (!meta || two(meta + META_VERSION) != 1 || eight(meta + META_TXN) != transaction)
                return false;
        root = eight(meta + META_FREE + TABLE_ROOT);
        clear = root == NO_PAGE || count_free(&f, root, PAGE_DEPTH_MAX);
        *count = f.count;
        return clear;
}
