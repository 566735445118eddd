/* An exchange's life: taken from those that the worker keeps, with what it holds and takes along while it waits, until
 * it ends or its client does. */
#include <stdlib.h>

#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/exchange_log.h"

enum { SPARE_MAX = 64 };

/* ---- making --------------------------------------------------------------------------------------------------------
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

/* ---- keeping -------------------------------------------------------------------------------------------------------
 */

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
bool exchange_keep(struct exchange *x)
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
        if (!exchange_keep(x))
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

/* ---- the end -------------------------------------------------------------------------------------------------------
 */

static void stop_bodies(struct exchange *x)
{
        if (x->request_body)
                body_stop(x->request_body);
        if (x->reply_body)
                body_stop(x->reply_body);
        x->request_body = x->reply_body = NULL;
}

void exchange_end(struct exchange *x)
{
        fill_leave(&x->part);
        exchange_forget_gap(x);
        exchange_drop_claim(x);
        part_end(&x->writer, NULL, NULL);
        free(x->parts);
        x->parts = NULL;
        stop_bodies(x);
        exchange_unpin(x);
        x->client->exchange = NULL;
        x->client = NULL;
        if (!x->errands)
                free_exchange(x);
}

void exchange_abort(struct exchange *x)
{
        exchange_end_read(x);
        if (!x->tunnel && !x->background && x->status == 0)
                count(&x->worker->counters, COUNTER_aborted, 1);
        exchange_log(x);
        exchange_end(x);
}
