/* The writer: one thread that takes operations off a bounded queue and has them committed in batches (store_commit.c).
 *
 * A commit costs as much as dozens of small puts, so the writer lets small ones gather for some milliseconds: until
 * they are many, or large, or somebody waits for one (store_hurry).
 *
 * A full queue refuses (ENOBUFS) and never blocks. A disk that fails (full, read-only, broken) suspends storing: what
 * waits and what has failed is dropped, but for removals, and a trial each second says whether it goes on. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cache/op.h"
#include "cache/time_slice.h"

enum {
        BATCH_OPS = 512,
        PAUSE_MS = 100,
        PAUSES = 10,
        GATHER_MS = 50,
        GATHER_SLICE = 256 * 1024, /* a larger one is not small, and its bytes are to leave memory */
        STINT_BYTES = 160 * 1024,  /* what is put between two offers of the processor */
        STEP_BYTES = 8 * 1024      /* what an operation costs besides its bytes */
};

/* ---- the queue -----------------------------------------------------------------------------------------------------
 */

/* Whether nobody is the worse for it if it is committed a little later. */
static bool patient(const struct op *op)
{
        switch (op->kind) {
        case OP_SLICE:
                return !op->part && op->len < GATHER_SLICE;
        case OP_RESPONSE:
                return !(op->record.stored.flags & STORED_SPARSE); /* its parts are on their way */
        case OP_PURGE:
        case OP_SYNC:
                return false;
        case OP_ABANDON:
        case OP_FRESHEN:
        case OP_ALIAS:
        case OP_REMOVE:
                break;
        }
        return true;
}

/* With the lock held: whether what is there is to be committed now. */
static bool due(const struct queue *q)
{
        return q->hurry || q->closing || q->count >= BATCH_OPS || q->bytes >= BATCH_BYTES;
}

/* With the lock held: ends the writer's wait if it is time. */
static void wake(struct queue *q)
{
        pthread_cond_signal(&q->wake);
        if (q->gathering && due(q)) {
                q->gathering = false;
                eventfd_write(q->bell, 1);
        }
}

int enqueue(struct store *s, struct op *op, bool force)
{
        struct queue *q = &s->queue;
        int error = 0;

        op->next = NULL;
        pthread_mutex_lock(&q->lock);
        if (q->closing || (!force && q->bytes + op->weight > q->limit))
                error = ENOBUFS;
        else {
                q->bytes += op->weight;
                q->count++;
                q->hurry |= !patient(op);
                *q->last = op;
                q->last = &op->next;
                wake(q);
        }
        pthread_mutex_unlock(&q->lock);
        if (error) {
                atomic_fetch_add(&s->dropped, 1);
                free(op);
        }
        return error;
}

void store_sync(struct store *s)
{
        struct queue *q = &s->queue;

        pthread_mutex_lock(&q->lock);
        q->hurry = q->first != NULL;
        wake(q);
        while (q->first || q->busy)
                pthread_cond_wait(&q->idle, &q->lock);
        pthread_mutex_unlock(&q->lock);
}

void store_hurry(struct store *s)
{
        struct queue *q = &s->queue;

        pthread_mutex_lock(&q->lock);
        q->hurry = q->first != NULL;
        wake(q);
        pthread_mutex_unlock(&q->lock);
}

/* ---- batches -------------------------------------------------------------------------------------------------------
 */

/* With the lock held, and given up meanwhile: lets operations gather. */
static void gather(struct queue *q)
{
        struct pollfd bell = {q->bell, POLLIN, 0};
        eventfd_t rung;

        q->gathering = true;
        pthread_mutex_unlock(&q->lock);
        poll(&bell, 1, GATHER_MS);
        pthread_mutex_lock(&q->lock);
        q->gathering = false;
        eventfd_read(q->bell, &rung);
}

/* Waits for work. NULL: closing, and all is done. `backlog`: as much again is left. */
static struct op *take_batch(struct queue *q, size_t *bytes, bool *backlog)
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
        if (!due(q))
                gather(q);
        first = q->first;
        for (end = &q->first; *end && count < BATCH_OPS && (count == 0 || *bytes + (*end)->weight <= BATCH_BYTES);
             count++) {
                *bytes += (*end)->weight;
                end = &(*end)->next;
        }
        q->first = *end;
        *end = NULL;
        q->count -= (unsigned)count;
        if (!q->first) {
                q->last = &q->first;
                q->hurry = false;
        }
        q->busy = first != NULL;
        *backlog = q->count >= BATCH_OPS || q->bytes >= 2 * (size_t)BATCH_BYTES;
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
                free(op);
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

/* What must go when it can: nobody waits for it, or he has had his answer. */
static bool outlasts(const struct op *op)
{
        return op_removes(op) && !op->purged;
}

