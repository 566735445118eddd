/* The steps of a response that more than one may want: joining the fill that is under way or leading one, and the body
 * on its way from the fill to this client. The leader's own client is a reader like any other; what the leader does
 * besides is to fetch. */
#include "http/fields.h"
#include "http/render.h"
#include "http/reuse.h"
#include "http/vary.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/pending.h"
#include "proxy/pump.h"

enum {
        NEAR_BYTES = 4 << 20,     /* what is so far ahead of a fill is not waited for */
        STALL_SECONDS = 5,        /* without a byte from whoever leads; then we ask for the rest ourselves */
        JOIN_SECONDS = 3,         /* for a head that another exchange asked for; then we ask ourselves */
        PACED_BYTES = 192 * 1024, /* what comes at once is enough for many readers */
        CHUNK_BYTES = 64 * 1024   /* what the socket does not take of a chunk is copied */
};

/* ---- joining -------------------------------------------------------------------------------------------------------
 */

/* A request whose reply could be anybody's: with no condition, range or directive of its own. A range that can be cut
 * out of the whole is none of its own. */
static bool may_share(const struct exchange *x)
{
        const struct message *m = x->request;

        return !x->solo && m->method == METHOD_GET && m->framing == FRAMING_NONE && !m->upgrade &&
               (x->ranged || !message_has(m, FIELD_RANGE)) && !message_has(m, FIELD_IF_RANGE) &&
               request_is_anybodys(m) && !request_wants_origin(m);
}

void exchange_wake(void *argument)
{
        struct client *c = argument;

        client_moved(c);
        client_turn(c);
}

/* Asks the origin after all, beside the others. */
static enum step alone(struct exchange *x, const char *reason)
{
        fill_leave(&x->part);
        x->solo = true;
        x->ranged = false;
        if (reason)
                x->forward_reason = reason;
        return STEP_FETCH;
}

/* The same look-up again: what is stored has changed. */
static enum step look_again(struct exchange *x)
{
        x->looked = x->validating = false;
        return STEP_LOOKUP;
}

static struct span fill_status(const struct exchange *x, const struct fill_head *h, int64_t now,
                               char text[CACHE_STATUS_MAX])
{
        struct cache_status s = {.fwd = x->forward_reason};

        if (x->leads) {
                s.fwd_status = x->worker->response.status;
                s.stored = true;
        } else {
                s.collapsed = s.has_ttl = true;
                s.ttl = freshness_left(&h->stored, now);
        }
        return exchange_say_status(x, s, text);
}

static void say_head(struct exchange *x, const struct fill_head *h, struct stored_reply_options *o,
                     char status[CACHE_STATUS_MAX])
{
        int64_t now = worker_clock() / 1000000;
        bool unknown = h->length == UINT64_MAX;

        x->reply_chunked = unknown && x->request->minor == 1;
        x->reply_close |= unknown && !x->reply_chunked;
        *o = (struct stored_reply_options){.status = h->stored.status,
                                           .age = x->leads && !h->stored.age ? -1 : freshness_age(&h->stored, now),
                                           .with_length = !unknown,
                                           .length = unknown ? 0 : h->length,
                                           .chunked = x->reply_chunked,
                                           .close = x->reply_close || !x->request->persistent,
                                           .via = x->worker->proxy->config->origin.via_response};
        o->keep_alive = !o->close && x->request->minor == 0;
        o->cache_status = fill_status(x, h, now, status);
}

/* The bytes of the whole that are wanted: first, and end. False: none that could be said. */
static bool cut_out(const struct exchange *x, const struct fill_head *h, uint64_t *end)
{
        if (h->stored.status != 200 || h->length == UINT64_MAX || x->want.first >= h->length)
                return false;
        *end = x->want.last < h->length ? x->want.last + 1 : h->length;
        return true;
}

