/* The steps before anything is fetched: what the request is, whether it may be answered from a store, and how it is
 * turned away. */
#include "http/cache_control.h"
#include "http/condition.h"
#include "http/fields.h"
#include "http/render.h"
#include "http/reuse.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/log.h"
#include "proxy/pending.h"
#include "proxy/tunnel.h"

enum { COLD_TRIES = 3 };

/* ---- decide --------------------------------------------------------------------------------------------------------
 */

/* cases.md T/R: what opens a connection and is odd worked without us, so it works with us. */
static enum step turn_away(struct exchange *x, const struct fault *fault)
{
        bool odd = fault->kind == FAULT_ODD || fault->kind == FAULT_NOT_HTTP;

        x->fault = *fault;
        return odd && x->client->first ? STEP_TUNNEL : STEP_REFUSE;
}

/* The request is one that goes on: its head leaves the input, its body begins. */
static void accept_request(struct exchange *x)
{
        struct client *c = x->client;
        const struct message *m = x->request;

        conn_consume(&c->conn, (size_t)(x->head.at + x->head.len - c->conn.input.at));
        c->first = false;
        x->head_only = m->method == METHOD_HEAD;
        x->request_chunked = m->framing == FRAMING_CHUNKED;
        x->request_done = m->framing == FRAMING_NONE || (m->framing == FRAMING_LENGTH && m->length == 0);
        x->request_body = body_start(&x->request_storage, m);
}

/* Whether what is here of the body is framed well: what is not must not reach the origin at all (cases.md F10, F11). */
static bool body_sound(const struct exchange *x)
{
        struct span data, in = x->client->conn.input;
        body_storage storage;
        struct body *trial;
        enum body_event event;
        size_t used;

        if (!x->request_chunked)
                return true;
        trial = body_start(&storage, x->request);
        do {
                event = body_read(trial, in, &data, &used);
                in = (struct span){in.at + used, in.len - used};
        } while (event == BODY_DATA);
        body_stop(trial);
        return event != BODY_FAULT;
}

static enum step take_verdict(struct exchange *x)
{
        const struct request_decision *d = &x->decision;
        struct fault fault = {d->first_only ? FAULT_ODD : FAULT_FRAMING, d->status, d->why};

        switch (d->verdict) {
        case REQUEST_TUNNEL:
                return STEP_TUNNEL;
        case REQUEST_REFUSE:
                return turn_away(x, &fault);
        case REQUEST_ANSWER:
                accept_request(x);
                x->fault = fault;
                return STEP_REFUSE;
        case REQUEST_LOOKUP:
                x->look = !x->private;
                break;
        case REQUEST_PASS:
                x->detail = d->why;
                if (x->request->method != METHOD_GET && x->request->method != METHOD_HEAD)
                        x->forward_reason = "method"; /* RFC 9211 §2.2 */
                break;
        }
        accept_request(x);
        if (!body_sound(x))
                return exchange_fail(x, 400, "the framing of the request's body is broken");
        return STEP_POLICY;
}

enum step step_decide(struct exchange *x)
{
        struct worker *w = x->worker;
        struct fault fault = x->fault;

        x->forward_reason = "bypass";
        if (fault.kind == FAULT_NONE)
                fault = parse_request(&w->request, x->head);
        if (fault.kind != FAULT_NONE)
                return turn_away(x, &fault);
        x->request = &w->request;
        request_decide(x->request, address_port(&x->client->destination), &x->decision);
        x->worker->request.reload_ignored = proxy_ignores_reload(x->worker->proxy->config, x->decision.host);
        x->private = x->client->pinned || message_authenticates_connection(x->request);
        return take_verdict(x);
}

static bool only_if_cached(const struct exchange *x)
{
        struct cache_control cc;

        if (!message_has(x->request, FIELD_CACHE_CONTROL))
                return false;
        cache_control_parse(x->request, &cc);
        return cc.set & CC_ONLY_IF_CACHED;
}

/* A request adaptation (policy, REQMOD) will have its place here; until then every request goes on as it is. */
enum step step_policy(struct exchange *x)
{
        if (!x->look && method_safe((enum method)x->request->method) && only_if_cached(x))
                return exchange_fail(x, 504, "nothing is looked up for it, and nothing else was asked for");
        return x->look || !method_safe((enum method)x->request->method) ? STEP_BIND : STEP_FETCH;
}

/* ---- lookup --------------------------------------------------------------------------------------------------------
 */

static enum step ask_prefault(struct exchange *x)
{
        if (!exchange_await(x))
                return exchange_fail(x, 500, "out of memory");
        x->colds++;
        x->job = (struct prefault){.done = exchange_job_done, .key = x->key, .request = x->request};
        prefault_find(x->store, &x->job);
        return STEP_WAIT;
}

/* The writer is about to change what is under this key: look when it has. Once for each request, for a busy key may
 * never be at rest. */
static bool wait_for_change(struct exchange *x)
{
        struct pending *p = x->worker->proxy->pending;

        if (x->looked || !pending_maybe(p, &x->key) || !exchange_await(x))
                return false;
        x->looked = true;
        if (pending_wait(p, &x->key, x->worker, &x->note)) {
                store_hurry(x->store);
                return true;
        }
        exchange_forget_await(x);
        return false;
}

