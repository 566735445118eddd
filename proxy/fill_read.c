/* The readers' side of a fill; see fill.h. */
#include "proxy/fill_piece.h"

enum fill_state fill_look(struct fill_reader *r)
{
        enum fill_state state;

        pthread_mutex_lock(&r->fill->lock);
        state = r->fill->state;
        r->waiting = state == FILL_ASKED;
        pthread_mutex_unlock(&r->fill->lock);
        return state;
}

const struct fill_head *fill_head(const struct fill_reader *r)
{
        return &r->fill->head;
}

uint64_t fill_id(const struct fill_reader *r)
{
        return r->fill->id;
}

static struct piece *piece_at(const struct fill *f, uint64_t at)
{
        struct piece *p = f->first;

        while (p && p->offset + p->len <= at)
                p = p->next;
        return p;
}

/* Where there is nothing to read. */
static enum fill_read ended(struct fill_reader *r)
{
        switch (r->fill->state) {
        case FILL_WHOLE:
                return FILL_END;
        case FILL_ASKED:
        case FILL_ARRIVING:
                r->waiting = true;
                return FILL_MORE;
        case FILL_CUT:
        case FILL_RELEASED:
        case FILL_ANEW:
                break;
        }
        return FILL_BROKEN;
}

enum fill_read fill_read(struct fill_reader *r, struct span *bytes, uint64_t *extent)
{
        struct fill *f = r->fill;
        enum fill_read result = FILL_BYTES;
        struct piece *p;

        pthread_mutex_lock(&f->lock);
        p = piece_at(f, r->at);
        if (r->at >= r->end) {
                result = FILL_END;
        } else if (r->at >= f->length) {
                result = ended(r);
        } else if (p && p->offset <= r->at) {
                p->users++;
                *bytes = (struct span){p->bytes + (r->at - p->offset), p->len - (size_t)(r->at - p->offset)};
                if (bytes->len > r->end - r->at)
                        bytes->len = (size_t)(r->end - r->at);
        } else {
                *extent = (p ? p->offset : f->length) - r->at;
                if (*extent > r->end - r->at)
                        *extent = r->end - r->at;
                result = FILL_STORED;
        }
        r->piece = result == FILL_BYTES ? p : NULL;
        pthread_mutex_unlock(&f->lock);
        return result;
}

void fill_took(struct fill_reader *r, uint64_t n)
{
        struct fill *f = r->fill;
        bool stalled;

        pthread_mutex_lock(&f->lock);
        if (r->piece)
                r->piece->users--;
        r->piece = NULL;
        r->at += n;
        if (r->at > f->fastest)
                f->fastest = r->at;
        stalled = f->stalled && f->leader && f->leader != r;
        fill_drop_pieces(f);
        if (stalled)
                fill_wake(f->leader);
        pthread_mutex_unlock(&f->lock);
}

void fill_seek(struct fill_reader *r, uint64_t at, uint64_t end)
{
        struct fill *f = r->fill;

        pthread_mutex_lock(&f->lock);
        r->at = at;
        r->end = end;
        if (at > f->fastest) /* the leader is to come there */
                f->fastest = at;
        if (f->stalled && f->leader)
                fill_wake(f->leader);
        pthread_mutex_unlock(&f->lock);
}

uint64_t fill_arrived(const struct fill_reader *r)
{
        uint64_t length;

        pthread_mutex_lock(&r->fill->lock);
        length = r->fill->length;
        pthread_mutex_unlock(&r->fill->lock);
        return length;
}

/* Whether so little is missing that it would be a waste to stop. */
static bool nearly_whole(const struct fill *f)
{
        uint64_t whole = f->head.length, rest = whole - f->length;

        return f->state == FILL_ARRIVING && f->storing && whole != UINT64_MAX &&
               (rest <= FINISH_BYTES || rest <= whole / 10);
}

/* With the lock held. */
static bool drips(struct fill *f, int64_t now)
{
        bool enough = f->length - f->lone_from >= LONE_BYTES;

        if (f->lone_since && now - f->lone_since < LONE_SECONDS)
                return false;
        enough |= !f->lone_since;
        f->lone_since = now;
        f->lone_from = f->length;
        return !enough;
}

static bool has_others(const struct fill_reader *r)
{
        return r->fill->readers != r || r->next;
}

/* With the lock held: whether nobody wants it and, from now on, nobody can join what is about to be cut. */
static bool left_alone(const struct fill_reader *r)
{
        if (has_others(r))
                return false;
        fill_hide(r->fill);
        return !has_others(r); /* the lock was not held all the time */
}

bool fill_drips(struct fill_reader *r, int64_t now)
{
        struct fill *f = r->fill;
        bool slow = false;

        pthread_mutex_lock(&f->lock);
        if (has_others(r))
                f->lone_since = 0;
        else
                slow = drips(f, now) && left_alone(r);
        pthread_mutex_unlock(&f->lock);
        return slow;
}

bool fill_deafen(struct fill_reader *r, int64_t now)
{
        struct fill *f = r->fill;
        bool goes_on;

        pthread_mutex_lock(&f->lock);
        r->deaf = true;
        goes_on = nearly_whole(f) || !left_alone(r);
        pthread_mutex_unlock(&f->lock);
        return goes_on && !fill_drips(r, now);
}