/* The head of the reply, of all of it or of the part that is wanted. False: it is too large. */
static bool send_head(struct exchange *x, const struct fill_head *h)
{
        struct out head = {.at = x->worker->page, .cap = PAGE_SIZE_MAX};
        char status[CACHE_STATUS_MAX], text[RANGE_TEXT];
        struct out range = {.at = text, .cap = sizeof text};
        struct stored_reply_options options;
        uint64_t end;

        say_head(x, h, &options, status);
        if (x->ranged && cut_out(x, h, &end)) {
                range_describe(&range, &(struct byte_range){x->want.first, end - 1}, h->length);
                options.content_range = (struct span){range.at, range.len};
                options.status = 206;
                options.length = end - x->want.first;
                fill_seek(x->part, x->want.first, end);
        }
        render_stored_head(&head, &h->stored, &options);
        if (head.overflow)
                return false;
        x->status = options.status;
        x->reply_started = true;
        exchange_hold(x, (struct span){head.at, head.len});
        return true;
}

bool exchange_share_range(struct exchange *x)
{
        struct fill_head head = *fill_head(x->part);
        uint64_t end;

        exchange_own_fields(x, &head.stored);
        return cut_out(x, &head, &end) && send_head(x, &head);
}

/* Whether what is wanted is about to come. */
static bool near(const struct exchange *x)
{
        return !x->ranged || x->want.first <= fill_arrived(x->part) + NEAR_BYTES;
}

/* The head has come, for whoever asked: it answers this request as well, or this one asks for itself. */
static enum step follow(struct exchange *x)
{
        const struct fill_head *h = fill_head(x->part);
        struct worker *w = x->worker;
        const char *why = NULL;

        if (h->vary.len && vary_hash(h->vary, x->request) != h->variant)
                return alone(x, "vary-miss");
        if (!near(x) || reuse_verdict(x->request, &h->stored, worker_clock() / 1000000, &why) != REUSE_FRESH)
                return alone(x, NULL);
        if (!send_head(x, h))
                return exchange_fail(x, 500, "the head is too large");
        exchange_unpin(x); /* what it would have validated */
        x->validating = false;
        x->result = "TCP_CF_HIT";
        count(&w->counters, COUNTER_hits, 1);
        count(&w->counters, COUNTER_collapsed, 1);
        return STEP_SHARE;
}

void exchange_wait_for_head(struct exchange *x)
{
        timer_set(&x->worker->wheel, &x->client->conn.timer, JOIN_SECONDS);
        x->waited = true; /* that deadline stands */
}

static enum step broken(struct exchange *x, const char *why)
{
        if (!x->detail)
                x->detail = why;
        x->broken = true;
        return STEP_FINISH;
}

/* Others are told by what this exchange does from now on; but first it looks again, for the last one who led may just
 * have stored what is wanted. */
static enum step enter(struct exchange *x)
{
        if (!x->background && (!may_share(x) || fills_noted(x->worker->proxy->fills, NOTED_UNSHAREABLE, &x->key)))
                return STEP_FETCH;
        x->part = fills_enter(x->worker->proxy->fills, &x->key, x->worker, exchange_wake, x->client, &x->leads);
        if (!x->part)
                return STEP_FETCH;
        if (x->leads)
                return look_again(x);
        if (x->background) /* it is being validated already */
                return broken(x, NULL);
        exchange_wait_for_head(x);
        return STEP_JOIN;
}

enum step step_join(struct exchange *x)
{
        if (!x->part)
                return enter(x);
        if (x->leads)
                return STEP_FETCH;
        switch (fill_look(x->part)) {
        case FILL_ASKED:
                return STEP_WAIT;
        case FILL_ARRIVING:
        case FILL_WHOLE:
                client_moved(x->client);
                return follow(x);
        case FILL_ANEW:
                fill_leave(&x->part);
                return look_again(x);
        case FILL_CUT:
        case FILL_RELEASED:
                break;
        }
        return alone(x, NULL);
}

enum step exchange_join_late(struct exchange *x)
{
        return alone(x, NULL);
}

