/* The ways to what a request wants that finds nothing: all of it, or a part of it. A part is read from the fill that is
 * under way, or fetched as whole units and stored as part of a sparse response (step_part.c); from a host that knows no
 * ranges the whole is fetched behind it, once. What another exchange is fetching is waited for. */
#include "http/cache_control.h"
#include "http/fields.h"
#include "http/reuse.h"
#include "proxy/client.h"
#include "proxy/exchange.h"

enum { WAIT_SECONDS = 3 }; /* for a part that another one fetches, as long as nothing of it comes */

/* ---- hosts that ignore Range ---------------------------------------------------------------------------------------
 */

/* Host, port and address, as a key that no response has. False: it is none. */
static bool key_of_host(const struct exchange *x, struct key *key, char text[KEY_TEXT_MAX])
{
        return key_build(key, text, x->decision.host, x->decision.port, SPAN(""), KEY_ADDRESS,
                         &x->client->destination.sa);
}

void exchange_note_host(struct exchange *x, bool ignores_range)
{
        char text[KEY_TEXT_MAX];
        struct key host;

        if (key_of_host(x, &host, text))
                fills_note_host(x->worker->proxy->fills, &host, x->response_time, ignores_range);
}

static bool host_ignores_range(const struct exchange *x)
{
        char text[KEY_TEXT_MAX];
        struct key host;

        return key_of_host(x, &host, text) &&
               fills_host_ignores_range(x->worker->proxy->fills, &host, x->start_us / 1000000);
}

/* ---- fills ---------------------------------------------------------------------------------------------------------
 */

static bool join_fill(struct exchange *x)
{
        if (x->solo)
                return false;
        x->part = fills_join(x->worker->proxy->fills, &x->key, x->worker, exchange_wake, x->client);
        if (!x->part)
                return false;
        x->leads = false;
        x->ranged = true;
        exchange_wait_for_head(x);
        return true;
}

/* The same request for all of it, by nobody's client; who reads from it, and whether anybody does, is no matter. */
static void fetch_whole_behind(struct exchange *x)
{
        struct exchange *y = exchange_shadow(x);

        if (!y)
                return;
        y->forward_reason = x->forward_reason;
        y->part = fills_enter(x->worker->proxy->fills, &x->key, x->worker, exchange_wake, y->client, &y->leads);
        if (y->part && y->leads)
                exchange_start_shadow(y, STEP_JOIN);
        else /* another one has just begun */
                client_destroy(y->client);
}

/* All of it has begun to come although a part was asked for: one such reply is enough. Who is the first goes on with
 * it, as a leader. */
bool exchange_join_whole(struct exchange *x)
{
        if (!x->look || x->part || x->solo)
                return false;
        x->part = fills_enter(x->worker->proxy->fills, &x->key, x->worker, exchange_wake, x->client, &x->leads);
        if (!x->part || x->leads)
                return false;
        x->ranged = true;
        exchange_wait_for_head(x);
        exchange_drop_claim(x);
        x->gap = GAP_NONE;
        x->request_started = false;
        exchange_drop_upstream(x);
        return true;
}

/* ---- waiting for others --------------------------------------------------------------------------------------------
 */

static bool waits(struct exchange *x)
{
        x->gap_waiting = x->waited = true; /* the deadline that follows stands */
        timer_set(&x->worker->wheel, &x->client->conn.timer, WAIT_SECONDS);
        return true;
}

bool exchange_await_gap(struct exchange *x, uint64_t first, uint64_t past)
{
        struct gap_part part = {.at = x->gap_at, .end = x->gap_end, .first = first, .past = past};
        enum gaps_claimed claimed;

        if (part.past > part.end)
                part.past = part.end;

        exchange_drop_claim(x);
        if (x->gap_alone || !exchange_await(x))
                return false;
        x->gap_wait = (struct gap_wait){.worker = x->worker, .note = &x->note};
        claimed = gaps_claim(x->worker->proxy->gaps, &x->key, &part, &x->claim, &x->gap_wait);
        if (claimed != GAPS_WAIT) {
                exchange_forget_await(x);
                x->gap_at = part.at;
                x->gap_end = part.end;
                return false;
        }
        return waits(x);
}

/* The same where nothing can be added to what is stored: for who fetches all of the part, if that is little. */
static bool await_little(struct exchange *x, uint64_t first, uint64_t past)
{
        if (x->gap_alone || !exchange_await(x))
                return false;
        x->gap_wait = (struct gap_wait){.worker = x->worker, .note = &x->note};
        if (gaps_await(x->worker->proxy->gaps, &x->key, first, past, &x->gap_wait))
                return waits(x);
        exchange_forget_await(x);
        return false;
}

void exchange_drop_claim(struct exchange *x)
{
        gaps_unclaim(x->claim);
        x->claim = NULL;
}

void exchange_forget_gap(struct exchange *x)
{
        if (x->gap_waiting && gaps_cancel(x->worker->proxy->gaps, &x->gap_wait)) {
                exchange_forget_await(x);
                x->gap_waiting = false;
        }
}

void exchange_gap_late(struct exchange *x)
{
        exchange_forget_gap(x);
        if (x->gap_waiting) /* the note is on its way */
                return;
        x->gap_alone = true;
        client_moved(x->client);
}

/* ---- the part that is asked for ------------------------------------------------------------------------------------
 */

