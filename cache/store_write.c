/* The writer: one thread that takes operations off a bounded queue and commits them in batches, making room before
 * each.
 *
 * A full queue refuses (ENOBUFS) and never blocks. A disk that fails (full, read-only, broken) suspends storing: what
 * waits is dropped, and the next batch tries again. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "cache/op.h"

enum { BATCH_OPS = 256, BATCH_BYTES = 8 << 20, TRIES = 6, PAUSE_MS = 100, PAUSES = 10 };

/* ---- the queue -----------------------------------------------------------------------------------------------------
 */

static void free_op(struct op *op)
{
        free(op->bytes);
        free(op);
}

/* Takes the op over. `force`: even if the queue is full. */
static int enqueue(struct store *s, struct op *op, bool force)
{
        struct queue *q = &s->queue;
        int error = 0;

        op->next = NULL;
        pthread_mutex_lock(&q->lock);
        if (q->closing || (!force && q->bytes + op->weight > q->limit))
                error = ENOBUFS;
        else {
                q->bytes += op->weight;
                *q->last = op;
                q->last = &op->next;
                pthread_cond_signal(&q->wake);
        }
        pthread_mutex_unlock(&q->lock);
        if (error) {
                atomic_fetch_add(&s->dropped, 1);
                free_op(op);
        }
        return error;
}

static struct op *new_op(enum op_kind kind, uint64_t id, size_t text)
{
        struct op *op = calloc(1, sizeof *op + text);

        if (op) {
                op->kind = kind;
                op->id = id;
                op->weight = sizeof *op + text;
        }
        return op;
}

static struct span copy(char **at, struct span s)
{
        struct span c = {*at, s.len};

        put_span(at, s);
        return c;
}

static void copy_stored(struct op *op, char **at, const struct stored *s)
{
        op->record.stored = *s;
        op->record.stored.etag = copy(at, s->etag);
        op->record.stored.last_modified_text = copy(at, s->last_modified_text);
        op->record.stored.reason = copy(at, s->reason);
        op->record.stored.fields = copy(at, s->fields);
}

static size_t stored_text(const struct stored *s)
{
        return s->etag.len + s->last_modified_text.len + s->reason.len + s->fields.len;
}

/* ---- what callers ask ----------------------------------------------------------------------------------------------
 */

int store_put_slice(struct store *s, uint64_t id, uint64_t offset, char *bytes, size_t len)
{
        struct op *op;

        if (atomic_load(&s->error) || offset + len > s->size / 8) {
                free(bytes);
                return atomic_load(&s->error) ? ENOSPC : EFBIG;
        }
        op = new_op(OP_SLICE, id, 0);
        if (!op) {
                free(bytes);
                return ENOMEM;
        }
        op->offset = offset;
        op->bytes = bytes;
        op->len = len;
        op->weight += len;
        return enqueue(s, op, false);
}

int store_put_response(struct store *s, const struct put *p)
{
        struct op *op;
        char *at;

        if (p->length > s->size / 8)
                return EFBIG;
        op = new_op(OP_RESPONSE, p->id, p->key->text.len + p->vary.len + stored_text(p->stored) + p->body.len);
        if (!op)
                return ENOMEM;
        at = op->text;
        memcpy(op->hash, p->key->hash, KEY_HASH);
        memcpy(op->record.resource, p->key->hash, KEY_HASH);
        op->key = copy(&at, p->key->text);
        op->names = copy(&at, p->vary);
        op->variant = p->variant;
        copy_stored(op, &at, p->stored);
        op->record.length = p->length;
        op->record.inlined = p->length <= INLINE_MAX;
        op->record.body = copy(&at, p->body);
        op->done = p->done;
        op->context = p->context;
        return enqueue(s, op, false);
}

int store_freshen(struct store *s, uint64_t id, const struct stored *stored, void (*done)(void *, int), void *context)
{
        struct op *op = new_op(OP_FRESHEN, id, stored_text(stored));
        char *at;

        if (!op)
                return ENOMEM;
        at = op->text;
        copy_stored(op, &at, stored);
        op->done = done;
        op->context = context;
        return enqueue(s, op, false);
}

void store_abandon(struct store *s, uint64_t id)
{
        struct op *op = new_op(OP_ABANDON, id, 0);

        if (op)
                enqueue(s, op, true);
}

