/* What eviction knows, kept over a restart in `meta`: where hand and fence stand, with each commit; and when the store
 * is closed, what was read: a block of bits each under "read" and its number. After a crash nothing counts as read, and
 * what is wanted shows itself anew. Ghosts are not kept. */
#include <stdio.h>
#include <stdlib.h>

#include "cache/store_private.h"

enum { BLOCK_NAME = 16 };

static const char read_prefix[] = "read ";

int put_meta(const struct store *s, MDB_txn *txn, const char *name, uint64_t n)
{
        char bytes[8], *at = bytes;
        MDB_val k = {strlen(name), (void *)(uintptr_t)name}, v = {sizeof bytes, bytes};

        put64(&at, n);
        return mdb_put(txn, s->meta, &k, &v, 0);
}

int get_meta(const struct store *s, MDB_txn *txn, const char *name, uint64_t *n)
{
        struct span value;
        int error = read_value(txn, s->meta, name, strlen(name), &value);

        if (!error && value.len != 8)
                return MDB_CORRUPTED;
        if (!error)
                *n = get64(value.at);
        return error;
}

int keep_sweep(struct store *s, MDB_txn *txn)
{
        const struct sweep_ids *at = &s->sweep.at;
        int error = put_meta(s, txn, "hand", at->hand);

        if (!error)
                error = put_meta(s, txn, "fence", at->fence);
        if (!error)
                error = put_meta(s, txn, "due", at->due);
        return error ? error : put_meta(s, txn, "lap", at->lap);
}

/* ---- what was read -------------------------------------------------------------------------------------------------
 */

/* The first block that is kept, from this name on. */
static int kept_block(MDB_cursor *cursor, MDB_val *k, MDB_val *v)
{
        int error = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);

        if (!error && (k->mv_size < strlen(read_prefix) || memcmp(k->mv_data, read_prefix, strlen(read_prefix)) != 0))
                return MDB_NOTFOUND;
        return error;
}

static void load_visits(struct store *s, MDB_txn *txn)
{
        MDB_val k = {strlen(read_prefix), (void *)(uintptr_t)read_prefix}, v;
        MDB_cursor *cursor;

        if (mdb_cursor_open(txn, s->meta, &cursor) != 0)
                return;
        for (int error = kept_block(cursor, &k, &v); !error; error = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
                char name[BLOCK_NAME] = "";

                if (k.mv_size >= sizeof name || memcmp(k.mv_data, read_prefix, strlen(read_prefix)) != 0)
                        break;
                memcpy(name, k.mv_data, k.mv_size);
                if (v.mv_size == VISIT_BLOCK_BYTES)
                        visit_restore(s, strtoul(name + strlen(read_prefix), NULL, 16) % VISIT_BLOCKS, v.mv_data);
        }
        mdb_cursor_close(cursor);
}

static int forget_visits(struct store *s, MDB_txn *txn)
{
        MDB_cursor *cursor;
        int error = mdb_cursor_open(txn, s->meta, &cursor);

        if (error)
                return error;
        while (!error) {
                MDB_val k = {strlen(read_prefix), (void *)(uintptr_t)read_prefix}, v;

                error = kept_block(cursor, &k, &v);
                if (!error)
                        error = damage_delete(s, cursor, v);
        }
        mdb_cursor_close(cursor);
        return error == MDB_NOTFOUND ? 0 : error;
}

static int put_visits(struct store *s, MDB_txn *txn)
{
        char bits[VISIT_BLOCK_BYTES], name[BLOCK_NAME];
        int error = 0;

        for (uint64_t i = 0; !error && i < VISIT_BLOCKS; i++)
                if (visit_save(s, i, bits)) {
                        int len = snprintf(name, sizeof name, "%s%04x", read_prefix, (unsigned)i);
                        MDB_val k = {(size_t)len, name}, v = {sizeof bits, bits};

                        error = mdb_put(txn, s->meta, &k, &v, 0);
                }
        return error;
}

void keep_visits(struct store *s)
{
        MDB_txn *txn;
        int error = store_readable(s) ? mdb_txn_begin(s->env, NULL, 0, &txn) : EIO;

        if (error)
                return;
        error = forget_visits(s, txn);
        if (!error)
                error = put_visits(s, txn);
        if (error)
                mdb_txn_abort(txn); /* a pity, and no more: what is wanted shows itself anew */
        else
                mdb_txn_commit(txn);
}

/* ---- opening -------------------------------------------------------------------------------------------------------
 */

/* Every id that can be read needs a bit, also one of an earlier run. */
static void begin_visits(struct store *s, MDB_txn *txn)
{
        uint64_t id = s->first_id, span = (uint64_t)VISIT_BLOCKS * VISIT_BLOCK_IDS;
        MDB_cursor *cursor;
        MDB_val k, v;

        if (mdb_cursor_open(txn, s->responses, &cursor) != 0)
                return;
        if (mdb_cursor_get(cursor, &k, &v, MDB_FIRST) == 0)
                id = read_be(k.mv_data);
        mdb_cursor_close(cursor);
        if (s->first_id - id > span)
                id = s->first_id - span;
        for (id -= id % VISIT_BLOCK_IDS; id < s->first_id; id += VISIT_BLOCK_IDS)
                visit_begin(s, id);
}

/* What a store that knows of no fence holds has had its probation. */
void load_sweep(struct store *s, MDB_txn *txn)
{
        struct sweep_ids at = {.fence = s->first_id};

        get_meta(s, txn, "hand", &at.hand);
        get_meta(s, txn, "fence", &at.fence);
        get_meta(s, txn, "due", &at.due);
        get_meta(s, txn, "lap", &at.lap);
        sweep_begin(&s->sweep, s->size - commit_reserve(s, 0), &at);
        begin_visits(s, txn);
        load_visits(s, txn);
}
