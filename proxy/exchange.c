/* Running an exchange: the table of its steps, and what all of them share.
 *
 * Read the table from top to bottom: a hit goes decide, policy, bind, lookup, reply, send, finish; a miss leaves it at
 * lookup for join, fetch … share, or fetch … relay where nothing is stored. */
#include "proxy/exchange.h"

#include "proxy/client.h"
#include "proxy/exchange_log.h"
#include "proxy/tunnel.h"

typedef enum step step_fn(struct exchange *);

static enum step step_finish(struct exchange *);

static const struct step_entry {
        const char *name;
        step_fn *run;
} steps[STEPS] = {
        [STEP_DECIDE] = {"decide", step_decide},
        [STEP_POLICY] = {"policy", step_policy},
        [STEP_BIND] = {"see whether host and address are bound", step_bind},
        [STEP_LOOKUP] = {"lookup", step_lookup},
        [STEP_REPLY_STORED] = {"reply from the store", step_reply_stored},
        [STEP_SEND_STORED] = {"send from the store", step_send_stored},
        [STEP_SEND_PARTS] = {"send several parts", step_send_parts},
        [STEP_VALIDATE] = {"validate", step_validate},
        [STEP_JOIN] = {"join others or lead", step_join},
        [STEP_FETCH] = {"fetch", step_fetch},
        [STEP_CONNECT] = {"connect", step_connect},
        [STEP_SEND_REQUEST] = {"send the request", step_send_request},
        [STEP_RECEIVE_HEAD] = {"receive the response's head", step_receive_head},
        [STEP_JUDGE] = {"judge the response", step_judge},
        [STEP_FRESHEN] = {"freshen what is stored", step_freshen},
        [STEP_ADAPT] = {"adapt and start the reply", step_adapt},
        [STEP_RELAY] = {"relay the body", step_relay},
        [STEP_SHARE] = {"share the body", step_share},
        [STEP_FILL_GAP] = {"fill a gap of what is stored", step_fill_gap},
        [STEP_TUNNEL] = {"become a tunnel", step_tunnel},
        [STEP_REFUSE] = {"refuse", step_refuse},
        [STEP_HAND_BACK] = {"hand the client back", step_hand_back},
        [STEP_FINISH] = {"finish", step_finish},
};

/* ---- running -------------------------------------------------------------------------------------------------------
 */

bool exchange_begin_read(struct exchange *x)
{
        if (!x->reader && x->store) {
                struct reader *r = x->worker->readers[x->store_index];

                if (r && reader_begin(r) == 0)
                        x->reader = r;
        }
        return x->reader != NULL;
}

/* A read transaction never outlives one callback (design.md §4). */
void exchange_end_read(struct exchange *x)
{
        if (x->reader)
                reader_end(x->reader);
        x->reader = NULL;
}

bool exchange_run(struct exchange *x)
{
        struct client *c = x->client;
        enum step next = (enum step)x->step;

        while (next != STEP_WAIT && next != STEP_DONE && !x->errands) {
                x->step = (uint8_t)next;
                next = steps[next].run(x);
        }
        if (next != STEP_WAIT && next != STEP_DONE) /* to go on with when the errand is done */
                x->step = (uint8_t)next;
        exchange_end_read(x);
        if (next == STEP_DONE) {
                exchange_end(x);
                return true;
        }
        if (c->state != CLIENT_EXCHANGE)
                return true; /* it has become a tunnel */
        if (!exchange_keep(x)) {
                client_abort(c);
                return true;
        }
        if (!x->waited && x->step != STEP_FETCH)
                client_moved(c);
        x->waited = true;
        return false;
}

/* The client has said that this was its last request, and it has no body behind which more could come: there is nothing
 * to wait for, which saves four system calls. Who sends more all the same would meet a reset, so whoever has not said
 * so is lingered for (RFC 9112 §9.6). */
static bool client_expects_close(const struct exchange *x)
{
        return x->request && !x->request->persistent && x->request->framing == FRAMING_NONE && !x->fault.status &&
               !x->client->conn.input.len;
}

static enum step step_finish(struct exchange *x)
{
        struct client *c = x->client;

        if (!conn_let_go(&c->conn) && !x->broken)
                return STEP_WAIT;
        if (x->broken) /* the rest of a reply must not meet the next request */
                exchange_drop_upstream(x);
        else
                exchange_release_upstream(x);
        exchange_log(x);
        turn_note_reply(x->worker, x->sent);
        if (x->broken)
                client_abort(c);
        else if (exchange_persistent(x))
                c->state = CLIENT_HEAD;
        else if (client_expects_close(x))
                client_end(c);
        else
                client_linger(c);
        return STEP_DONE;
}

bool exchange_persistent(const struct exchange *x)
{
        return x->request && x->request->persistent && x->request_done && !x->reply_close &&
               !atomic_load_explicit(&x->worker->proxy->draining, memory_order_relaxed);
}

/* ---- what steps share ----------------------------------------------------------------------------------------------
 */

bool exchange_send(struct exchange *x, const struct iovec *spans, int count)
{
        x->sent += conn_send(&x->client->conn, spans, count);
        return !conn_gone(&x->client->conn);
}

enum step exchange_fail(struct exchange *x, uint16_t status, const char *why)
{
        enum step next;

        if (status > 500 && exchange_stale_instead(x, REUSE_UNREACHABLE, 0, &next))
                return next;
        exchange_drop_upstream(x);
        fill_leave(&x->part);
        x->detail = why;
        if (status >= 500)
                count(&x->worker->counters, COUNTER_errors, 1);
        if (x->reply_started) {
                x->broken = true;
                return STEP_FINISH;
        }
        x->fault = (struct fault){FAULT_FRAMING, status, why};
        return STEP_REFUSE;
}

void exchange_drop_upstream(struct exchange *x)
{
        x->client->pinned = false;
        upstream_close(&x->client->upstream, true);
}

/* A connection that was opened early, and that nothing was sent over. */
static void release_unused(struct client *c)
{
        struct conn *u = &c->upstream->conn;

        if (c->upstream->connecting || u->input.len || u->eof || conn_gone(u))
                upstream_close(&c->upstream, false);
        else
                upstream_release(&c->upstream);
}

void exchange_release_upstream(struct exchange *x)
{
        struct client *c = x->client;
        struct upstream *u = c->upstream;

        if (u && x->early && !x->request_started && !c->pinned)
                release_unused(c);
        if (!c->upstream || !x->request_started)
                return;
        if (x->upstream_close || !x->request_done || u->conn.input.len || u->conn.eof || conn_gone(&u->conn) ||
            conn_blocked(&u->conn)) {
                if (c->pinned)
                        x->reply_close = true; /* what it had authenticated is gone with it */
                c->pinned = false;
                upstream_close(&c->upstream, false);
        } else if (!c->pinned && x->upstream_spent) {
                upstream_close(&c->upstream, false);
        } else if (!c->pinned) {
                upstream_release(&c->upstream);
        }
}
