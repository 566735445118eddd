/* The body of a response that more than one may want, on its way from the fill (step_join.c) to this client. The
 * leader's own client is a reader like any other; what the leader does besides is to fetch. */
#include "http/render.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/pending.h"
#include "proxy/pump.h"

enum {
        STALL_SECONDS = 5,        /* without a byte from whoever leads; then we ask for the rest ourselves */
        PACED_BYTES = 192 * 1024, /* what comes at once is enough for many readers */
        CHUNK_BYTES = 64 * 1024   /* what the socket does not take of a chunk is copied */
};

void exchange_wake(void *argument)
{
        struct client *c = argument;

        client_moved(c);
        client_turn(c);
}

static enum step broken(struct exchange *x, const char *why)
{
        if (!x->detail)
                x->detail = why;
        x->broken = true;
        return STEP_FINISH;
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
        uint64_t most = x->reply_chunked ? CHUNK_BYTES : turn_piece(x->worker);
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