/* He who asked for a purge is told that it is not done yet. */
static void answer_purge(struct op *op)
{
        op->purged(op->context, -1);
        op->purged = NULL;
        op->error = 0;
}

/* Removals that have failed with the disk go back to the front of the queue: what is invalid is so also afterwards.
 * What is left of the batch, and of its bytes. */
static struct op *put_back(struct queue *q, struct op *batch, size_t *bytes)
{
        struct op *back = NULL, **last = &back, **link = &batch;
        unsigned count = 0;

        while (*link) {
                struct op *op = *link;

                if (op->error > 0 && op->kind == OP_PURGE && op->purged)
                        answer_purge(op);
                else if (op->error <= 0 || !outlasts(op)) {
                        link = &op->next;
                        continue;
                }
                *link = op->next;
                *last = op;
                last = &op->next;
                *bytes -= op->weight;
                count++;
        }
        pthread_mutex_lock(&q->lock);
        *last = q->first;
        if (back && !q->first)
                q->last = last;
        q->first = back;
        q->count += count;
        pthread_mutex_unlock(&q->lock);
        return batch;
}

/* All else that is in the queue. */
static struct op *take_waiting(struct queue *q)
{
        struct op *taken = NULL, **end = &taken;

        pthread_mutex_lock(&q->lock);
        q->last = &q->first;
        while (*q->last) {
                struct op *op = *q->last;

                if (outlasts(op)) {
                        q->last = &op->next;
                        continue;
                }
                *q->last = op->next;
                q->count--;
                q->bytes -= op->weight;
                *end = op;
                end = &op->next;
        }
        *end = NULL;
        pthread_mutex_unlock(&q->lock);
        return taken;
}

/* Requests wait for what is in the queue, and a disk may be full for days. */
static void drop_waiting(struct store *s, int error)
{
        struct op *op = take_waiting(&s->queue), *next;

        for (; op; op = next) {
                next = op->next;
                op->next = NULL;
                op->error = error;
                if (op->kind != OP_PURGE) {
                        finish_batch(s, op, 0);
                        continue;
                }
                answer_purge(op);
                enqueue(s, op, true);
        }
}

/* Tries again every second, until it works or the store is closed. */
static void recover(struct store *s, int error)
{
        while (!closing(&s->queue)) {
                for (int i = 0; i < PAUSES && !closing(&s->queue); i++) {
                        drop_waiting(s, error);
                        poll(NULL, 0, PAUSE_MS);
                }
                if (!closing(&s->queue) && commit_trial(s) == 0) {
                        atomic_store(&s->error, 0);
                        return;
                }
        }
}

/* A commit computes for milliseconds, and on a busy processor an event loop that was interrupted for it would wait for
 * the next tick. So the writer offers the processor between its operations, unless much waits in the queue: a writer
 * that starves stores nothing. That is why it does not have a lower priority either. */
void writer_spend(struct store *s, size_t bytes)
{
        s->spent += bytes + STEP_BYTES;
        if (s->spent < STINT_BYTES)
                return;
        s->spent = 0;
        if (!s->backlog)
                sched_yield();
}

static void *run(void *argument)
{
        struct store *s = argument;
        size_t bytes;
        struct op *batch;
        int at_start = atomic_load(&s->error);

        background_thread("store writer", TIME_SLICE_WRITER_NS);
        atomic_store(&s->writer, pthread_self());
        if (at_start)
                recover(s, at_start);
        while ((batch = take_batch(&s->queue, &bytes, &s->backlog))) {
                int error = commit_batch(s, batch, bytes);

                if (error) {
                        atomic_store(&s->error, commit_error(s, error));
                        if (!closing(&s->queue)) /* else there is no later */
                                batch = put_back(&s->queue, batch, &bytes);
                }
                finish_batch(s, batch, bytes);
                if (error)
                        recover(s, error);
        }
        atomic_store(&s->writer, 0); /* another thread may get that name */
        return NULL;
}

int writer_start(struct store *s)
{
        struct queue *q = &s->queue;
        int error;

        q->last = &q->first;
        q->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (q->bell < 0)
                return errno;
        pthread_mutex_init(&q->lock, NULL);
        pthread_cond_init(&q->wake, NULL);
        pthread_cond_init(&q->idle, NULL);
        error = pthread_create(&q->thread, NULL, run, s);
        q->started = !error;
        return error;
}

void writer_stop(struct store *s)
{
        struct queue *q = &s->queue;

        pthread_mutex_lock(&q->lock);
        q->closing = true;
        wake(q);
        pthread_mutex_unlock(&q->lock);
        if (q->started)
                pthread_join(q->thread, NULL);
        pthread_cond_destroy(&q->wake);
        pthread_cond_destroy(&q->idle);
        pthread_mutex_destroy(&q->lock);
        close(q->bell);
}