void store_remove(struct store *s, uint64_t id)
{
        struct op *op = new_op(OP_REMOVE, id, 0);

        if (op)
                enqueue(s, op, true);
}

int store_purge(struct store *s, enum purge_kind kind, struct span text, void (*done)(void *, int64_t), void *context)
{
        struct op *op = new_op(OP_PURGE, 0, text.len);
        struct key key;
        char *at;

        if (!op)
                return ENOMEM;
        at = op->text;
        op->purge = kind;
        op->key = copy(&at, text);
        op->purged = done;
        op->context = context;
        if (kind == PURGE_KEY) {
                key_of_text(&key, text);
                memcpy(op->hash, key.hash, KEY_HASH);
        }
        return enqueue(s, op, true);
}

void store_sync(struct store *s)
{
        struct queue *q = &s->queue;
        struct op *op = new_op(OP_SYNC, 0, 0);

        if (!op || enqueue(s, op, true) != 0)
                return;
        pthread_mutex_lock(&q->lock);
        while (q->first || q->busy)
                pthread_cond_wait(&q->idle, &q->lock);
        pthread_mutex_unlock(&q->lock);
}

/* ---- batches -------------------------------------------------------------------------------------------------------
 */

/* Waits for work. NULL: closing, and all is done. */
static struct op *take_batch(struct queue *q, size_t *bytes)
{
        struct op *first, **end;
        int count = 0;

        *bytes = 0;
        pthread_mutex_lock(&q->lock);
        q->busy = false;
        if (!q->first)
                pthread_cond_broadcast(&q->idle);
        while (!q->first && !q->closing)
                pthread_cond_wait(&q->wake, &q->lock);
        first = q->first;
        for (end = &q->first; *end && count < BATCH_OPS && (count == 0 || *bytes + (*end)->weight <= BATCH_BYTES);
             count++) {
                *bytes += (*end)->weight;
                end = &(*end)->next;
        }
        q->first = *end;
        *end = NULL;
        if (!q->first)
                q->last = &q->first;
        q->busy = first != NULL;
        pthread_mutex_unlock(&q->lock);
        return first;
}

static void finish_batch(struct store *s, struct op *op, size_t bytes)
{
        while (op) {
                struct op *next = op->next;

                if (op->done)
                        op->done(op->context, op->error);
                if (op->purged)
                        op->purged(op->context, op->error ? -1 : op->removed);
                free_op(op);
                op = next;
        }
        pthread_mutex_lock(&s->queue.lock);
        s->queue.bytes -= bytes;
        pthread_mutex_unlock(&s->queue.lock);
}

static void count_up(struct store *s, MDB_txn *txn)
{
        MDB_stat stat;

        if (mdb_stat(txn, s->responses, &stat) == 0)
                atomic_store(&s->responses_count, stat.ms_entries);
        atomic_store(&s->used, pages_used(s, txn) * s->page);
}

/* Free pages of the last transactions come into use again only some transactions later: that much is kept in reserve.
 */
static uint64_t reserve(const struct store *s, size_t bytes)
{
        uint64_t room = s->size / 8 < (64U << 20) ? s->size / 8 : 64U << 20;

        return room + 2 * (uint64_t)bytes < s->size / 2 ? room + 2 * (uint64_t)bytes : s->size / 2;
}

static void absolve(struct store *s, struct doomed *doomed)
{
        for (size_t i = 0; i < doomed->count; i++)
                pin_absolve(s, doomed->ids[i]);
        free(doomed->ids);
        *doomed = (struct doomed){0};
}

static int commit_or_abort(MDB_txn *txn, int error)
{
        if (!error)
                return mdb_txn_commit(txn);
        mdb_txn_abort(txn);
        return error;
}

/* One transaction: makes room, carries the operations out. `first` NULL: room alone. */
static int transact(struct store *s, struct op *first, uint64_t room)
{
        struct doomed doomed = {0};
        struct op *op;
        MDB_txn *txn;
        int error = mdb_txn_begin(s->env, NULL, 0, &txn);

        if (error)
                return error;
        error = evict_until(s, txn, room, &doomed);
        for (op = first; !error && op; op = op->next)
                error = op_apply(s, txn, op, &doomed);
        if (!error)
                error = write_totals(s, txn, doomed.bytes);
        if (!error)
                count_up(s, txn);
        error = commit_or_abort(txn, error);
        if (!error)
                atomic_fetch_add(&s->body_bytes, (uint64_t)doomed.bytes);
        for (op = error ? NULL : first; op; op = op->next)
                op_committed(op);
        absolve(s, &doomed);
        return error;
}

