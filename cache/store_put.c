/* What callers ask of the writer, each as one operation in its queue. */
#include <errno.h>
#include <stdlib.h>

#include "cache/op.h"

static struct op *new_op(enum op_kind kind, uint64_t id, size_t text)
{
        struct op *op = malloc(sizeof *op + text);

        if (op) {
                *op = (struct op){0}; /* the text is the caller's to fill: a body is not zeroed first */
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

        if (atomic_load(&s->error))
                return ENOSPC;
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
        op->replaces = p->replaces;
        copy_stored(op, &at, p->stored);
        op->record.length = p->length;
        op->record.inlined = p->length <= INLINE_MAX && !(p->stored->flags & STORED_SPARSE);
        op->record.body = copy(&at, p->body);
        op->done = p->done;
        op->context = p->context;
        return enqueue(s, op, p->body.len == 0 && p->length); /* its slices have got in, and would be lost */
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
