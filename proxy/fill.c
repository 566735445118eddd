/* The leader's side of a fill: gathering a body into pieces, and pieces into the store; see fill.h. */
#include "proxy/fill.h"

#include <errno.h>
#include <stdlib.h>

#include "http/condition.h"
#include "proxy/fill_piece.h"

/* A cursor over the block that holds copies of everything. */
static struct span copy_span(char **at, struct span from)
{
        struct span copy = {*at, from.len};

        if (from.len)
                memcpy(*at, from.at, from.len);
        *at += from.len;
        return copy;
}

static bool copy_head(struct fill *f, const struct fill_head *h)
{
        const struct stored *s = &h->stored;
        char *at = malloc(h->vary.len + s->etag.len + s->last_modified_text.len + s->reason.len + s->fields.len + 1);

        if (!at)
                return false;
        f->texts[1] = at;
        f->head = *h;
        f->head.client = NULL;
        f->head.vary = copy_span(&at, h->vary);
        f->head.stored.etag = copy_span(&at, s->etag);
        f->head.stored.last_modified_text = copy_span(&at, s->last_modified_text);
        f->head.stored.reason = copy_span(&at, s->reason);
        f->head.stored.fields = copy_span(&at, s->fields);
        return true;
}

const char *fill_arrives(struct fill_reader *r, struct fills *all, struct store *store, const struct fill_head *head,
                         uint64_t limit)
{
        struct fill *f = r->fill;

        if (head->length != UINT64_MAX && head->length > limit)
                return "its body is too large";
        if (head->length > INLINE_MAX && fills_full(all, head->client))
                return "too much is arriving at once";
        if (!copy_head(f, head))
                return "out of memory";
        pthread_mutex_lock(&f->lock);
        f->all = all;
        f->store = store;
        f->limit = limit;
        if (head->client)
                f->client = *head->client;
        f->id = store_next_id(store);
        f->pinned = store_pin(store, f->id);
        f->outdated |= fills_outdated(all, &f->key, head->asked);
        f->storing = !f->outdated;
        f->state = FILL_ARRIVING;
        if (f->outdated)
                fill_hide(f);
        fill_wake_all(f);
        pthread_mutex_unlock(&f->lock);
        return NULL;
}

/* ---- pieces --------------------------------------------------------------------------------------------------------
 */

static uint64_t slowest(const struct fill *f)
{
        uint64_t at = UINT64_MAX;

        for (const struct fill_reader *r = f->readers; r; r = r->next)
                if (!r->deaf && r->at < at)
                        at = r->at;
        return at;
}

/* Whether nobody will ever want it from memory again. */
static bool done_with(const struct fill *f, const struct piece *p, uint64_t passed)
{
        if (p->users || p->queued)
                return false;
        if (p->committed)
                return true;
        if (f->storing && !p->refused)
                return false;
        return (p != f->last || f->state != FILL_ARRIVING) && p->offset + p->len <= passed;
}

void fill_drop_pieces(struct fill *f)
{
        uint64_t passed = f->storing && !f->holed ? 0 : slowest(f);
        struct piece **link = &f->first, *kept = NULL;

        while (*link) {
                struct piece *p = *link;

                if (!done_with(f, p, passed)) {
                        kept = p;
                        link = &p->next;
                        continue;
                }
                *link = p->next;
                fill_let_go(f, p->cap);
                free(p->bytes);
                free(p);
        }
        f->last = kept;
}

/* The disk has failed, or the body is too large after all: who reads goes on from memory. */
static void give_up(struct fill *f)
{
        f->storing = false;
        fill_hide(f);
}

/* The store's writer has done with a piece: it is in the store, or has to stay in memory. */
static void piece_done(void *context, int error)
{
        struct piece *p = context;
        struct fill *f = p->fill;

        pthread_mutex_lock(&f->lock);
        p->queued = false;
        p->committed = !error;
        if (error)
                give_up(f);
        fill_drop_pieces(f);
        if (f->stalled && f->leader)
                fill_wake(f->leader);
        fill_unref_unlock(f);
}

/* Whether what is missing can be fetched later and told to be of the same response (RFC 9111 §3.3). */
static bool may_be_sparse(const struct fill *f)
{
        return f->head.stored.status == 200 && f->head.length != UINT64_MAX && strong_validator(&f->head.stored).len;
}

