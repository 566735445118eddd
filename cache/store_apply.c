/* The writer's operations, each within its transaction. */
#include <errno.h>
#include <stdlib.h>

#include "cache/op.h"

enum { PURGE_PIECE = 4096 };

static bool has_record(const struct store *s, MDB_txn *txn, uint64_t id)
{
        struct span value;
        char key[8];

        response_key(id, key);
        return read_value(txn, s->responses, key, sizeof key, &value) == 0;
}

static int put_slice(struct store *s, MDB_txn *txn, const struct op *op, uint64_t at, uint64_t end)
{
        struct span bytes = {op->bytes + (at - op->offset), (size_t)(end - at)};
        char key[16];
        MDB_val k = {sizeof key, key}, v = {SLICE_CHECKSUM + bytes.len, NULL};
        int error;

        slice_key(op->id, at, key);
        error = mdb_put(txn, s->slices, &k, &v, MDB_RESERVE);
        if (error)
                return error;
        slice_checksum(bytes, op->id, at, v.mv_data);
        memcpy((char *)v.mv_data + SLICE_CHECKSUM, bytes.at, bytes.len);
        return 0;
}

static int apply_slice(struct store *s, MDB_txn *txn, struct op *op)
{
        uint64_t at = op->offset, end = op->offset + op->len, most = s->narrow ? SLICE_UNIT : SLICE_MAX;
        int error = 0;

        if (op->part && !has_record(s, txn, op->id))
                return 0;
        if (op->part)
                error = part_place(s, txn, op->id, &at, &end);
        for (; !error && at < end; at += most)
                error = put_slice(s, txn, op, at, end - at < most ? end : at + most);
        return error;
}

static int put_record(struct store *s, MDB_txn *txn, uint64_t id, const struct record *r)
{
        char key[8];
        MDB_val k = {sizeof key, key}, v = {record_size(r), NULL};
        int error;

        response_key(id, key);
        error = mdb_put(txn, s->responses, &k, &v, MDB_RESERVE);
        if (!error)
                record_write(r, id, v.mv_data);
        return error;
}

/* The variants that stay: not the one that is replaced, and of too many not the oldest. Responses that are then found
 * by no selecting values any more are in *gone. */
static void keep_variants(struct span rest, const struct op *op, char **at, struct doomed *gone)
{
        struct variant all[VARIANTS_MAX + 1];
        uint64_t ids[VARIANTS_MAX + 1];
        size_t count = 0, first = 0, kept = 0, left = 0;

        while (count < VARIANTS_MAX && resource_next(&rest, &all[count]))
                count++;
        if (count == VARIANTS_MAX)
                first = 1;
        gone->count = 0;
        for (size_t i = 0; i < count; i++) {
                const struct variant *v = &all[i];

                if (i < first || v->id == op->replaces ||
                    (v->variant == op->variant && span_equal(v->names, op->names))) {
                        gone->ids[gone->count++] = v->id;
                        continue;
                }
                put64(at, v->id);
                put64(at, v->variant);
                put16(at, (uint16_t)v->names.len);
                put_span(at, v->names);
                ids[kept++] = v->id;
        }
        ids[kept++] = op->id;
        for (size_t i = 0; i < gone->count; i++)
                if (!is_among(ids, kept, gone->ids[i]))
                        gone->ids[left++] = gone->ids[i];
        gone->count = left;
}

