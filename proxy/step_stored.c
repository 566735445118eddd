/* The steps that answer from a store: the head, and the body as the socket takes it (RFC 9111 §4).
 *
 * A small body lies in the response's record and goes out in one call with the head. A large one is read slice by
 * slice, in turns (proxy/turn.h), each with a read transaction of its own; meanwhile its id is pinned. */
#include "http/condition.h"
#include "http/render.h"
#include "proxy/client.h"
#include "proxy/exchange.h"

enum {
        AHEAD_BYTES = 2 << 20, /* read from a cold disk at once */
        TOGETHER_MAX = 4096    /* head and body that are sent as one span */
};

/* ---- what to answer ------------------------------------------------------------------------------------------------
 */

struct answer {
        uint16_t status;
        uint64_t first, end; /* of the body */
        bool body;
        struct stored_reply_options head;
        char range[RANGE_TEXT];
        char cache_status[CACHE_STATUS_MAX];
};

static void describe_range(struct answer *a, const struct byte_range *r, uint64_t length)
{
        struct out out = {.at = a->range, .cap = sizeof a->range};

        range_describe(&out, r, length);
        a->head.content_range = (struct span){out.at, out.len};
}

/* Range is for a 200 that would be sent in full (RFC 9110 §14.2). */
static void choose_range(struct answer *a, const struct exchange *x, const struct found *f, const struct stored *s)
{
        struct byte_range range;

        a->status = s->status;
        a->end = f->length;
        if (a->status != 200 || x->request->method != METHOD_GET || !message_has(x->request, FIELD_RANGE))
                return;
        switch (range_verdict(x->request, s, f->length, x->start_us / 1000000, &range)) {
        case RANGE_WHOLE:
                break;
        case RANGE_PART:
                a->status = 206;
                a->first = range.first;
                a->end = range.last + 1;
                describe_range(a, &range, f->length);
                break;
        case RANGE_UNSATISFIABLE:
                a->status = 416;
                a->end = 0;
                describe_range(a, NULL, f->length);
                break;
        }
}

static void choose_answer(struct answer *a, const struct exchange *x, const struct found *f, const struct stored *s)
{
        switch (condition_evaluate(x->request, s, x->start_us / 1000000)) {
        case CONDITION_NOT_MODIFIED:
                a->status = 304;
                break;
        case CONDITION_FAILED:
                a->status = 412;
                break;
        case CONDITION_PASS:
                choose_range(a, x, f, s);
                break;
        }
        a->body = a->end > a->first && !x->head_only;
}

static void say_cache_status(struct answer *a, const struct exchange *x, int64_t ttl)
{
        bool forwarded = x->validating || x->failed || x->gap_open;

        struct cache_status s = {.hit = !forwarded, .has_ttl = true, .ttl = ttl};

        if (forwarded) {
                s.fwd = x->gap_open ? "partial" : x->forward_reason;
                s.fwd_status = x->gap_open ? 206 : x->validating ? 304 : x->failed_status;
        }
        a->head.cache_status = exchange_say_status(x, s, a->cache_status);
}

static void describe_head(struct answer *a, const struct exchange *x, const struct stored *s)
{
        int64_t now = x->start_us / 1000000;

        if (x->validating)
                now = x->response_time;
        a->head.status = a->status;
        a->head.age = x->validating && !s->age ? -1 : freshness_age(s, now); /* one of a cache behind us goes on */
        a->head.with_length = a->status != 304 && a->status != 204;
        a->head.length = a->end - a->first;
        a->head.close = !x->request->persistent || x->reply_close || !x->request_done;
        a->head.keep_alive = !a->head.close && x->request->minor == 0;
        a->head.via = x->worker->proxy->config->origin.via_response;
        say_cache_status(a, x, freshness_left(s, now));
}

static void note_reply(struct exchange *x, const struct answer *a)
{
        struct counters *c = &x->worker->counters;

        x->status = a->status;
        x->reply_started = true;
        if (a->head.close)
                x->reply_close = true;
        if (x->validating)
                x->result = "TCP_REFRESH_UNMODIFIED";
        else
                x->result = a->status == 304 ? "TCP_IMS_HIT" : "TCP_HIT";
        count(c, x->validating ? COUNTER_revalidated : COUNTER_hits, 1);
}

