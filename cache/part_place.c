/* Where a part of a sparse response goes among the slices that are there. Slices of one response never overlap, so that
 * the one that begins last before a byte is the only one that may hold it.
 *
 *      there:       [----)          [------)       [---)
 *      the part:       [------------------------)
 *      put:              [----------)              what lies in between the two that it runs into
 *
 * What is there and good stays, but for slices that the part covers as a whole; what is damaged goes. */
#include "cache/store_private.h"

struct slice {
        uint64_t start, end;
        struct span value;
};

/* The slice under the cursor, if it is of this response. */
static bool slice_of(uint64_t id, int error, MDB_val k, MDB_val v, struct slice *s)
{
        if (error || k.mv_size != 16 || read_be(k.mv_data) != id)
                return false;
        s->start = read_be((const char *)k.mv_data + 8);
        s->end = s->start + (v.mv_size > SLICE_CHECKSUM ? v.mv_size - SLICE_CHECKSUM : 0);
        s->value = (struct span){v.mv_data, v.mv_size};
        return true;
}

/* The first one that begins at `at` or behind it. */
static bool slice_from(MDB_cursor *cursor, uint64_t id, uint64_t at, struct slice *s)
{
        char key[16];
        MDB_val k = {sizeof key, key}, v;

        slice_key(id, at, key);
        return slice_of(id, mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE), k, v, s);
}

/* The last one that begins before `at`. */
static bool slice_behind(MDB_cursor *cursor, uint64_t id, uint64_t at, struct slice *s)
{
        char key[16];
        MDB_val k = {sizeof key, key}, v;
        int error;

        slice_key(id, at, key);
        error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
        error = mdb_cursor_get(cursor, &k, &v, error ? MDB_LAST : MDB_PREV);
        return slice_of(id, error, k, v, s);
}

static bool sound(const struct slice *s, uint64_t id)
{
        return s->value.len > SLICE_CHECKSUM && slice_sound(s->value, id, s->start);
}

static int take_away(const struct store *store, MDB_cursor *cursor, const struct slice *s)
{
        return damage_delete(store, cursor, (MDB_val){s->value.len, (void *)(uintptr_t)s->value.at});
}

int part_place(struct store *store, MDB_txn *txn, uint64_t id, uint64_t *at, uint64_t *end)
{
        MDB_cursor *cursor;
        struct slice s;
        int error = mdb_cursor_open(txn, store->slices, &cursor);

        if (error)
                return error;
        if (slice_behind(cursor, id, *at, &s) && s.end > *at) {
                if (sound(&s, id))
                        *at = s.end;
                else
                        error = take_away(store, cursor, &s);
        }
        while (!error && *at < *end && slice_from(cursor, id, *at, &s) && s.start < *end) {
                if (s.end > *end && sound(&s, id))
                        *end = s.start;
                else
                        error = take_away(store, cursor, &s);
        }
        mdb_cursor_close(cursor);
        return error;
}
