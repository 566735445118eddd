/* The body of a part that is fetched (step_part.c): into the store, and what of it the client wants to him.
 *
 * It is fetched as fast as the client reads. But nobody else is to wait for a slow client: while somebody waits for
 * what is fetched here, it goes on into the store at the origin's pace, AHEAD_MAX beyond what they wait for, and the
 * client, overtaken, reads what he has missed from there. */
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/pending.h"
#include "proxy/pump.h"

enum { AHEAD_MAX = 4 << 20 }; /* bytes that are fetched beyond what others wait for */

/* Stores the bytes; what of them the client wants is added to `out`. */
static void take(struct exchange *x, struct span s, struct iovec *out, int *count)
{
        uint64_t from = x->gap_at > x->at ? x->gap_at : x->at, to = x->gap_at + s.len;

        part_add(&x->writer, s);
        if (to > x->end)
                to = x->end;
        x->overtaken |= conn_blocked(&x->client->conn);
        if (from < to && !x->overtaken) {
                out[(*count)++] = (struct iovec){(void *)(uintptr_t)(s.at + (from - x->gap_at)), to - from};
                x->at = to;
        }
        x->gap_at += s.len;
}

/* Before its last bytes go out, so that who comes next finds it or waits for it. */
static void end_part(struct exchange *x)
{
        void *context = x->writer.store ? pending_add(x->worker->proxy->pending, &x->key) : NULL;

        part_end(&x->writer, context ? pending_done : NULL, context);
}

static enum step cut(struct exchange *x)
{
        end_part(x);
        count(&x->worker->counters, COUNTER_errors, 1);
        x->detail = "the origin server's answer was cut short";
        x->broken = true;
        exchange_drop_upstream(x);
        return STEP_FINISH;
}

static enum step gap_filled(struct exchange *x)
{
        if (x->gap_at != x->gap_end)
                return cut(x);
        exchange_release_upstream(x);
        x->gap = GAP_NONE;
        x->upstream_close = false;
        if (x->probe) {
                x->probe = x->looked = false;
                x->probed = true;
                return STEP_LOOKUP;
        }
        if (x->at == x->end)
                return exchange_body_sent(x);
        return x->pinned == x->id ? STEP_SEND_STORED : cut(x);
}

/* Whether others wait for more of it, and it is being stored for them. */
static bool hurries(const struct exchange *x)
{
        return x->writer.store && x->writer.resume <= x->gap_at && x->pinned == x->id &&
               x->gap_at < gaps_awaited(x->writer.claim) + AHEAD_MAX && gaps_awaited(x->writer.claim);
}

bool exchange_takes_gap(const struct exchange *x)
{
        return (!x->overtaken && !conn_blocked(&x->client->conn)) || hurries(x);
}

/* What the client misses is fetched as another part: it was left out of the store, or the server that was let wait has
 * given up. */
static enum step stop_here(struct exchange *x)
{
        if (!x->etag_len) /* what is fetched later might be of another response */
                return cut(x);
        end_part(x);
        exchange_drop_upstream(x);
        x->gap = GAP_NONE;
        return STEP_SEND_STORED;
}

/* What is not yet on its way into the store. False: it is, or it is not stored. */
static bool take_kept(struct exchange *x, uint64_t end, struct iovec *out)
{
        struct span kept = part_kept(&x->writer, x->at);

        *out = (struct iovec){(void *)(uintptr_t)kept.at, kept.len < end - x->at ? kept.len : (size_t)(end - x->at)};
        return kept.len > 0;
}

/* Sends what has come of the body before `end` and the client has missed, as the socket takes it; if that is full, or
 * the turn over, x->unsent is set. */
static enum step catch_up(struct exchange *x, uint64_t end)
{
        struct turn turn = turn_begin(x->worker);
        struct iovec spans[SPANS_MAX];
        size_t sent = 1;
        int count = 0;

        bool damaged = x->job.failed && x->job.id == x->id && x->job.offset == x->at;

        exchange_end_read(x);  /* what was committed meanwhile is to be seen */
        x->job.failed = false; /* as may be what could not be loaded before */
        if (!exchange_begin_read(x))
                return STEP_WAIT;
        while (sent && x->at < end && !conn_blocked(&x->client->conn)) {
                uint64_t left = end - x->at < turn.piece ? end - x->at : turn.piece;

                switch (reader_body(x->reader, x->id, x->at, left, spans, SPANS_MAX, &count)) {
                case BODY_COLD:
                        return damaged ? stop_here(x) : exchange_ask_for_body(x, (enum step)x->step);
                case BODY_GAP:
                        if (!take_kept(x, end, spans))
                                return STEP_WAIT;
                        count = 1;
                        break;
                case BODY_READY:
                        break;
                }
                sent = conn_offer(&x->client->conn, spans, count);
                exchange_took_stored(x, sent);
                if (turn_over(&turn))
                        break;
        }
        x->unsent = !sent || x->at < end;
        return STEP_WAIT;
}

/* Nothing more can be fetched now. */
static enum step rest(struct exchange *x)
{
        uint64_t come = x->gap_at < x->end ? x->gap_at : x->end;
        enum step next;
        bool lags;

        x->unsent = false;
        if (!x->overtaken)
                return STEP_WAIT;
        lags = gaps_lags(x->writer.claim); /* before the look, so that what is committed behind it is told */
        next = catch_up(x, come);
        if (x->at == come) {
                x->let_wait |= !x->probe && !hurries(x);
                x->overtaken = false;
                return STEP_FILL_GAP;
        }
        if (next != STEP_WAIT || x->unsent || lags || conn_blocked(&x->client->conn) || hurries(x))
                return next;
        return stop_here(x);
}

enum step step_fill_gap(struct exchange *x)
{
        struct client *c = x->client;
        struct iovec out[BATCH_SPANS];
        struct batch b;

        while (exchange_takes_gap(x) && !conn_gone(&c->conn)) {
                int n = 0;

                batch_gather(&b, x->reply_body, &c->upstream->conn);
                count(&x->worker->counters, COUNTER_bytes_origins, (int64_t)b.bytes);
                for (int i = 0; i < b.count; i++)
                        take(x, (struct span){b.spans[i].iov_base, b.spans[i].iov_len}, out, &n);
                if (b.last == BODY_END)
                        end_part(x);
                if (n)
                        exchange_send(x, out, n);
                if (x->gap_at > x->gap_end)
                        return cut(x);
                if (b.last == BODY_FAULT)
                        return x->let_wait && x->at < x->end ? stop_here(x) : cut(x);
                if (b.last == BODY_END)
                        return gap_filled(x);
                if (b.last == BODY_MORE)
                        break;
        }
        return conn_gone(&c->conn) ? STEP_WAIT : rest(x);
}