static bool is_full(int error)
{
        return error == MDB_MAP_FULL || error == MDB_TXN_FULL;
}

/* A full map: room is made in a transaction of its own, more each time, for what was freed is not free at once. */
static int transact_with_room(struct store *s, struct op *op, size_t bytes)
{
        uint64_t room = reserve(s, bytes);
        int error = transact(s, op, room);

        for (int i = 0; i < TRIES && is_full(error); i++) {
                room = room + s->size / 16 < s->size ? room + s->size / 16 : s->size;
                error = transact(s, NULL, room);
                if (!error)
                        error = transact(s, NULL, room); /* now the pages of the first one can be had */
                if (!error)
                        error = transact(s, op, reserve(s, bytes));
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
static int commit(struct store *s, struct op *batch, size_t bytes)
{
        int error = transact_with_room(s, batch, bytes), disk = error > 0 ? error : 0;

        for (struct op *op = batch; op; op = op->next) {
                op->error = error;
                if (is_full(error) && batch->next && commit_one(s, op) > 0)
                        disk = op->error;
                while (op->unfinished && !op->error) /* a purge removes so much in one transaction and no more */
                        if (commit_one(s, op) > 0)
                                disk = op->error;
        }
        return disk;
}

/* ---- a disk that fails ---------------------------------------------------------------------------------------------
 */

/* LMDB calls a short write an input/output error; most often the disk is full. */
static int true_error(const struct store *s, int error)
{
        struct statvfs disk;
        int fd;

        if (error != EIO || mdb_env_get_fd(s->env, &fd) != 0 || fstatvfs(fd, &disk) != 0)
                return error;
        return disk.f_bavail * disk.f_frsize < BATCH_BYTES ? ENOSPC : error;
}

/* Whether a batch can be written again: writes one, and takes it away. Pages that happen to be free prove nothing. */
static int try_writing(struct store *s)
{
        char key[16];
        MDB_val k = {sizeof key, key}, v = {s->size / 8 < BATCH_BYTES ? s->size / 8 : BATCH_BYTES, NULL};
        MDB_txn *txn;
        int error = transact(s, NULL, reserve(s, v.mv_size));

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

static bool closing(struct queue *q)
{
        bool yes;

        pthread_mutex_lock(&q->lock);
        yes = q->closing;
        pthread_mutex_unlock(&q->lock);
        return yes;
}

/* Tries again every second, until it works or the store is closed. */
static void recover(struct store *s)
{
        while (!closing(&s->queue)) {
                for (int i = 0; i < PAUSES && !closing(&s->queue); i++)
                        poll(NULL, 0, PAUSE_MS);
                if (!closing(&s->queue) && try_writing(s) == 0) {
                        atomic_store(&s->error, 0);
                        return;
                }
        }
}

static void *run(void *argument)
{
        struct store *s = argument;
        size_t bytes;
        struct op *batch;

        while ((batch = take_batch(&s->queue, &bytes))) {
                int error = commit(s, batch, bytes);

                if (error)
                        atomic_store(&s->error, true_error(s, error));
                finish_batch(s, batch, bytes);
                if (error)
                        recover(s);
        }
        return NULL;
}

int writer_start(struct store *s)
{
        struct queue *q = &s->queue;
        int error;

        q->last = &q->first;
        pthread_mutex_init(&q->lock, NULL);
        pthread_cond_init(&q->wake, NULL);
        pthread_cond_init(&q->idle, NULL);
        error = transact(s, NULL, 0);
        if (!error)
                error = pthread_create(&q->thread, NULL, run, s);
        q->started = !error;
        return error;
}

void writer_stop(struct store *s)
{
        struct queue *q = &s->queue;

        pthread_mutex_lock(&q->lock);
        q->closing = true;
        pthread_cond_broadcast(&q->wake);
        pthread_mutex_unlock(&q->lock);
        if (q->started)
                pthread_join(q->thread, NULL);
        pthread_cond_destroy(&q->wake);
        pthread_cond_destroy(&q->idle);
        pthread_mutex_destroy(&q->lock);
}
