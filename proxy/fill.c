/* Gathering a body into slices; see fill.h. */
#include "proxy/fill.h"

#include <errno.h>
#include <stdlib.h>

/* A cursor over the block that holds copies of everything. */
static struct span copy_span(char **at, struct span from)
{
        struct span copy = {*at, from.len};

        if (from.len)
                memcpy(*at, from.at, from.len);
        *at += from.len;
        return copy;
}

static bool copy_meta(struct fill *f, const struct key *key, struct span vary, const struct stored *s)
{
        char *at = malloc(key->text.len + vary.len + s->etag.len + s->last_modified_text.len + s->reason.len +
                          s->fields.len + 1);

        if (!at)
                return false;
        f->meta = at;
        f->key = *key;
        f->stored = *s;
        f->key.text = copy_span(&at, key->text);
        f->vary = copy_span(&at, vary);
        f->stored.etag = copy_span(&at, s->etag);
        f->stored.last_modified_text = copy_span(&at, s->last_modified_text);
        f->stored.reason = copy_span(&at, s->reason);
        f->stored.fields = copy_span(&at, s->fields);
        return true;
}

/* Room for the next slice: exact where the length is known, else growing. */
static bool make_room(struct fill *f, size_t more)
{
        size_t cap = f->cap ? f->cap : INLINE_MAX;
        char *bytes;

        while (cap < f->len + more)
                cap *= 4;
        if (cap > SLICE_MAX)
                cap = SLICE_MAX;
        if (cap == f->cap)
                return true;
        bytes = realloc(f->bytes, cap);
        if (!bytes)
                return false;
        f->bytes = bytes;
        f->cap = cap;
        return true;
}

bool fill_start(struct fill *f, struct store *store, const struct key *key, struct span vary, uint64_t variant,
                const struct stored *stored, uint64_t expected, uint64_t limit)
{
        *f = (struct fill){.limit = limit, .variant = variant};
        if (expected != UINT64_MAX && expected > limit)
                return false;
        if (!copy_meta(f, key, vary, stored))
                return false;
        if (!make_room(f, expected < SLICE_MAX ? (size_t)expected : expected == UINT64_MAX ? 1 : SLICE_MAX)) {
                free(f->meta);
                return false;
        }
        f->store = store;
        f->id = store_next_id(store);
        return true;
}

/* Hands the slice over that has grown. */
static bool put_slice(struct fill *f)
{
        char *bytes = f->bytes;
        size_t len = f->len;

        f->bytes = NULL;
        f->len = f->cap = 0;
        f->sliced = true;
        return store_put_slice(f->store, f->id, f->length - len, bytes, len) == 0;
}

void fill_add(struct fill *f, struct span more)
{
        if (f->length + more.len > f->limit) {
                fill_abandon(f);
                return;
        }
        while (more.len) {
                size_t n = SLICE_MAX - f->len;

                if (n > more.len)
                        n = more.len;
                if (!make_room(f, n)) {
                        fill_abandon(f);
                        return;
                }
                memcpy(f->bytes + f->len, more.at, n);
                f->len += n;
                f->length += n;
                more.at += n;
                more.len -= n;
                if (f->len == SLICE_MAX && !put_slice(f)) {
                        fill_abandon(f);
                        return;
                }
        }
}

static void forget(struct fill *f)
{
        free(f->bytes);
        free(f->meta);
        *f = (struct fill){0};
}

bool fill_finish(struct fill *f, void (*done)(void *, int), void *context)
{
        struct put put = {.id = f->id,
                          .key = &f->key,
                          .vary = f->vary,
                          .variant = f->variant,
                          .stored = &f->stored,
                          .length = f->length,
                          .done = done,
                          .context = context};

        if (f->length <= INLINE_MAX)
                put.body = (struct span){f->bytes, f->len};
        else if (f->len && !put_slice(f)) {
                fill_abandon(f);
                return false;
        }
        if (store_put_response(f->store, &put) != 0) {
                fill_abandon(f);
                return false;
        }
        forget(f);
        return true;
}

void fill_abandon(struct fill *f)
{
        if (!fill_active(f))
                return;
        if (f->sliced)
                store_abandon(f->store, f->id);
        forget(f);
}