/* ---- the leader: fetching ------------------------------------------------------------------------------------------
 */

/* Before its last bytes go out, so that who comes next finds it or waits for it. */
static void finish(struct exchange *x)
{
        void *context = pending_add(x->worker->proxy->pending, &x->key);

        if (fill_finish(x->part, pending_done, context))
                count(&x->worker->counters, COUNTER_stored, 1);
        else
                pending_done(context, 0);
        x->fetched = true;
        exchange_release_upstream(x);
}

static void cut(struct exchange *x)
{
        void *context = pending_add(x->worker->proxy->pending, &x->key);

        if (!fill_keep(x->part, pending_done, context))
                pending_done(context, 0);
        fill_end(x->part, FILL_CUT);
        count(&x->worker->counters, COUNTER_errors, 1);
        x->detail = "the origin server's answer was cut short";
        x->fetched = true;
        x->client->pinned = false;
        upstream_close(&x->client->upstream, true);
}

/* Little at a time would go to many readers by as many system calls each: more of it is let come together. */
static void pace(struct exchange *x, size_t came)
{
        if (came && !x->fetched)
                x->client->upstream->paced = came < PACED_BYTES && fill_crowded(x->part);
}

/* Takes what the origin has sent. */
static void take(struct exchange *x)
{
        size_t came = 0;
        struct batch b;

        do {
                batch_gather(&b, x->reply_body, &x->client->upstream->conn);
                came += b.bytes;
                count(&x->worker->counters, COUNTER_bytes_origins, (int64_t)b.bytes);
                for (int i = 0; i < b.count; i++)
                        if (!fill_add(x->part, (struct span){b.spans[i].iov_base, b.spans[i].iov_len}))
                                b.last = BODY_FAULT;
                if (b.last == BODY_END)
                        finish(x);
                else if (b.last == BODY_FAULT)
                        cut(x);
        } while (b.last == BODY_DATA);
        pace(x, came);
}

/* As long as somebody wants it soon. */
static void fetch_more(struct exchange *x)
{
        if ((!x->request_done && !request_pump(x)) || (x->background && fill_drips(x->part, x->worker->wheel.now))) {
                cut(x);
                return;
        }
        x->stalled = !fill_room(x->part);
        if (!x->stalled)
                take(x);
}

bool exchange_leads_on(struct exchange *x)
{
        return x->step == STEP_SHARE && x->leads && !x->fetched && fill_deafen(x->part, x->worker->wheel.now);
}

/* ---- every reader --------------------------------------------------------------------------------------------------
 */

static void sent(struct exchange *x, size_t n)
{
        x->sent += n;
        if (!x->leads)
                x->sent_stored += n;
}

/* As one chunk: the socket takes it, or the rest is kept. */
static void send_chunk(struct exchange *x, const struct iovec *data, int count, size_t len)
{
        struct iovec all[SPANS_MAX + 2];
        char line[20];
        int n = 0;

        all[n++] = (struct iovec){line, render_chunk_line(line, len)};
        for (int i = 0; i < count; i++)
                all[n++] = data[i];
        all[n++] = (struct iovec){(char[]){'\r', '\n'}, 2};
        conn_send(&x->client->conn, all, n);
        sent(x, len);
}

/* What the socket takes of it; of a chunked body all of it. Returns the bytes of the body that are off our hands. */
static size_t send_spans(struct exchange *x, const struct iovec *data, int count)
{
        size_t total = 0, n;

        for (int i = 0; i < count; i++)
                total += data[i].iov_len;
        if (x->reply_chunked) {
                send_chunk(x, data, count, total);
                return total;
        }
        n = conn_offer(&x->client->conn, data, count);
        sent(x, n);
        x->unsent = n < total;
        return n;
}

/* Bytes that memory has let go of are read from the store. */
static enum step send_stored_part(struct exchange *x, uint64_t extent)
{
        uint64_t most = x->reply_chunked ? CHUNK_BYTES : turn_begin(x->worker).piece;
        struct iovec spans[SPANS_MAX];
        int count = 0;

