/* What a look-up needs of the index: is it in memory, and where does the value lie? LMDB finds out by a page fault, and
 * an event loop must not wait for the disk. So the way from a table's root to its leaf is walked here (page_tree.h),
 * over pages that are known to be in memory: lately found so, or by mincore(2). What does not look as expected is left
 * for LMDB to judge.
 *
 * The pages are those of the reader's snapshot, which its transaction keeps from being used again. */
#include <assert.h>

#include "cache/store_private.h"

/* In the table of tables, whose pages LMDB touches at the beginning of each transaction. */
static uint64_t find_root(const struct pages *in, uint64_t root, struct span name)
{
        enum descent_step step = DESCENT_DOWN;
        struct descent d;

        descent_begin(&d, root, name);
        for (int depth = 0; depth < PAGE_DEPTH_MAX && step == DESCENT_DOWN; depth++)
                step = descent_step(in, &d);
        return step == DESCENT_FOUND && d.table ? table_root(d.value) : NO_PAGE;
}

void index_begin(struct reader *r)
{
        static const struct span names[TABLES] = {SPAN("resources"), SPAN("responses"), SPAN("slices")};
        const struct store *s = r->store;
        size_t txn = mdb_txn_id(r->txn);
        uint64_t root, count;

        if (r->roots_of == txn)
                return;
        r->roots_of = txn;
        r->index = (struct pages){s->map, s->map_len / s->page, s->page};
        if (!snapshot_root(&r->index, txn, &root, &count))
                root = NO_PAGE;
        else if (count < r->index.count)
                r->index.count = count;
        for (int i = 0; i < TABLES; i++)
                r->roots[i] = root == NO_PAGE ? NO_PAGE : find_root(&r->index, root, names[i]);
}

bool index_holds(const struct reader *r, struct span value)
{
        uint64_t bytes = r->index.count * r->index.size, at = (uintptr_t)value.at - (uintptr_t)r->index.map;

        return at <= bytes && value.len <= bytes - at;
}

/* DOWN: it ends there, for the page is not in memory. */
static enum descent_step descend(struct reader *r, enum table table, struct span key, bool wait, struct descent *d)
{
        enum descent_step step = DESCENT_DOWN;

        descent_begin(d, r->roots[table], key);
        for (int depth = 0; step == DESCENT_DOWN; depth++) {
                const char *page = page_at(&r->index, d->page);

                if (!page || depth == PAGE_DEPTH_MAX)
                        return DESCENT_UNCLEAR;
                prefetch_page(page);
                if (!wait && !lately_resident(r, (struct span){page, r->index.size}))
                        break;
                step = descent_step(&r->index, d);
        }
        return step;
}

enum find index_find(struct reader *r, enum table table, struct span key, bool wait, struct span *value)
{
        const MDB_dbi tables[TABLES] = {r->store->resources, r->store->responses, r->store->slices};
        struct descent d;
        int error;

        switch (descend(r, table, key, wait, &d)) {
        case DESCENT_DOWN:
                return FIND_COLD;
        case DESCENT_FOUND:
                if (d.table)
                        break;
                *value = d.value;
                return FIND_HIT;
        case DESCENT_NONE:
                return FIND_NONE;
        case DESCENT_UNCLEAR:
                break;
        }
        error = read_value(r->txn, tables[table], key.at, key.len, value);
        if (!error && !index_holds(r, *value))
                error = MDB_NOTFOUND;
        return error == MDB_NOTFOUND ? FIND_NONE : error ? FIND_ERROR : FIND_HIT;
}

/* Down along the first children or the last. */
static bool edge_resident(struct reader *r, uint64_t number, bool last)
{
        const char *page;

        for (int depth = 0; depth < PAGE_DEPTH_MAX && (page = page_at(&r->index, number)); depth++) {
                if (!lately_resident(r, (struct span){page, r->index.size}))
                        return false;
                number = page_edge(&r->index, number, last);
        }
        return true;
}

bool index_resident(struct reader *r, enum table table, struct span key)
{
        struct descent d;
        enum descent_step step = descend(r, table, key, false, &d);

        if (step == DESCENT_NONE && d.last)
                return edge_resident(r, d.after, false);
        if (step == DESCENT_NONE && d.first)
                return edge_resident(r, d.before, true);
        return step != DESCENT_DOWN;
}