static enum step missed(struct exchange *x, const char *reason)
{
        if (only_if_cached(x))
                return exchange_fail(x, 504, "it is not stored here, and nothing else was asked for");
        x->forward_reason = reason;
        return x->leads || !x->look ? STEP_JOIN : exchange_miss(x);
}

static enum step judge_stored(struct exchange *x)
{
        const struct found *f = &x->worker->found;
        int64_t now = x->start_us / 1000000;
        const char *why = NULL;
        enum reuse verdict = reuse_verdict(x->request, &f->stored, now, &why);

        if (verdict >= REUSE_VALIDATE && !x->background && !stored_is_fragment(&f->stored) &&
            reuse_while_validating(x->request, &f->stored, now)) {
                x->detail = "stale-while-revalidate";
                exchange_validate_behind(x);
                return STEP_REPLY_STORED;
        }
        switch (verdict) {
        case REUSE_FRESH:
        case REUSE_STALE:
                if (x->background) /* somebody else was quicker */
                        return STEP_FINISH;
                if (x->part)
                        fill_end(x->part, FILL_ANEW);
                fill_leave(&x->part);
                x->detail = why;
                return STEP_REPLY_STORED;
        case REUSE_ONLY_CACHED:
                return exchange_fail(x, 504, "what is stored here is stale, and nothing else was asked for");
        case REUSE_VALIDATE:
                break;
        }
        if (exchange_answers_stale(x, &f->stored))
                return STEP_REPLY_STORED;
        x->had_stored = !x->failed;
        exchange_may_be_stale(x, &f->stored);
        x->replaces = f->id;
        x->detail = why;
        x->forward_reason =
                freshness_left(&f->stored, now) > 0 && !(f->stored.flags & STORED_NO_CACHE) ? "request" : "stale";
        return STEP_VALIDATE;
}

static enum step judge_found(struct exchange *x)
{
        const struct found *f = &x->worker->found;
        uint64_t at;

        switch (exchange_holds(x, f, &at)) {
        case BODY_READY:
                break;
        case BODY_COLD:
                return exchange_ask_for_index(x, f->id, at, STEP_LOOKUP);
        case BODY_GAP:
                x->replaces = f->id;
                return missed(x, "partial"); /* RFC 9211 §2.2 */
        }
        return judge_stored(x);
}

/* Only what answers as it is. */
static bool may_borrow(const struct exchange *x)
{
        const char *why;

        return reuse_verdict(x->request, &x->worker->found.stored, x->start_us / 1000000, &why) == REUSE_FRESH;
}

/* Who led before is pending from before his fill was no longer found until after his commit: nothing pending and no
 * commit since is nothing new. So pending comes first. */
bool exchange_may_find_more(const struct exchange *x)
{
        return !x->snapshot || pending_maybe(x->worker->proxy->pending, &x->key) ||
               store_snapshot(x->store) != x->snapshot;
}

enum step step_lookup(struct exchange *x)
{
        enum find found;

        x->snapshot = 0;
        if (wait_for_change(x))
                return STEP_WAIT;
        if (!exchange_begin_read(x))
                return missed(x, "miss");
        found = reader_find(x->reader, &x->key, x->request, false, &x->worker->found);
        if (found == FIND_COLD && x->colds >= COLD_TRIES)
                found = FIND_ERROR; /* memory is so short that what is read has left it when we come to it */
        if (x->borrows && found != FIND_COLD && (found != FIND_HIT || !may_borrow(x)))
                return exchange_stop_borrowing(x);
        if (found == FIND_HIT)
                return judge_found(x);
        if (found == FIND_VARIANT)
                exchange_offer(x);
        if (found == FIND_NONE)
                x->snapshot = reader_snapshot(x->reader);
        exchange_end_read(x);
        switch (found) {
        case FIND_COLD:
                return ask_prefault(x);
        case FIND_VARIANT:
                return missed(x, "vary-miss");
        case FIND_NONE:
        case FIND_HIT:
                return missed(x, "uri-miss");
        case FIND_ERROR:
                break;
        }
        x->look = false;
        fill_leave(&x->part); /* nothing will be stored, so there is nothing to share */
        return missed(x, "miss");
}

/* ---- turning away --------------------------------------------------------------------------------------------------
 */

enum step step_refuse(struct exchange *x)
{
        struct worker *w = x->worker;
        struct out out = {.at = w->page, .cap = PAGE_SIZE_MAX};
        char status[CACHE_STATUS_MAX];
        struct iovec page;

        x->status = x->fault.status;
        x->reply_started = x->reply_close = true;
        if (x->status < 500)
                count(&w->counters, COUNTER_refused, 1);
        if (!x->detail)
                x->detail = x->fault.why;
        render_error(
                &out,
                &(struct error_reply){
                        .status = x->status,
                        .why = x->fault.why,
                        .date = worker_clock() / 1000000,
                        .cache_status = exchange_say_status(
                                x, (struct cache_status){.fwd = x->request_started ? x->forward_reason : NULL}, status),
                        .head_only = x->head_only,
                        .close = true,
                });
        page = (struct iovec){out.at, out.len};
        exchange_send(x, &page, 1);
        return STEP_FINISH;
}

enum step step_tunnel(struct exchange *x)
{
        exchange_becomes_tunnel(x);
        x->detail = x->fault.why;
        x->request = x->kept ? x->request : NULL;
        x->decision = (struct request_decision){0};
        tunnel_start(x->client);
        return STEP_WAIT;
}