/* ---- sending -------------------------------------------------------------------------------------------------------
 */

static enum step damaged(struct exchange *);

static enum step ask_for(struct exchange *x, uint64_t id, uint64_t at, uint64_t bytes, enum step next)
{
        if (!exchange_await(x))
                return exchange_fail(x, 500, "out of memory");
        x->job = (struct prefault){.done = exchange_job_done, .id = id, .offset = at, .bytes = bytes};
        prefault_body(x->store, &x->job);
        return next;
}

enum step exchange_ask_for_body(struct exchange *x, enum step next)
{
        uint64_t left = x->end - x->at;

        if (x->job.failed && x->job.id == x->id && x->job.offset == x->at)
                return damaged(x); /* asked for before, and not to be had */
        return ask_for(x, x->id, x->at, left < AHEAD_BYTES ? left : AHEAD_BYTES, next);
}

enum step exchange_ask_for_index(struct exchange *x, uint64_t id, uint64_t at, enum step next)
{
        return ask_for(x, id, at, 1, next);
}

/* It is being evicted this moment, or cannot be read. Who looked again might find it again. */
static enum step gone(struct exchange *x)
{
        if (x->borrows)
                return exchange_stop_borrowing(x);
        x->validating = false;
        x->solo = true;
        x->forward_reason = "miss";
        return STEP_FETCH;
}

/* A stored body that cannot be read in full is of no use to anybody. */
static enum step damaged(struct exchange *x)
{
        exchange_forget_stored(x);
        if (!x->reply_started)
                return gone(x);
        x->detail = "the stored body is damaged";
        x->broken = true;
        return STEP_FINISH;
}

/* The kernel takes one span by a shorter way than two (send(2)): by 0.3 us of 4.4 for 1 KiB, and copying is cheaper
 * than that up to some KiB. The system says of a fault in what it copies itself; of one in what is copied here, the
 * store. */
static enum step send_inline(struct exchange *x, const struct out *head, const struct answer *a, struct span body)
{
        struct iovec spans[2] = {{head->at, head->len}};
        size_t len = a->body ? a->end - a->first : 0;
        bool together = head->len + len <= TOGETHER_MAX;

        if (together && len) {
                memcpy(head->at + head->len, body.at + a->first, len);
                spans[0].iov_len += len;
        } else if (len) {
                spans[1] = (struct iovec){(void *)(uintptr_t)(body.at + a->first), len};
        }
        if (store_readable(x->store))
                exchange_send(x, spans, together || !len ? 1 : 2);
        if (!store_readable(x->store))
                return damaged(x);
        x->sent_stored += len ? len : 1;
        return STEP_FINISH;
}

bool exchange_pin(struct exchange *x, uint64_t id)
{
        if (x->pinned == id)
                return true;
        exchange_unpin(x);
        x->pinned = store_pin(x->store, id) ? id : 0;
        return x->pinned != 0;
}

void exchange_unpin(struct exchange *x)
{
        turn_leave(x->worker, &x->turn);
        if (x->pinned)
                store_unpin(x->store, x->pinned);
        x->pinned = 0;
}

/* How much of what is stored from x->at on could be sent at once. */
static uint64_t bytes_ready(const struct exchange *x, uint64_t most, struct iovec spans[SPANS_MAX - 1], int *count)
{
        uint64_t bytes = 0;

        *count = 0;
        if (most)
                reader_body(x->reader, x->id, x->at, most, spans, SPANS_MAX - 1, count);
        for (int i = 0; i < *count; i++)
                bytes += spans[i].iov_len;
        return bytes;
}

/* The reply begins with what the origin sends now, or with what is stored in front of that. */
static enum step send_before_gap(struct exchange *x, const struct out *head, const struct answer *a)
{
        struct iovec spans[SPANS_MAX] = {{head->at, head->len}};
        uint64_t before = x->gap_at > x->at ? x->gap_at - x->at : 0;
        int count;

