/* Making room. The hand and the fence (cache/sweep.h) walk from old ids to new ones; what was read since one of them
 * last came by is spared and its bit cleared, what was not is removed, unless a reader has pinned it. Ids only grow, so
 * what is removed lies together, and pages come free in runs. */
#include <stdlib.h>

#include "cache/store_private.h"

static bool list(uint64_t **ids, size_t *count, size_t *room, uint64_t id)
{
        if (*count == *room) {
                size_t cap = *room ? *room * 2 : 64;
                uint64_t *more = realloc(*ids, cap * sizeof *more);

                if (!more)
                        return false;
                *ids = more;
                *room = cap;
        }
        (*ids)[(*count)++] = id;
        return true;
}

static bool doom(struct doomed *d, uint64_t id)
{
        return list(&d->ids, &d->count, &d->cap, id);
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

        if (!error && (!resource_sound(value) || !resource_key(value, &text, &rest)))
                return mdb_del(txn, s->resources, &k, NULL); /* of no use to anybody */
        if (error)
                return error == MDB_NOTFOUND ? 0 : error;
        copy = malloc(value.len);
        if (!copy)
                return ENOMEM;
        at = copy + RESOURCE_CHECKSUM;
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
        resource_seal(copy, new.mv_size);
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
                        error = damage_delete(s, cursor, v);
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

/* ---- which one goes ------------------------------------------------------------------------------------------------
 */

/* A key by the first bytes of its hash, for the ghosts. */
static uint32_t ghost_mark(const uint8_t hash[KEY_HASH])
{
        uint32_t mark;

        memcpy(&mark, hash, sizeof mark);
        return mark;
}

void evict_later(struct store *s, uint64_t id, const uint8_t hash[KEY_HASH], bool again)
{
        visit_begin(s, id);
        if (ghosts_take(&s->ghosts, ghost_mark(hash), s->sweep.room) || again)
                visit_mark(s, id);
}

/* Removes it, and remembers that it was there. */
static int evict(struct store *s, MDB_txn *txn, uint64_t id, struct doomed *doomed)
{
        uint64_t before = pages_used(s, txn), after;
        struct record record = {0};
        struct span value;
        char key[8];
        int error;
        bool known;

        response_key(id, key);
        known = read_value(txn, s->responses, key, sizeof key, &value) == 0 && record_read(&record, value);
        error = remove_response(s, txn, id, doomed);
        if (error)
                return error;
        atomic_fetch_add(&s->evicted, 1);
        after = pages_used(s, txn);
        ghosts_fit(&s->ghosts, atomic_load(&s->responses_count));
        if (known)
                ghosts_put(&s->ghosts, ghost_mark(record.resource), before > after ? (before - after) * s->page : 0);
        return 0;
}

/* What the hand or the fence has come to: spared or removed. 0; EBUSY where it was spared; else an error that ends the
 * transaction. */
static int judge(struct store *s, MDB_txn *txn, uint64_t id, bool orphan, struct doomed *doomed)
{
        if (orphan && id >= s->first_id) /* of this run: still arriving, or about to be abandoned */
                return EBUSY;
        if (!orphan && visit_clear(s, id)) {
                list(&doomed->spared.ids, &doomed->spared.count, &doomed->spared.cap, id);
                return EBUSY;
        }
        writer_spend(s, 0);
        return evict(s, txn, id, doomed);
}

/* What came to nothing leaves no trace: else a full map would let the fence pass what had no probation. */
void evict_ended(struct store *s, struct doomed *doomed, bool well)
{
        if (!well) {
                s->sweep = doomed->before;
                for (size_t i = 0; i < doomed->spared.count; i++)
                        visit_mark(s, doomed->spared.ids[i]);
        }
        for (size_t i = 0; i < doomed->count; i++)
                pin_absolve(s, doomed->ids[i]);
        free(doomed->spared.ids);
        free(doomed->ids);
        *doomed = (struct doomed){0};
}

int evict_until(struct store *s, MDB_txn *txn, uint64_t room, struct doomed *doomed)
{
        uint64_t most = s->size > room ? s->size - room : 0;
        unsigned laps = 0; /* since anything was removed: after two nothing that is old can be had */

        doomed->before = s->sweep;
        while (pages_used(s, txn) * s->page > most) {
                struct sweep_reach reach = sweep_reach(&s->sweep, laps >= 2);
                uint64_t id;
                bool orphan;
                int error = next_id(s, txn, reach.from, &id, &orphan);

                if (error == MDB_NOTFOUND || (!error && id >= reach.to)) {
                        if (laps >= 2 && reach.fence)
                                break;
                        laps += sweep_ended(&s->sweep, &reach);
                        continue;
                }
                if (error)
                        return error;
                sweep_passed(&s->sweep, &reach, id);
                error = judge(s, txn, id, orphan, doomed);
                if (error && error != EBUSY)
                        return error;
                if (!error)
                        laps = 0;
        }
        return 0;
}
