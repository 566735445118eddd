/* The body of a part that is fetched (step_part.c): into the store, and what of it the client wants to him. */
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/pending.h"
#include "proxy/pump.h"

/* Stores the bytes; what of them the client wants is added to `out`. */
static void take(struct exchange *x, struct span s, struct iovec *out, int *count)
{
        uint64_t from = x->gap_at > x->at ? x->gap_at : x->at, to = x->gap_at + s.len;

        part_add(&x->writer, s);
        if (to > x->end)
                to = x->end;
        if (from < to) {
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

enum step step_fill_gap(struct exchange *x)
{
        struct client *c = x->client;
        struct iovec out[BATCH_SPANS];
        struct batch b;

        while (!conn_blocked(&c->conn) && !conn_gone(&c->conn)) {
                int n = 0;

                batch_gather(&b, x->reply_body, &c->upstream->conn);
                count(&x->worker->counters, COUNTER_bytes_origins, (int64_t)b.bytes);
                for (int i = 0; i < b.count; i++)
                        take(x, (struct span){b.spans[i].iov_base, b.spans[i].iov_len}, out, &n);
                if (b.last == BODY_END)
                        end_part(x);
                if (n)
                        exchange_send(x, out, n);
                if (b.last == BODY_FAULT || x->gap_at > x->gap_end)
                        return cut(x);
                if (b.last == BODY_END)
                        return gap_filled(x);
                if (b.last == BODY_MORE)
                        return STEP_WAIT;
        }
        return STEP_WAIT;
}