static int queue_piece(struct fill *f, struct piece *p)
{
        int error;

        p->queued = true;
        f->refs++;
        error = store_put_slice(f->store, f->id, p->offset, p->bytes, p->len, piece_done, p);
        if (error) {
                p->queued = false;
                f->refs--;
        } else {
                f->sliced = true;
        }
        return error;
}

/* The disk cannot keep up: these bytes are not stored, and memory keeps them for who reads already. */
static void leave_out(struct fill *f, struct piece *p)
{
        p->refused = true;
        f->holed = true;
        fill_hide(f);
}

/* Hands the last piece over to the store's writer. */
static void put_piece(struct fill *f)
{
        struct piece *p = f->last;
        int error;

        if (!f->storing)
                return;
        if (p->offset < f->resume) {
                leave_out(f, p);
                return;
        }
        error = queue_piece(f, p);
        if (error == ENOBUFS && may_be_sparse(f)) {
                f->resume = p->offset + LEFT_OUT;
                leave_out(f, p);
        } else if (error) {
                give_up(f);
        }
}

/* Where the length is known, exactly that much; else little at first, for most bodies are small. What is allocated and
 * not touched costs nothing. */
static size_t wanted_cap(const struct fill *f)
{
        uint64_t left = f->head.length - f->length;

        if (f->head.length == UINT64_MAX)
                return f->length ? SLICE_MAX : INLINE_MAX;
        return left < SLICE_MAX && left ? (size_t)left : SLICE_MAX;
}

static bool add_piece(struct fill *f)
{
        struct piece *p = calloc(1, sizeof *p);

        if (!p)
                return false;
        p->cap = wanted_cap(f);
        p->bytes = malloc(p->cap);
        if (!p->bytes) {
                free(p);
                return false;
        }
        fill_hold(f, p->cap);
        p->fill = f;
        p->offset = f->length;
        if (f->last)
                f->last->next = p;
        else
                f->first = p;
        f->last = p;
        return true;
}

/* The first piece of a body that was not small after all. */
static bool outgrow(struct fill *f)
{
        char *bytes = malloc(SLICE_MAX);

        if (!bytes)
                return false;
        fill_hold(f, SLICE_MAX);
        memcpy(bytes, f->last->bytes, f->last->len);
        f->outgrown = f->last->bytes;
        f->last->bytes = bytes;
        f->last->cap = SLICE_MAX;
        return true;
}

/* Room behind what there is. */
static bool make_room(struct fill *f)
{
        if (!f->last || f->last->offset + f->last->len != f->length || f->last->len == SLICE_MAX || f->last->queued ||
            f->last->committed || f->last->refused)
                return add_piece(f);
        return f->last->len < f->last->cap || outgrow(f);
}

/* As much as fits into the last piece. Only the leader adds, so the bytes may be copied without the lock. */
static size_t add_some(struct fill *f, struct span more)
{
        struct piece *p;
        size_t n;

        if (!make_room(f))
                return 0;
        p = f->last;
        n = p->cap - p->len < more.len ? p->cap - p->len : more.len;
        p->users++;
        pthread_mutex_unlock(&f->lock);
        memcpy(p->bytes + p->len, more.at, n);
        pthread_mutex_lock(&f->lock);
        p->users--;
        p->len += n;
        f->length += n;
        if (p->len == SLICE_MAX)
                put_piece(f);
        return n;
}

bool fill_add(struct fill_reader *r, struct span more)
{
        struct fill *f = r->fill;
        size_t n = 1;

        pthread_mutex_lock(&f->lock);
        if (f->storing && f->length + more.len > f->limit)
                give_up(f);
        while (more.len && n) {
                n = add_some(f, more);
                more = (struct span){more.at + n, more.len - n};
        }
        fill_wake_all(f);
        pthread_mutex_unlock(&f->lock);
        return more.len == 0;
}

/* What only readers hold in memory. */
static uint64_t bytes_kept(const struct fill *f)
{
        uint64_t bytes = 0;

        for (const struct piece *p = f->first; p; p = p->next)
                if (!p->queued && !p->committed)
                        bytes += p->len;
        return bytes;
}