        x->id = fill_id(x->part);
        x->at = x->part->at;
        x->end = x->at + extent;
        exchange_end_read(x); /* what was committed since this turn's look-up is to be seen */
        if (!exchange_begin_read(x))
                return broken(x, "the store cannot be read");
        switch (reader_body(x->reader, x->id, x->at, extent < most ? extent : most, spans, SPANS_MAX, &count)) {
        case BODY_COLD:
                return exchange_ask_for_body(x, STEP_SHARE);
        case BODY_GAP:
                return broken(x, "the stored body is damaged");
        case BODY_READY:
                break;
        }
        fill_took(x->part, send_spans(x, spans, count));
        x->unsent |= most < extent && !x->reply_chunked; /* the rest in the next round */
        return STEP_SHARE;
}

static enum step end_body(struct exchange *x)
{
        struct iovec all[3] = {{(char[]){'0', '\r', '\n'}, 3}, {NULL, 0}, {(char[]){'\r', '\n'}, 2}};

        if (!x->reply_chunked)
                return STEP_FINISH;
        if (x->leads && x->reply_body)
                all[1] = (struct iovec){(void *)(uintptr_t)body_trailers(x->reply_body).at,
                                        body_trailers(x->reply_body).len};
        exchange_send(x, all, 3);
        return STEP_FINISH;
}

/* One piece to the client. STEP_SHARE: there may be more. */
static enum step send_part(struct exchange *x)
{
        struct span bytes;
        uint64_t extent;

        switch (fill_read(x->part, &bytes, &extent)) {
        case FILL_BYTES:
                if (x->reply_chunked && bytes.len > CHUNK_BYTES)
                        bytes.len = CHUNK_BYTES;
                fill_took(x->part, send_spans(x, &(struct iovec){(void *)(uintptr_t)bytes.at, bytes.len}, 1));
                return STEP_SHARE;
        case FILL_STORED:
                return send_stored_part(x, extent);
        case FILL_MORE:
                return STEP_WAIT;
        case FILL_END:
                return end_body(x);
        case FILL_BROKEN:
                break;
        }
        return broken(x, "the origin server's answer was cut short");
}

/* The client has gone: it ends here, or the leader goes on for the others. It may have stalled for that client's sake.
 */
static enum step lost(struct exchange *x)
{
        bool leads_on = exchange_leads_on(x);

        if (leads_on && x->stalled)
                fetch_more(x);
        return leads_on && !x->fetched ? STEP_WAIT : broken(x, "the client has gone");
}

enum step step_share(struct exchange *x)
{
        const struct conn *c = &x->client->conn;
        enum step next = STEP_SHARE;

        if (x->leads && !x->fetched)
                fetch_more(x);
        x->unsent = false;
        while (next == STEP_SHARE && !x->errands && !conn_blocked(c) && !conn_gone(c) && !x->unsent)
                next = send_part(x);
        if (conn_gone(c))
                return lost(x);
        if (x->errands || (next != STEP_SHARE && next != STEP_WAIT))
                return next;
        /* What has been sent may have made room. */
        if (x->leads && !x->fetched && x->stalled && fill_room(x->part))
                return STEP_SHARE;
        if (!x->leads && next == STEP_WAIT && !x->unsent && !conn_blocked(c))
                timer_set(&x->worker->wheel, &x->client->conn.timer, STALL_SECONDS);
        return STEP_WAIT;
}

bool exchange_share_late(struct exchange *x)
{
        const struct fill_head *h = x->part ? fill_head(x->part) : NULL;

        if (!h || x->leads || x->errands || x->unsent || conn_blocked(&x->client->conn))
                return false;
        client_moved(x->client);
        if (!exchange_rest_alone(x, h))
                return true; /* there is nothing but to wait */
        fill_leave(&x->part);
        x->step = STEP_FETCH;
        return true;
}
