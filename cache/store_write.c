/* The writer: one thread that takes operations off a bounded queue and has them committed in batches (store_commit.c).
 *
 * A full queue refuses (ENOBUFS) and never blocks. A disk that fails (full, read-only, broken) suspends storing: what
 * waits is dropped, and the next batch tries again. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "cache/op.h"

enum { BATCH_OPS = 256, PAUSE_MS = 100, PAUSES = 10 };

/* ---- the queue -----------------------------------------------------------------------------------------------------
 */

static void free_op(struct op *op)
{
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

static int put_slice(struct store *s, uint64_t id, uint64_t offset, const char *bytes, size_t len,
                     void (*done)(void *, int), void *context, bool part)
{
        struct op *op;

        if (atomic_load(&s->error))
                return ENOSPC;
        if (offset + len > s->size / 8)
                return EFBIG;
        op = new_op(OP_SLICE, id, 0);
        if (!op)
                return ENOMEM;
        op->offset = offset;
        op->bytes = bytes;
        op->len = len;
        op->weight += len;
        op->done = done;
        op->context = context;
        op->part = part;
        return enqueue(s, op, false);
}

int store_put_slice(struct store *s, uint64_t id, uint64_t offset, const char *bytes, size_t len,
                    void (*done)(void *, int), void *context)
{
        return put_slice(s, id, offset, bytes, len, done, context, false);
}

int store_put_part(struct store *s, uint64_t id, uint64_t offset, const char *bytes, size_t len,
                   void (*done)(void *, int), void *context)
{
        return put_slice(s, id, offset, bytes, len, done, context, true);
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
        op->record.inlined = p->length <= INLINE_MAX && !(p->stored->flags & STORED_SPARSE);
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

int store_alias(struct store *s, uint64_t id, const struct alias *a, void (*done)(void *, int), void *context)
{
        struct op *op = new_op(OP_ALIAS, id, a->key->text.len + a->vary.len);
        char *at;

        if (!op)
                return ENOMEM;
        at = op->text;
        memcpy(op->hash, a->key->hash, KEY_HASH);
        op->key = copy(&at, a->key->text);
        op->names = copy(&at, a->vary);
        op->variant = a->variant;
        op->done = done;
        op->context = context;
        return enqueue(s, op, false);
}

bool purge_covers(enum purge_kind kind, struct span text, struct span key_text)
{
        switch (kind) {
        case PURGE_KEY:
                return span_equal(key_text, text);
        case PURGE_URL:
                return span_equal(key_url(key_text), text);
        case PURGE_HOST:
                return span_equal(key_host(key_text), text);
        case PURGE_ALL:
                return true;
        }
        return false;
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

int store_after(struct store *s, void (*done)(void *, int), void *context)
{
        struct op *op = new_op(OP_SYNC, 0, 0);

        if (!op)
                return ENOMEM;
        op->done = done;
        op->context = context;
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

/* ---- the thread ---------------------------------------------------------------------------------------------------
 */

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
                if (!closing(&s->queue) && commit_trial(s) == 0) {
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
                int error = commit_batch(s, batch, bytes);

                if (error)
                        atomic_store(&s->error, commit_error(s, error));
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
        error = commit_nothing(s);
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
