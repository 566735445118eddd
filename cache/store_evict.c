/* Making room: SIEVE over ids in order (Zhang et al., NSDI 2024). The hand walks from old to new and begins again; what
 * was read since it last came by is spared and its bit cleared, what was not is removed, unless a reader has pinned it.
 * Ids only grow, so what is removed lies together, and pages come free in runs. */
#include <stdlib.h>

#include "cache/store_private.h"

static bool doom(struct doomed *d, uint64_t id)
{
        if (d->count == d->cap) {
                size_t cap = d->cap ? d->cap * 2 : 64;
                uint64_t *ids = realloc(d->ids, cap * sizeof *ids);

                if (!ids)
                        return false;
                d->ids = ids;
                d->cap = cap;
        }
        d->ids[d->count++] = id;
        return true;
}

uint64_t pages_used(const struct store *s, MDB_txn *txn)
{
        MDB_dbi all[] = {s->meta, s->resources, s->responses, s->slices};
        uint64_t pages = 2;
        MDB_stat stat;

        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
                if (mdb_stat(txn, all[i], &stat) == 0)
                        pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
        return pages;
}

/* Takes one id out of its resource; the resource goes with its last one. */
static int unlist(struct store *s, MDB_txn *txn, const uint8_t hash[KEY_HASH], uint64_t id)
{
        struct span value, text, rest;
        struct variant v;
        MDB_val k = {KEY_HASH, (void *)(uintptr_t)hash}, new;
        char *copy, *at, *start;
        int error = read_value(txn, s->resources, hash, KEY_HASH, &value);

        if (error || !resource_key(value, &text, &rest))
                return error == MDB_NOTFOUND ? 0 : error;
        copy = malloc(value.len);
        if (!copy)
                return ENOMEM;
        at = copy;
        put16(&at, (uint16_t)text.len);
        put_span(&at, text);
        start = at;
        while (resource_next(&rest, &v))
                if (v.id != id) {
                        put64(&at, v.id);
                        put64(&at, v.variant);
                        put16(&at, (uint16_t)v.names.len);
                        put_span(&at, v.names);
                }
        new = (MDB_val){(size_t)(at - copy), copy};
        error = at == start ? mdb_del(txn, s->resources, &k, NULL) : mdb_put(txn, s->resources, &k, &new, 0);
        free(copy);
        return error;
}

static int remove_slices(struct store *s, MDB_txn *txn, uint64_t id)
{
        MDB_cursor *cursor;
        int error = mdb_cursor_open(txn, s->slices, &cursor);

        if (error)
                return error;
        while (!error) {
                char key[16];
                MDB_val k = {sizeof key, key}, v;

                slice_key(id, 0, key);
                error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
                if (!error && (k.mv_size != sizeof key || read_be(k.mv_data) != id))
                        error = MDB_NOTFOUND;
                if (!error)
                        error = mdb_cursor_del(cursor, 0);
        }
        mdb_cursor_close(cursor);
        return error == MDB_NOTFOUND ? 0 : error;
}

/* Removes an id with all it has. 0; EBUSY where it is pinned; else an error that ends the transaction. */
int remove_response(struct store *s, MDB_txn *txn, uint64_t id, struct doomed *doomed)
{
        struct record record;
        struct span value;
        char key[8];
        MDB_val k = {sizeof key, key};
        int error;

        if (!pin_condemn(s, id))
                return EBUSY;
        if (!doom(doomed, id)) {
                pin_absolve(s, id);
                return ENOMEM;
        }
        response_key(id, key);
        error = read_value(txn, s->responses, key, sizeof key, &value);
        if (!error && record_read(&record, value)) {
                doomed->bytes -= (int64_t)record_body_bytes(&record);
                error = unlist(s, txn, record.resource, id);
        }
        if (!error)
                error = mdb_del(txn, s->responses, &k, NULL);
        if (error && error != MDB_NOTFOUND)
                return error;
        return remove_slices(s, txn, id);
}

/* The next id that has a record, or only slices that some crash left behind. */
static int next_id(const struct store *s, MDB_txn *txn, uint64_t after, uint64_t *id, bool *orphan)
{
        MDB_dbi tables[2] = {s->responses, s->slices};
        uint64_t found[2] = {UINT64_MAX, UINT64_MAX};

        for (int i = 0; i < 2; i++) {
                MDB_cursor *cursor;
                char key[16];
                MDB_val k = {i ? 16 : 8, key}, v;
                int error = mdb_cursor_open(txn, tables[i], &cursor);

                if (error)
                        return error;
                slice_key(after, 0, key);
                if (mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE) == 0)
                        found[i] = read_be(k.mv_data);
                mdb_cursor_close(cursor);
        }
        *id = found[0] < found[1] ? found[0] : found[1];
        *orphan = found[1] < found[0];
        return *id == UINT64_MAX ? MDB_NOTFOUND : 0;
}

int evict_until(struct store *s, MDB_txn *txn, uint64_t room, struct doomed *doomed)
{
        uint64_t most = s->size > room ? s->size - room : 0;
        unsigned wraps = 0;

        while (pages_used(s, txn) * s->page > most && wraps < 3) {
                uint64_t id;
                bool orphan;
                int error = next_id(s, txn, s->hand, &id, &orphan);

                if (error == MDB_NOTFOUND) {
                        s->hand = 0;
                        wraps++;
                        continue;
                }
                if (error)
                        return error;
                s->hand = id + 1;
                if (orphan && id >= s->first_id) /* of this run: still arriving, or about to be abandoned */
                        continue;
                if (!orphan && visit_clear(s, id))
                        continue;
                error = remove_response(s, txn, id, doomed);
                if (error && error != EBUSY)
                        return error;
                if (!error)
                        atomic_fetch_add(&s->evicted, 1);
        }
        return 0;
}
