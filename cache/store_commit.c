/* The writer's transactions: room is made, a batch is carried out, and what did not fit is tried again. */
#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cache/op.h"

enum { TRIES = 6, NARROW_BATCHES = 64 };

static void count_up(struct store *s, MDB_txn *txn)
{
        MDB_stat stat;

        if (mdb_stat(txn, s->responses, &stat) == 0)
                atomic_store(&s->responses_count, stat.ms_entries);
        atomic_store(&s->used, pages_used(s, txn) * s->page);
}

/* Free pages of the last transactions come into use again only some transactions later: that much is kept in reserve.
 */
uint64_t commit_reserve(const struct store *s, size_t bytes)
{
        uint64_t room = s->size / 8 < (64U << 20) ? s->size / 8 : 64U << 20;

        return room + 2 * (uint64_t)bytes < s->size / 2 ? room + 2 * (uint64_t)bytes : s->size / 2;
}

static int commit_or_abort(MDB_txn *txn, int error)
{
        if (!error)
                return mdb_txn_commit(txn);
        mdb_txn_abort(txn);
        return error;
}

static uint64_t newest(const struct op *op)
{
        uint64_t id = 0;

        for (; op; op = op->next)
                id = op->id > id ? op->id : id;
        return id;
}

static int list_puts(struct store *s, MDB_txn *txn, struct op **first, const struct op *end, struct doomed *doomed)
{
        int error = 0;

        for (; !error && *first != end; *first = (*first)->next)
                if ((*first)->unlisted) {
                        error = op_list(s, txn, *first, doomed);
                        writer_spend(s, 0);
                }
        return error;
}

/* The operations one after the other. Only the listing of responses waits until all puts in a row have their records:
 * LMDB takes pages as they are asked for, and leaves of `resources`, which change at random, would else lie one by one
 * between the bodies. Each would be a write of its own into memory that the kernel has in large pieces, which costs as
 * much as a body. Puts do not look at what is listed, and are listed in their order; every other operation finds all
 * that came before it listed. */
static int carry_out(struct store *s, MDB_txn *txn, struct op *first, struct doomed *doomed)
{
        struct op *unlisted = first;
        int error = 0;

        for (struct op *op = first; !error && op; op = op->next) {
                if (op->kind != OP_RESPONSE && op->kind != OP_SLICE)
                        error = list_puts(s, txn, &unlisted, op, doomed);
                if (!error)
                        error = op_apply(s, txn, op, doomed);
                writer_spend(s, op->weight);
        }
        return error ? error : list_puts(s, txn, &unlisted, NULL, doomed);
}

/* One transaction: makes room, carries the operations out. `first` NULL: room alone. */
static int transact(struct store *s, struct op *first, uint64_t room)
{
        struct doomed doomed = {0};
        uint64_t before;
        MDB_txn *txn;
        int error = store_readable(s) ? mdb_txn_begin(s->env, NULL, 0, &txn) : EIO;

        if (error)
                return error;
        error = evict_until(s, txn, room, &doomed);
        before = pages_used(s, txn);
        if (!error)
                error = carry_out(s, txn, first, &doomed);
        if (!error && pages_used(s, txn) > before)
                sweep_put(&s->sweep, newest(first), (pages_used(s, txn) - before) * s->page);
        if (!error)
                error = write_totals(s, txn, doomed.bytes);
        if (!error)
                count_up(s, txn);
        if (!error && !store_readable(s))
                error = EIO; /* what was read of the map meanwhile may have been zeros */
        error = damage_reported(s, commit_or_abort(txn, error));
        if (!error)
                atomic_fetch_add(&s->body_bytes, (uint64_t)doomed.bytes);
        for (struct op *op = error ? NULL : first; op; op = op->next)
                op_committed(op);
        evict_ended(s, &doomed, !error);
        return error;
}

static bool is_full(int error)
{
        return error == MDB_MAP_FULL || error == MDB_TXN_FULL;
}

int commit_nothing(struct store *s)
{
        return transact(s, NULL, 0);
}

/* A full map. Where it is only that free pages do not lie together, narrow slices fit. Else room is made in a
 * transaction of its own, more each time, for what was freed is not free at once. */
static int transact_with_room(struct store *s, struct op *op, size_t bytes)
{
        uint64_t room = commit_reserve(s, bytes);
        int error = transact(s, op, room);

        if (s->narrow > 0)
                s->narrow--;
        else if (error == MDB_MAP_FULL) {
                s->narrow = NARROW_BATCHES;
                error = transact(s, op, room);
        }
        for (int i = 0; i < TRIES && is_full(error); i++) {
                room = room + s->size / 16 < s->size ? room + s->size / 16 : s->size;
                error = transact(s, NULL, room);
                if (!error)
                        error = transact(s, NULL, room); /* now the pages of the first one can be had */
                if (!error)
                        error = transact(s, op, commit_reserve(s, bytes));
        }
        return error;
}

/* Alone, though it has followers. */
static int commit_one(struct store *s, struct op *op)
{
        struct op *next = op->next;

        op->next = NULL;
        op->error = transact_with_room(s, op, op->weight);
        op->next = next;
        return op->error;
}

/* One operation that does not fit takes no other with it: what fails together is tried one by one. Every operation has
 * its own result afterwards. Returns what is wrong with the disk, if anything. */
int commit_batch(struct store *s, struct op *batch, size_t bytes)
{
        int error = transact_with_room(s, batch, bytes), disk = error > 0 ? error : 0;

        for (struct op *op = batch; op; op = op->next) {
                op->error = error;
                if (is_full(error) && batch->next && commit_one(s, op) > 0)
                        disk = op->error;
                if (is_full(op->error) && op_removes(op)) /* there will be room: as with a disk that is full */
                        disk = op->error = ENOSPC;
                while (op->unfinished && !op->error) /* a purge removes so much in one transaction and no more */
                        if (commit_one(s, op) > 0)
                                disk = op->error;
        }
        return disk;
}

/* ---- a disk that fails ---------------------------------------------------------------------------------------------
 */

/* LMDB calls a short write an input/output error; most often the disk is full. */
int commit_error(const struct store *s, int error)
{
        struct statvfs disk;
        int fd;

        if (error != EIO || mdb_env_get_fd(s->env, &fd) != 0 || fstatvfs(fd, &disk) != 0)
                return error;
        return disk.f_bavail * disk.f_frsize < BATCH_BYTES ? ENOSPC : error;
}

/* Whether a batch can be written again: writes one, and takes it away. Pages that happen to be free prove nothing. */
int commit_trial(struct store *s)
{
        char key[16];
        MDB_val k = {sizeof key, key}, v = {s->size / 8 < BATCH_BYTES ? s->size / 8 : BATCH_BYTES, NULL};
        MDB_txn *txn;
        int error = transact(s, NULL, commit_reserve(s, v.mv_size));

        if (!error)
                error = mdb_txn_begin(s->env, NULL, 0, &txn);
        if (error)
                return error;
        slice_key(store_next_id(s), 0, key);
        error = mdb_put(txn, s->slices, &k, &v, MDB_RESERVE);
        if (!error)
                memset(v.mv_data, 0, v.mv_size);
        error = commit_or_abort(txn, error);
        if (!error)
                error = mdb_txn_begin(s->env, NULL, 0, &txn);
        return error ? error : commit_or_abort(txn, mdb_del(txn, s->slices, &k, NULL));
}