/* Whether somebody has stored the first part between the look-up and the claim. */
static bool has_come(struct exchange *x)
{
        bool come;

        if (!x->claim || !exchange_begin_read(x))
                return false;
        come = reader_find(x->reader, &x->key, x->request, false, &x->worker->found) == FIND_HIT;
        exchange_end_read(x);
        if (come)
                exchange_drop_claim(x);
        return come;
}

/* The same of a part that what is stored lacked a moment ago, and that belongs to no claim now. */
static bool is_held(struct exchange *x)
{
        uint64_t at;
        bool held;

        if (!x->replaces || !exchange_begin_read(x))
                return false;
        held = reader_find(x->reader, &x->key, x->request, false, &x->worker->found) == FIND_HIT &&
               exchange_holds(x, &x->worker->found, &at) == BODY_READY;
        exchange_end_read(x);
        return held;
}

static bool is_coming(struct exchange *x, uint64_t past)
{
        if (x->exact)
                return await_little(x, x->want.first, past) || is_held(x);
        return exchange_await_gap(x, x->want.first, past) || has_come(x);
}

/* Whole units around what is wanted; or just that, where nothing can be added to it. Of several ranges the first one's
 * beginning is fetched, to learn what it is of; then all of them are gaps of what is stored. */
static enum step fetch_part(struct exchange *x, enum range_asked kind)
{
        uint64_t past;

        x->suffix = kind == RANGE_ASKED_SUFFIX ? x->want.last : 0;
        x->probe = kind == RANGE_ASKED_SEVERAL;
        if (x->probe)
                x->want.last = x->want.first;
        x->gap_at = slice_down(x->want.first);
        past = x->want.last == UINT64_MAX ? UINT64_MAX : x->want.last + 1;
        x->gap_end = slice_up(past);
        if (!x->suffix && is_coming(x, past)) {
                x->looked = false;
                return STEP_LOOKUP;
        }
        if (x->exact) {
                x->gap_at = x->want.first;
                x->gap_end = past;
        }
        x->gap = GAP_COLD;
        return STEP_FETCH;
}

/* Whether all of it is fetched where a part is wanted: by what is known of the host, or by rule. */
static bool whole_instead(const struct exchange *x)
{
        struct proxy *p = x->worker->proxy;
        bool by_rule = p->config->whole_for_ranges && fills_noted(p->fills, NOTED_UNSPARSE, &x->key);

        return (by_rule || host_ignores_range(x)) && !fills_noted(p->fills, NOTED_UNSHAREABLE, &x->key);
}

enum step exchange_miss(struct exchange *x)
{
        enum range_asked kind = x->background ? RANGE_ASKED_NONE : range_asked(x->request, &x->want);
        struct fills *fills = x->worker->proxy->fills;

        if (kind == RANGE_ASKED_NONE || x->probed || x->solo || !request_is_anybodys(x->request))
                return STEP_JOIN;
        if (kind == RANGE_ASKED_ONE && !request_wants_origin(x->request)) {
                x->ranged = x->want.first == 0 && x->want.last == UINT64_MAX; /* all of it, and it is to say so */
                if (x->ranged || join_fill(x))
                        return STEP_JOIN;
                if (whole_instead(x)) {
                        fetch_whole_behind(x);
                        if (join_fill(x))
                                return STEP_JOIN;
                }
        }
        x->exact = fills_noted(fills, NOTED_UNSPARSE, &x->key);
        return x->exact && kind == RANGE_ASKED_SEVERAL ? STEP_JOIN : fetch_part(x, kind);
}

/* ---- reading on ----------------------------------------------------------------------------------------------------
 */

/* To the first byte that is not stored; then to the first that is. False: there is no gap. */
static bool find_gap(struct exchange *x, uint64_t *from, uint64_t *to)
{
        struct iovec span;
        int count;

        if (!exchange_begin_read(x))
                return false;
        while (*from < *to && reader_body(x->reader, x->id, *from, 1, &span, 1, &count) != BODY_GAP)
                *from += SLICE_UNIT;
        if (*from >= *to)
                return false;
        *to = reader_gap_end(x->reader, x->id, *from, *to);
        return true;
}

static void fetch_gap_behind(const struct exchange *x, const struct gap_part *part, struct gap_claim *claim)
{
        struct exchange *y = exchange_shadow(x);

        if (!y || !exchange_pin(y, x->id)) {
                gaps_unclaim(claim);
                if (y)
                        client_destroy(y->client);
                return;
        }
        y->id = x->id;
        y->total = x->total;
        y->gap = GAP_STORED;
        y->gap_at = part->at;
        y->gap_end = part->end;
        y->claim = claim;
        y->reply_started = true; /* there is none */
        y->etag_len = x->etag_len;
        memcpy(y->validator, x->validator, x->etag_len);
        exchange_start_shadow(y, STEP_FETCH);
}

void exchange_read_on(struct exchange *x, uint64_t first, uint64_t end)
{
        struct gaps *gaps = x->worker->proxy->gaps;
        struct gap_claim *claim;
        struct gap_part part;
        uint64_t from, to;

        if (x->read_on || x->background || x->pinned != x->id)
                return;
        x->read_on = true;
        if (!gaps_read_on(gaps, &x->key, first, end, &from, &to))
                return;
        from = slice_up(from);
        to = to < x->total ? slice_up(to) : x->total;
        if (to > x->total)
                to = x->total;
        if (from >= to || !find_gap(x, &from, &to))
                return;
        part = (struct gap_part){.at = from, .end = to, .first = from, .past = to};
        if (gaps_claim(gaps, &x->key, &part, &claim, NULL) == GAPS_CLAIMED)
                fetch_gap_behind(x, &part, claim);
}
