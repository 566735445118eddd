/* What waits for a store's writer: one allocation each, with all that it needs. */
#ifndef CACHE_OP_H
#define CACHE_OP_H

#include "cache/store_private.h"

enum op_kind { OP_SLICE, OP_RESPONSE, OP_ABANDON, OP_FRESHEN, OP_ALIAS, OP_REMOVE, OP_PURGE, OP_SYNC };

struct op {
        struct op *next;
        enum op_kind kind;
        enum purge_kind purge;
        size_t weight; /* bytes that count for the queue's bound */
        uint64_t id, offset, variant, replaces;
        const char *bytes; /* OP_SLICE: payload, the caller's */
        size_t len;
        uint8_t hash[KEY_HASH];
        struct span key, names; /* in `text` */
        struct record record;   /* its spans in `text` */
        int error;              /* what became of it */
        /* OP_PURGE goes on from `hash` in the next transaction; what this one does counts once it is committed. */
        uint8_t reached[KEY_HASH];
        bool unfinished;
        bool part;     /* OP_SLICE: of no use without its record */
        bool unlisted; /* OP_RESPONSE: its record is put, and its resource does not name it yet */
        int64_t removed, removing;
        void (*done)(void *, int);
        void (*purged)(void *, int64_t);
        void *context;
        char text[];
};

/* Into the writer's queue, which takes the op over. `force`: even if it is full. 0 or ENOBUFS. */
int enqueue(struct store *, struct op *, bool force);

/* Carries one out in the writer's transaction, but leaves a response unlisted. 0 or an LMDB error. */
int op_apply(struct store *, MDB_txn *, struct op *, struct doomed *);
/* Its selecting values find it from now on, and no longer what it replaces. */
int op_list(struct store *, MDB_txn *, struct op *, struct doomed *);

/* What it was to take away must not be found, now or later. */
static inline bool op_removes(const struct op *op)
{
        return op->kind == OP_REMOVE || op->kind == OP_ABANDON || op->kind == OP_PURGE;
}

/* Its transaction was committed: what it did is done for good. */
void op_committed(struct op *);

/* cache/store_commit.c, on the writer's thread */
enum { BATCH_BYTES = 8 << 20 };

/* Commits a list of operations of `bytes` together, making room before. Each has its own result in op->error. Returns
 * an errno where the disk has failed, else 0. */
int commit_batch(struct store *, struct op *batch, size_t bytes);
/* Counts what there is, before there is anything to do. 0 or an error of LMDB. */
int commit_nothing(struct store *);
/* What an errno of commit_batch really means. */
int commit_error(const struct store *, int error);
/* 0 if a whole batch can be written (again). */
int commit_trial(struct store *);

#endif