        if (bytes_ready(x, before, spans + 1, &count) < before) /* it was there when the gap was found */
                return exchange_ask_plainly(x);
        note_reply(x, a);
        exchange_send(x, spans, count + 1);
        x->at += before;
        x->sent_stored += before;
        return STEP_FILL_GAP;
}

/* What is missing is asked for before the reply begins, as long as not much comes before it: should the origin have
 * something else by now, the client gets that. False: nothing is missing there. */
static bool gap_ahead(struct exchange *x, const struct found *f, enum step *next)
{
        uint64_t window = x->at + SLICE_MAX < x->end ? x->at + SLICE_MAX : x->end, at = x->at;
        enum step again = x->validating ? STEP_FRESHEN : STEP_LOOKUP;
        struct iovec spans[SPANS_MAX];
        enum body_state held;
        int count;

        if (!(f->stored.flags & STORED_SPARSE))
                return false;
        held = reader_held_to(x->reader, x->id, &at, window);
        if (held == BODY_COLD) {
                *next = exchange_ask_for_index(x, x->id, at, again);
                return true;
        }
        if (held == BODY_READY || at == x->at)
                return false;
        if (bytes_ready(x, at - x->at, spans, &count) < at - x->at)
                return false;
        x->at = at;
        *next = exchange_open_gap(x, again);
        return true;
}

/* False: he who borrows does not get it, or not yet; `next` is what to do. */
static bool is_lent(struct exchange *x, uint64_t first, uint64_t end, enum step *next)
{
        switch (x->borrows ? exchange_lends(x, &first, end) : BODY_READY) {
        case BODY_READY:
                return true;
        case BODY_COLD:
                *next = exchange_ask_for_index(x, x->id, first, STEP_LOOKUP);
                return false;
        case BODY_GAP:
                break;
        }
        *next = exchange_stop_borrowing(x);
        return false;
}

/* The head with the first slices behind it, if they are in memory. */
static enum step send_first(struct exchange *x, const struct out *head, const struct answer *a, const struct found *f)
{
        struct iovec spans[SPANS_MAX] = {{head->at, head->len}};
        uint64_t most = turn_piece(x->worker);
        bool mendable;
        enum step next;
        size_t sent;
        int count = 0;

        if (!is_lent(x, a->first, a->end, &next))
                return next;
        x->at = a->first;
        x->end = a->end;
        if (x->gap_open)
                return send_before_gap(x, head, a);
        mendable = !x->borrows && exchange_gap_begins(x, f);
        if (mendable && a->status == 206)
                exchange_read_on(x, a->first, a->end);
        if (mendable && gap_ahead(x, f, &next))
                return next;
        if (most > x->end - x->at)
                most = x->end - x->at;
        switch (reader_body(x->reader, x->id, x->at, most, spans + 1, SPANS_MAX - 1, &count)) {
        case BODY_COLD:
                return exchange_ask_for_body(x, x->validating ? STEP_FRESHEN : STEP_LOOKUP);
        case BODY_GAP:
                return mendable ? exchange_open_gap(x, x->validating ? STEP_FRESHEN : STEP_LOOKUP) : damaged(x);
        case BODY_READY:
                break;
        }
        note_reply(x, a);
        sent = conn_offer(&x->client->conn, spans, count + 1);
        if (sent < head->len) {
                spans[0].iov_base = head->at + sent;
                spans[0].iov_len = head->len - sent;
                conn_send(&x->client->conn, spans, 1);
                sent = head->len;
        }
        x->sent += head->len;
        exchange_took_stored(x, sent - head->len);
        return STEP_SEND_STORED;
}

/* Pins what was found. If something was committed since this read transaction began, that may have been its eviction:
 * it is looked up again, for what is found after it was pinned stays. False: `next` is what to do. */
static bool hold(struct exchange *x, uint64_t id, enum step *next)
{
        if (x->pinned == id)
                return true;
        if (!exchange_pin(x, id)) {
                *next = gone(x);
                return false;
        }
        x->id = id;
        if (reader_current(x->reader))
                return true;
        exchange_end_read(x);
        *next = x->validating ? STEP_FRESHEN : STEP_LOOKUP;
        return false;
}

