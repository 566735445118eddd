/* What a look-up needs of the index: is it in memory, and where does the value lie? LMDB finds out by a page fault, and
 * an event loop must not wait for the disk. So the way from a table's root to its leaf is walked here (page_tree.h),
 * over pages that are known to be in memory: lately found so, or by mincore(2). LMDB is asked only where it is not
 * known where the tables begin; a damaged page is not for it, for it ends the program where it finds one.
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

static MDB_dbi dbi_of(const struct reader *r, enum table table)
{
        const MDB_dbi tables[TABLES] = {r->store->resources, r->store->responses, r->store->slices};

        return tables[table];
}

/* What LMDB says of a value, which it has not looked at. */
static enum find judge(struct reader *r, int error, struct span value)
{
        if (!error && !index_holds(r, value))
                return FIND_ERROR;
        return error == MDB_NOTFOUND ? FIND_NONE : error ? FIND_ERROR : FIND_HIT;
}

enum find index_find(struct reader *r, enum table table, struct span key, bool wait, struct span *value)
{
        struct descent d;
        int error;

        switch (descend(r, table, key, wait, &d)) {
        case DESCENT_DOWN:
                return FIND_COLD;
        case DESCENT_FOUND:
                *value = d.value;
                return d.table ? FIND_ERROR : FIND_HIT;
        case DESCENT_NONE:
                return FIND_NONE;
        case DESCENT_UNCLEAR:
                break;
        }
        if (r->roots[table] != NO_PAGE)
                return FIND_ERROR;
        error = read_value(r->txn, dbi_of(r, table), key.at, key.len, value);
        return judge(r, error, *value);
}

/* ---- the nearest key -----------------------------------------------------------------------------------------------
 */

/* The first entry below a page or the last. */
static enum find edge_entry(struct reader *r, uint64_t number, bool last, bool wait, struct span *key,
                            struct span *value)
{
        for (int depth = 0; depth < PAGE_DEPTH_MAX; depth++) {
                const char *page = page_at(&r->index, number);
                uint64_t below;

                if (!page)
                        break;
                if (!wait && !lately_resident(r, (struct span){page, r->index.size}))
                        return FIND_COLD;
                below = page_edge(&r->index, number, last);
                if (below == NO_PAGE)
                        return leaf_node(&r->index, number, last ? LAST_NODE : 0, key, value) ? FIND_HIT : FIND_ERROR;
                number = below;
        }
        return FIND_ERROR;
}

/* The nearest one where a descent has ended: in the leaf, or at the edge of the pages beside the way. */
static enum find near_entry(struct reader *r, const struct descent *d, bool found, bool after, bool wait,
                            struct span *key, struct span *value)
{
        uint64_t beside = after ? d->after : d->before;

        if (!found && (after ? d->last : d->first))
                return beside == NO_PAGE ? FIND_NONE : edge_entry(r, beside, !after, wait, key, value);
        return leaf_node(&r->index, d->page, d->node - (!found && !after), key, value) ? FIND_HIT : FIND_ERROR;
}

static enum find ask_near(struct reader *r, enum table table, struct span key, bool after, struct span *near,
                          struct span *value)
{
        MDB_val k = {key.len, (void *)(uintptr_t)key.at}, v = {0, NULL};
        MDB_cursor *cursor;
        int error = mdb_cursor_open(r->txn, dbi_of(r, table), &cursor);

        if (error)
                return FIND_ERROR;
        error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
        if (!after && (error || !span_equal((struct span){k.mv_data, k.mv_size}, key)))
                error = mdb_cursor_get(cursor, &k, &v, error == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
        mdb_cursor_close(cursor);
        *near = (struct span){k.mv_data, k.mv_size};
        *value = (struct span){v.mv_data, v.mv_size};
        return judge(r, error, *value);
}

enum find index_near(struct reader *r, enum table table, struct span key, bool after, bool wait, struct span *near,
                     struct span *value)
{
        struct descent d;
        enum descent_step step = descend(r, table, key, wait, &d);

        switch (step) {
        case DESCENT_DOWN:
                return FIND_COLD;
        case DESCENT_FOUND:
        case DESCENT_NONE:
                return near_entry(r, &d, step == DESCENT_FOUND, after, wait, near, value);
        case DESCENT_UNCLEAR:
                break;
        }
        return r->roots[table] == NO_PAGE ? ask_near(r, table, key, after, near, value) : FIND_ERROR;
}