bool fill_room(struct fill_reader *r)
{
        struct fill *f = r->fill;
        bool room;

        pthread_mutex_lock(&f->lock);
        fill_drop_pieces(f);
        /* There is nobody to be far ahead of where the rest is fetched for the store alone. */
        room = (f->length < f->fastest + AHEAD_MAX || fill_led_for_nobody(f)) &&
               ((f->storing && !f->holed) ||
                bytes_kept(f) <= (fills_full(f->all, &f->client) ? SLICE_MAX : MEMORY_MAX));
        f->stalled = !room;
        pthread_mutex_unlock(&f->lock);
        return room;
}

bool fill_crowded(const struct fill_reader *r)
{
        unsigned readers = 0;

        pthread_mutex_lock(&r->fill->lock);
        for (const struct fill_reader *each = r->fill->readers; each && readers < CROWD; each = each->next)
                readers++;
        pthread_mutex_unlock(&r->fill->lock);
        return readers == CROWD;
}

/* ---- the end -------------------------------------------------------------------------------------------------------
 */

/* With the lock held. */
static bool put_response(struct fill *f, struct span body, uint64_t length, void (*done)(void *, int), void *context)
{
        struct put put = {.id = f->id,
                          .key = &f->key,
                          .vary = f->head.vary,
                          .variant = f->head.variant,
                          .replaces = f->head.replaces,
                          .stored = &f->head.stored,
                          .length = length,
                          .body = body,
                          .done = done,
                          .context = context};

        f->handed_over = !fills_outdated(f->all, &f->key, f->head.asked) && store_put_response(f->store, &put) == 0;
        return f->handed_over;
}

/* With the lock held: what there is of it will be found, and the rest is fetched where it is wanted. */
static bool put_sparse(struct fill *f, void (*done)(void *, int), void *context)
{
        f->head.stored.flags |= STORED_SPARSE;
        return f->sliced && put_response(f, (struct span){NULL, 0}, f->head.length, done, context);
}

/* With the lock held: what has come last. */
static void put_last(struct fill *f)
{
        if (f->last && f->last->len && !f->last->queued && !f->last->committed && !f->last->refused)
                put_piece(f);
}

/* With the lock held: everything is in the fill, and what can be stored is being stored. */
static bool hand_over(struct fill *f, void (*done)(void *, int), void *context)
{
        struct span body = {NULL, 0};

        if (f->length <= INLINE_MAX)
                body = (struct span){f->last ? f->last->bytes : NULL, f->length};
        else
                put_last(f);
        if (!f->storing)
                return false;
        return f->holed ? put_sparse(f, done, context) : put_response(f, body, f->length, done, context);
}

bool fill_finish(struct fill_reader *r, void (*done)(void *, int), void *context)
{
        struct fill *f = r->fill;
        bool stored;

        pthread_mutex_lock(&f->lock);
        stored = hand_over(f, done, context);
        if (!stored)
                f->storing = false;
        fill_hide(f);
        f->state = FILL_WHOLE;
        fill_wake_all(f);
        pthread_mutex_unlock(&f->lock);
        return stored;
}

/* With the lock held: what has come of a body that is cut is a part of the whole. */
static bool keep_part(struct fill *f, void (*done)(void *, int), void *context)
{
        if (f->state != FILL_ARRIVING || f->handed_over || !f->storing || !may_be_sparse(f))
                return false;
        put_last(f);
        return f->storing && put_sparse(f, done, context);
}

bool fill_keep(struct fill_reader *r, void (*done)(void *, int), void *context)
{
        bool kept;

        pthread_mutex_lock(&r->fill->lock);
        kept = keep_part(r->fill, done, context);
        pthread_mutex_unlock(&r->fill->lock);
        return kept;
}

void fill_end(struct fill_reader *r, enum fill_state state)
{
        struct fill *f = r->fill;

        pthread_mutex_lock(&f->lock);
        fill_hide(f);
        if (f->state == FILL_ASKED) {
                f->state = state == FILL_CUT ? FILL_RELEASED : state;
        } else if (f->state == FILL_ARRIVING) {
                keep_part(f, NULL, NULL);
                f->state = FILL_CUT;
        }
        fill_wake_all(f);
        pthread_mutex_unlock(&f->lock);
}

bool fill_storing(const struct fill_reader *r)
{
        bool storing;

        pthread_mutex_lock(&r->fill->lock);
        storing = r->fill->storing;
        pthread_mutex_unlock(&r->fill->lock);
        return storing;
}