static int put_resource(struct store *s, MDB_txn *txn, const struct op *op, struct doomed *gone)
{
        struct span value = {NULL, 0}, text, rest = {NULL, 0};
        MDB_val k = {KEY_HASH, (void *)(uintptr_t)op->hash}, v;
        int error = read_value(txn, s->resources, op->hash, KEY_HASH, &value);
        char *copy, *at;

        if (error && error != MDB_NOTFOUND)
                return error;
        if (!error && (!resource_sound(value) || !resource_key(value, &text, &rest) || !span_equal(text, op->key)))
                rest = (struct span){NULL, 0}; /* damaged, or a clash of hashes: the newer key takes the place */
        copy = malloc(value.len + op->key.len + op->names.len + 32);
        if (!copy)
                return ENOMEM;
        at = copy + RESOURCE_CHECKSUM;
        put16(&at, (uint16_t)op->key.len);
        put_span(&at, op->key);
        keep_variants(rest, op, &at, gone);
        put64(&at, op->id);
        put64(&at, op->variant);
        put16(&at, (uint16_t)op->names.len);
        put_span(&at, op->names);
        v = (MDB_val){(size_t)(at - copy), copy};
        resource_seal(copy, v.mv_size);
        error = mdb_put(txn, s->resources, &k, &v, 0);
        free(copy);
        return error;
}

/* Whether all of the body is there: a batch that had some of its slices may have failed. */
static bool slices_complete(struct store *s, MDB_txn *txn, const struct op *op)
{
        uint64_t at = 0;

        while (at < op->record.length) {
                struct span value;
                char key[16];

                slice_key(op->id, at, key);
                if (read_value(txn, s->slices, key, sizeof key, &value) != 0 || value.len <= SLICE_CHECKSUM)
                        return false;
                at += value.len - SLICE_CHECKSUM;
        }
        return true;
}

/* Its selecting values find the response from now on; what only they had found goes. */
static int list_response(struct store *s, MDB_txn *txn, const struct op *op, struct doomed *doomed)
{
        uint64_t ids[VARIANTS_MAX + 1];
        struct doomed gone = {.ids = ids, .cap = VARIANTS_MAX + 1};
        int error = put_resource(s, txn, op, &gone);

        for (size_t i = 0; !error && i < gone.count; i++) {
                error = remove_response(s, txn, gone.ids[i], doomed);
                if (error == EBUSY) /* somebody reads it: nobody will find it, and eviction takes it later */
                        error = 0;
        }
        return error;
}

static int apply_response(struct store *s, MDB_txn *txn, struct op *op, struct doomed *doomed)
{
        int error = put_record(s, txn, op->id, &op->record);

        doomed->bytes += (int64_t)record_body_bytes(&op->record);
        evict_later(s, op->id, op->hash, op->replaces != 0);
        op->unlisted = !error;
        return error;
}

/* New times and fields; an inline body is taken along. */
static int apply_freshen(struct store *s, MDB_txn *txn, struct op *op)
{
        struct record old, new = op->record;
        struct span value;
        char key[8], *body = NULL;
        int error;

        response_key(op->id, key);
        error = read_value(txn, s->responses, key, sizeof key, &value);
        if (error || !record_sound(value, op->id) || !record_read(&old, value))
                return error == MDB_NOTFOUND ? 0 : error;
        memcpy(new.resource, old.resource, KEY_HASH);
        new.length = old.length;
        new.stored.flags |= old.stored.flags &STORED_SPARSE;
        new.inlined = old.inlined;
        if (old.inlined) { /* the old value moves when the new one is put */
                body = malloc(old.body.len + 1);
                if (!body)
                        return ENOMEM;
                memcpy(body, old.body.at, old.body.len);
                new.body = (struct span){body, old.body.len};
        }
        error = put_record(s, txn, op->id, &new);
        free(body);
        return error;
}

static bool purge_matches(const struct op *op, struct span text)
{
        return purge_covers(op->purge, op->key, text);
}

/* Removes all variants of a resource; counts them. */
static int purge_resource(struct store *s, MDB_txn *txn, struct op *op, struct span rest, struct doomed *doomed)
{
        uint64_t ids[VARIANTS_MAX + 1];
        struct variant v;
        size_t count = 0;

        while (count < VARIANTS_MAX + 1 && resource_next(&rest, &v))
                ids[count++] = v.id;
        for (size_t i = 0; i < count; i++) {
                int error = remove_response(s, txn, ids[i], doomed);

                if (error && error != EBUSY)
                        return error;
                op->removing += !error;
        }
        return 0;
}