/* Several ranges (RFC 9110 §14.6). */
static enum step reply_with_parts(struct exchange *x, const struct found *f, const struct stored *s, struct answer *a)
{
        struct out head = {.at = x->worker->page, .cap = PAGE_SIZE_MAX};
        char type_text[MULTIPART_TYPE];
        struct out type = {.at = type_text, .cap = sizeof type_text};
        enum step next;

        if (!f->inlined && (!hold(x, f->id, &next) || !is_lent(x, 0, f->length, &next)))
                return next;
        a->status = 206;
        a->first = 0;
        a->end = multipart_length(x->parts);
        describe_head(a, x, s);
        multipart_type(&type, x->parts);
        a->head.content_type = (struct span){type.at, type.len};
        render_stored_head(&head, s, &a->head);
        if (head.overflow)
                return exchange_fail(x, 500, "the stored head is too large");
        note_reply(x, a);
        if (!x->borrows)
                exchange_gap_begins(x, f);
        exchange_send(x, &(struct iovec){head.at, head.len}, 1);
        return f->inlined ? exchange_send_parts_inline(x, f->body) : STEP_SEND_PARTS;
}

enum step exchange_reply_with(struct exchange *x, const struct found *f, const struct stored *s)
{
        struct worker *w = x->worker;
        struct out head = {.at = w->page, .cap = PAGE_SIZE_MAX};
        struct answer a;
        enum step next;

        memset(&a, 0, offsetof(struct answer, cache_status));
        choose_answer(&a, x, f, s);
        if (a.status == 200 && a.body && exchange_parts_wanted(x, f))
                return reply_with_parts(x, f, s, &a);
        describe_head(&a, x, s);
        render_stored_head(&head, s, &a.head);
        if (head.overflow)
                return exchange_fail(x, 500, "the stored head is too large");
        if (a.body && !f->inlined)
                return hold(x, f->id, &next) ? send_first(x, &head, &a, f) : next;
        note_reply(x, &a);
        return send_inline(x, &head, &a, f->body);
}

enum step step_reply_stored(struct exchange *x)
{
        const struct found *f = &x->worker->found;

        return exchange_reply_with(x, f, &f->stored);
}

/* One call with what is in memory, of `most` bytes at the most. False: `next` says what else. */
static bool send_some(struct exchange *x, uint64_t most, enum step *next)
{
        struct iovec spans[SPANS_MAX];
        uint64_t left = x->end - x->at;
        size_t sent;
        int count = 0;

        switch (reader_body(x->reader, x->id, x->at, left < most ? left : most, spans, SPANS_MAX, &count)) {
        case BODY_COLD:
                *next = exchange_ask_for_body(x, STEP_SEND_STORED);
                return false;
        case BODY_GAP:
                *next = x->total ? exchange_open_gap(x, STEP_SEND_STORED) : damaged(x);
                return false;
        case BODY_READY:
                break;
        }
        sent = conn_offer(&x->client->conn, spans, count);
        exchange_took_stored(x, sent);
        *next = x->at == x->end ? exchange_body_sent(x) : STEP_WAIT;
        return sent > 0 && x->at < x->end;
}

void exchange_serve(struct turn_waiter *one)
{
        struct exchange *x = (struct exchange *)(void *)((char *)one - offsetof(struct exchange, turn));

        exchange_wake(x->client);
}

enum step step_send_stored(struct exchange *x)
{
        const struct turn *turn;
        enum step next;

        if (x->at == x->end)
                return exchange_body_sent(x);
        if (conn_blocked(&x->client->conn))
                return STEP_WAIT;
        turn = turn_take(x->worker, &x->turn);
        if (!turn)
                return STEP_WAIT;
        if (!exchange_begin_read(x))
                return damaged(x);
        while (send_some(x, turn->piece, &next)) {
                if (turn_over(turn)) {
                        turn_wait(x->worker, &x->turn);
                        break;
                }
        }
        return next;
}
