/* Running an exchange: the table of its steps, and what all of them share.
 *
 * Read the table from top to bottom: a hit goes decide, policy, bind, lookup, reply, send, finish; a miss leaves it at
 * lookup for join, fetch … share, or fetch … relay where nothing is stored. */
#include "proxy/exchange.h"

#include <assert.h>
#include <stdlib.h>

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

enum { SPARE_MAX = 64 };

/* ---- life ----------------------------------------------------------------------------------------------------------
 */

static struct exchange *take_exchange(struct worker *w)
{
        struct exchange *x = w->spare;

        if (x) {
                w->spare = x->next_spare;
                w->spare_count--;
        } else {
                x = malloc(sizeof *x);
                if (!x)
                        return NULL;
        }
        memset(x, 0, offsetof(struct exchange, validator));
        return x;
}

static void free_exchange(struct exchange *x)
{
        struct worker *w = x->worker;

        free(x->kept);
        free(x->kept_key);
        if (w->spare_count == SPARE_MAX) {
                free(x);
                return;
        }
        x->next_spare = w->spare;
        w->spare = x;
        w->spare_count++;
}

void exchanges_free(struct worker *w)
{
        while (w->spare) {
                struct exchange *x = w->spare;

                w->spare = x->next_spare;
                free(x);
        }
        w->spare_count = 0;
}

static struct exchange *new_exchange(struct client *c)
{
        struct exchange *x = take_exchange(c->conn.worker);

        if (!x)
                return NULL;
        x->client = c;
        x->worker = c->conn.worker;
        x->start_us = worker_clock();
        x->result = "NONE";
        x->hierarchy = "HIER_NONE";
        c->exchange = x;
        return x;
}

struct exchange *exchange_shadow(const struct exchange *of)
{
        struct client *shadow = client_shadow(of->client);
        struct exchange *x = shadow ? new_exchange(shadow) : NULL;

        if (!x) {
                if (shadow)
                        client_destroy(shadow);
                return NULL;
        }
        x->request = of->request;
        x->decision = of->decision;
        x->key = of->key;
        x->store = of->store;
        x->store_index = of->store_index;
        x->binding = of->binding;
        x->look = x->background = x->request_done = x->reply_close = true;
        x->forward_reason = "stale";
        return x;
}

void exchange_start_shadow(struct exchange *x, enum step step)
{
        x->step = (uint8_t)step;
        if (exchange_await(x))
                worker_post(x->worker, &x->note);
        else
                client_destroy(x->client);
}

void exchange_start(struct client *c, struct span head, const struct fault *fault)
{
        struct exchange *x = new_exchange(c);

        if (!x) {
                client_abort(c);
                return;
        }
        x->head = head;
        x->fault = *fault;
        x->step = STEP_DECIDE;
}

void exchange_becomes_tunnel(struct exchange *x)
{
        fill_leave(&x->part); /* nobody else can have it */
        x->tunnel = true;
        x->result = "TCP_TUNNEL";
        x->hierarchy = "ORIGINAL_DST";
}

bool exchange_of_tunnel(struct client *c)
{
        struct exchange *x = new_exchange(c);

        if (!x)
                return false;
        exchange_becomes_tunnel(x);
        return true;
}

/* A span of the decision may also be a constant. */
static void move_span(struct span *s, const struct message *m, ptrdiff_t moved)
{
        if (s->at >= m->head && s->at < m->head + m->head_len)
                s->at += moved;
}

/* The key's text; it may be another one than was kept the last time. */
static bool keep_key(struct exchange *x)
{
        char *copy;

        if (!x->key.text.len || x->key.text.at == x->kept_key)
                return true;
        copy = malloc(x->key.text.len);
        if (!copy)
                return false;
        memcpy(copy, x->key.text.at, x->key.text.len);
        free(x->kept_key);
        x->key.text.at = x->kept_key = copy;
        return true;
}

/* Takes along what lies in the worker's scratch: the request and its head, in one block, and the key's text. */
static bool keep(struct exchange *x)
{
        const struct message *m = x->request;
        size_t head_at;
        ptrdiff_t moved;
        char *block;

        if (!keep_key(x))
                return false;
        if (x->kept || !m)
                return true;
        head_at = message_size(m);
        block = malloc(head_at + m->head_len);
        if (!block)
                return false;
        memcpy(block, m, head_at);
        memcpy(block + head_at, m->head, m->head_len);
        moved = block + head_at - m->head;
        ((struct message *)(void *)block)->head = block + head_at;
        x->request = (const struct message *)(void *)block;
        move_span(&x->decision.host, m, moved);
        move_span(&x->decision.path, m, moved);
        x->kept = block;
        return true;
}

static void stop_bodies(struct exchange *x)
{
        if (x->request_body)
                body_stop(x->request_body);
        if (x->reply_body)
                body_stop(x->reply_body);
        x->request_body = x->reply_body = NULL;
}

static void let_go(struct exchange *x)
{
        fill_leave(&x->part);
        exchange_forget_gap(x);
        exchange_drop_claim(x);
        part_end(&x->writer, NULL, NULL);
        free(x->parts);
        x->parts = NULL;
        stop_bodies(x);
        exchange_unpin(x);
}

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
                c->exchange = NULL;
                let_go(x);
                free_exchange(x);
                return true;
        }
        if (c->state != CLIENT_EXCHANGE)
                return true; /* it has become a tunnel */
        if (!keep(x)) {
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

/* ---- errands -------------------------------------------------------------------------------------------------------
 */

static void deliver(struct note *note)
{
        struct exchange *x = (struct exchange *)(void *)((char *)note - offsetof(struct exchange, note));

        x->errands--;
        x->gap_waiting = false;
        if (x->client) {
                client_moved(x->client);
                client_turn(x->client);
        } else if (!x->errands) {
                free_exchange(x);
        }
}

bool exchange_await(struct exchange *x)
{
        if (!keep(x))
                return false;
        x->errands++;
        x->note = (struct note){.deliver = deliver};
        return true;
}

void exchange_forget_await(struct exchange *x)
{
        x->errands--;
}

/* On a prefault thread. */
void exchange_job_done(struct prefault *job)
{
        struct exchange *x = (struct exchange *)(void *)((char *)job - offsetof(struct exchange, job));

        worker_post(x->worker, &x->note);
}

void exchange_abort(struct exchange *x)
{
        struct client *c = x->client;

        exchange_end_read(x);
        if (!x->tunnel && !x->background && x->status == 0)
                count(&x->worker->counters, COUNTER_aborted, 1);
        exchange_log(x);
        let_go(x);
        c->exchange = NULL;
        x->client = NULL;
        if (!x->errands)
                free_exchange(x);
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