static int purge_key(struct store *s, MDB_txn *txn, struct op *op, struct doomed *doomed)
{
        struct span value, text, rest;
        MDB_val k = {KEY_HASH, op->hash};
        int error = read_value(txn, s->resources, op->hash, KEY_HASH, &value);

        if (error || !resource_key(value, &text, &rest) || !purge_matches(op, text))
                return error == MDB_NOTFOUND ? 0 : error;
        error = purge_resource(s, txn, op, rest, doomed);
        if (!error)
                error = mdb_del(txn, s->resources, &k, NULL);
        return error == MDB_NOTFOUND ? 0 : error;
}

/* Takes the resource under the cursor away; op->reached is its key. */
static int purge_found(struct store *s, MDB_txn *txn, struct op *op, MDB_val k, struct span rest, struct doomed *doomed)
{
        MDB_val again = {KEY_HASH, op->reached};
        int error;

        memcpy(op->reached, k.mv_data, KEY_HASH);
        error = purge_resource(s, txn, op, rest, doomed);
        if (!error)
                error = mdb_del(txn, s->resources, &again, NULL); /* gone already with its last response */
        return error == MDB_NOTFOUND ? 0 : error;
}

/* Walks the resources from op->reached on, until some thousand responses are gone or all has been seen. */
static int purge_walk(struct store *s, MDB_txn *txn, struct op *op, struct doomed *doomed)
{
        MDB_val k = {KEY_HASH, op->reached}, v;
        MDB_cursor *cursor;
        size_t before = doomed->count;
        int error = mdb_cursor_open(txn, s->resources, &cursor);

        if (error)
                return error;
        error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
        while (!error && doomed->count - before < PURGE_PIECE) {
                struct span text, rest;

                if (k.mv_size == KEY_HASH && resource_key((struct span){v.mv_data, v.mv_size}, &text, &rest) &&
                    purge_matches(op, text)) {
                        error = purge_found(s, txn, op, k, rest, doomed);
                        /* The tree has changed under the cursor: on with what follows the one that is gone. */
                        k = (MDB_val){KEY_HASH, op->reached};
                        if (!error)
                                error = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
                } else {
                        error = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
                }
        }
        op->unfinished = !error;
        mdb_cursor_close(cursor);
        return error == MDB_NOTFOUND ? 0 : error;
}

int op_apply(struct store *s, MDB_txn *txn, struct op *op, struct doomed *doomed)
{
        int error = 0;

        op->unlisted = false;
        switch (op->kind) {
        case OP_SLICE:
                return apply_slice(s, txn, op);
        case OP_RESPONSE:
                if (!op->record.inlined && !(op->record.stored.flags & STORED_SPARSE) && !slices_complete(s, txn, op)) {
                        error = remove_response(s, txn, op->id, doomed);
                        return error == EBUSY ? 0 : error;
                }
                return apply_response(s, txn, op, doomed);
        case OP_FRESHEN:
                return apply_freshen(s, txn, op);
        case OP_ALIAS:
                return has_record(s, txn, op->id) ? list_response(s, txn, op, doomed) : 0;
        case OP_ABANDON:
        case OP_REMOVE:
                error = remove_response(s, txn, op->id, doomed);
                return error == EBUSY ? 0 : error;
        case OP_PURGE:
                op->removing = 0;
                memcpy(op->reached, op->hash, KEY_HASH);
                return op->purge == PURGE_KEY ? purge_key(s, txn, op, doomed) : purge_walk(s, txn, op, doomed);
        case OP_SYNC:
                break;
        }
        return 0;
}

int op_list(struct store *s, MDB_txn *txn, struct op *op, struct doomed *doomed)
{
        op->unlisted = false;
        return list_response(s, txn, op, doomed);
}

void op_committed(struct op *op)
{
        if (op->kind != OP_PURGE)
                return;
        op->removed += op->removing;
        memcpy(op->hash, op->reached, KEY_HASH);
}
