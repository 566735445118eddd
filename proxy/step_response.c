/* The steps that take the origin's reply: its head, what it means for the store, and its body on the way to the client.
 */
#include "http/fields.h"
#include "http/reference.h"
#include "http/render.h"
#include "http/reuse.h"
#include "http/storing.h"
#include "http/vary.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/pump.h"
#include "proxy/tunnel.h"

enum { INTERIM_MAX = 32 }; /* 1xx responses to one request (cases.md R3) */

/* ---- the head ------------------------------------------------------------------------------------------------------
 */

/* An idle connection that turned out dead: once more over a new one, if nothing has been heard of the origin yet. */
static bool try_again(struct exchange *x)
{
        const struct upstream *u = x->client->upstream;

        return u->reused && !x->retried && !x->interims && !u->conn.input.len && !x->client->pinned;
}

static enum step no_head(struct exchange *x)
{
        if (try_again(x)) {
                x->retried = true;
                x->request_started = false;
                upstream_close(&x->client->upstream, false);
                return STEP_FETCH;
        }
        return exchange_fail(x, 502, "the origin server closed the connection without an answer");
}

/* A reply without a status line goes to the client as it is, to the close (cases.md R6). */
static enum step relay_bare(struct exchange *x)
{
        exchange_drop_claim(x); /* nobody need wait for it */
        x->detail = "the reply has no HTTP status line";
        x->reply_started = true;
        exchange_becomes_tunnel(x);
        tunnel_start(x->client);
        return STEP_WAIT;
}

static enum step bad_head(struct exchange *x, const struct fault *fault)
{
        if (fault->kind == FAULT_BARE && !x->interims && !x->reply_started && !x->background)
                return relay_bare(x);
        return exchange_fail(x, 502, fault->why ? fault->why : "the origin server's answer is malformed");
}

/* 1xx goes on to clients that know it (RFC 9110 §15.2). */
static bool send_interim(struct exchange *x)
{
        struct out out = {.at = x->worker->page, .cap = PAGE_SIZE_MAX};
        struct iovec head;

        if (++x->interims > INTERIM_MAX)
                return false;
        if (x->request->minor == 0 || x->reply_started) /* in the middle of a body: what is missing of it is fetched */
                return true;
        render_interim(&out, &x->worker->response);
        head = (struct iovec){out.at, out.len};
        return !out.overflow && exchange_send(x, &head, 1);
}

/* The head is whole: parse it. */
static enum step take_head(struct exchange *x)
{
        struct conn *u = &x->client->upstream->conn;
        struct span head = {u->input.at + x->scan.blank, x->scan.seen - x->scan.blank};
        struct message *m = &x->worker->response;
        struct fault fault = parse_response(m, head, (enum method)x->request->method);

        if (fault.kind != FAULT_NONE)
                return bad_head(x, &fault);
        conn_consume(u, x->scan.seen);
        x->scan = (struct head_scan){0};
        if (m->status >= 200 || m->status == 101)
                return STEP_JUDGE;
        if (!send_interim(x))
                return exchange_fail(x, 502, "the origin server sent too many interim responses");
        return STEP_RECEIVE_HEAD;
}

enum step step_receive_head(struct exchange *x)
{
        struct conn *u = &x->client->upstream->conn;
        struct fault fault = {FAULT_NONE, 0, NULL};

        if (!request_pump(x))
                return exchange_fail(x, 400, "the framing of the request's body is broken");
        if (u->input.len == 0)
                return u->eof || u->failed ? no_head(x) : STEP_WAIT;
        switch (scan_response(&x->scan, u->input.at, u->input.len, &fault)) {
        case SCAN_MORE:
                if (u->eof || u->failed)
                        return exchange_fail(x, 502, "the origin server's answer ends in its head");
                return STEP_WAIT;
        case SCAN_DONE:
                return take_head(x);
        case SCAN_FAULT:
                break;
        }
        return bad_head(x, &fault);
}

/* ---- judging -------------------------------------------------------------------------------------------------------
 */

/* Servers forget to say that a compressed reply depends on Accept-Encoding. A client that does not know the coding
 * would get bytes that it cannot read, so such a reply always varies by it. */
bool exchange_nominate(struct out *names, const struct message *response)
{
        static const struct span field = {"accept-encoding", 15};

        if (!vary_names(names, response))
                return false;
        if (message_has(response, FIELD_CONTENT_ENCODING) && !memmem(names->at, names->len, field.at, field.len)) {
                if (names->len)
                        out_text(names, ",");
                out_span(names, field);
        }
        return true;
}

/* One response may hold an eighth of its store (design.md §4). What is known to be larger is not begun, or its slices
 * would fill the writer's queue in vain. */
uint64_t exchange_storable_most(const struct exchange *x)
{
        const struct config *config = x->worker->proxy->config;
        uint64_t eighth = config->stores[x->store_index].size / 8;

        return eighth < config->max_object ? eighth : config->max_object;
}

/* In a fill that others have joined already, or in one of its own. NULL, or why not. */
static const char *lead_fill(struct exchange *x, const struct fill_head *head)
{
        if (!x->part)
                x->part = fills_enter(x->worker->proxy->fills, &x->key, x->worker, exchange_wake, x->client, &x->leads);
        if (x->part && !x->leads) { /* somebody else's is under way as well */
                fill_leave(&x->part);
                x->part = fills_enter(NULL, &x->key, x->worker, exchange_wake, x->client, &x->leads);
        }
        if (!x->part)
                return "out of memory";
        exchange_unpin(x); /* the response that this one replaces */
        return fill_arrives(x->part, x->worker->proxy->fills, x->store, head, exchange_storable_most(x));
}

/* Whether Content-Location says that the body is what a GET of the same URI would yield (RFC 9110 §8.7). */
static bool represents_target(const struct exchange *x)
{
        const struct authority base = {x->decision.host, x->decision.port};
        struct out path = {.at = x->worker->page, .cap = PAGE_SIZE_MAX};
        struct span value;

        return x->worker->response.status == 200 &&
               field_only(&x->worker->response, FIELD_CONTENT_LOCATION, &value) == 1 &&
               reference_resolve(&path, &base, x->decision.path, value) &&
               span_equal((struct span){path.at, path.len}, x->decision.path);
}

/* NULL if it is being stored; else why not. */
static const char *start_fill(struct exchange *x)
{
        struct worker *w = x->worker;
        const struct message *m = &w->response;
        struct storing_rules rules = {.keep_set_cookie = w->proxy->config->keep_set_cookie,
                                      .represents = represents_target(x)};
        struct out names = {.at = w->page, .cap = 4096}, fields = {.at = w->fields, .cap = PAGE_SIZE_MAX};
        uint64_t expected = m->framing == FRAMING_LENGTH ? m->length : m->framing == FRAMING_NONE ? 0 : UINT64_MAX;
        struct stored stored;
        const char *why = storing_verdict(x->request, m, &rules, x->request_time, x->response_time, &stored);

        if (why)
                return why;
        if (m->odd)
                return "its head is malformed";
        if (!exchange_nominate(&names, m))
                return "its Vary matches nothing";
        storing_fields(&fields, m, &stored, FOR_STORE);
        if (fields.overflow || names.overflow)
                return "its head is too large";
        stored.fields = (struct span){fields.at, fields.len};
        if (x->ranged) /* it came as a 206 */
                stored.reason = SPAN("OK");
        return lead_fill(x,
                         &(struct fill_head){
                                 .stored = stored,
                                 .vary = {names.at, names.len},
                                 .variant = names.len ? vary_hash((struct span){names.at, names.len}, x->request) : 0,
                                 .replaces = x->replaces,
                                 .length = expected,
                                 .asked = x->asked_at,
                                 .client = &x->client->peer});
}

/* cases.md H12: who authenticates the connection owns it; nothing on it is shared. */
static void heed_authentication(struct exchange *x)
{
        if (!x->client->pinned && !message_authenticates_connection(&x->worker->response) &&
            !message_authenticates_connection(x->request))
                return;
        x->client->pinned = true;
        x->look = false;
        x->detail = "the connection is authenticated";
}

static void note_content_type(struct exchange *x)
{
        struct span type = {NULL, 0};

        if (field_only(&x->worker->response, FIELD_CONTENT_TYPE, &type) == 0)
                return;
        if (type.len >= sizeof x->content_type)
                type.len = sizeof x->content_type - 1;
        memcpy(x->content_type, type.at, type.len);
}

static enum step switch_protocol(struct exchange *x)
{
        struct out out = {.at = x->worker->page, .cap = PAGE_SIZE_MAX};
        struct response_options options = {.upgrade = true};
        struct iovec head;

        if (!x->request->upgrade)
                return exchange_fail(x, 502, "the origin server switched the protocol unasked");
        render_response(&out, &x->worker->response, &options);
        head = (struct iovec){out.at, out.len};
        exchange_send(x, &head, 1);
        x->status = 101;
        x->reply_started = true;
        exchange_becomes_tunnel(x);
        tunnel_start(x->client);
        return STEP_WAIT;
}

/* A 206 that is all there is, to a client who asked for all of it as a range, is stored like a 200; he gets his 206. */
static const char *start_whole_fill(struct exchange *x)
{
        struct message *m = &x->worker->response;
        bool whole = x->ranged && m->status == 206 && exchange_is_whole(m);
        const char *why;

        if (whole)
                storing_as_whole(m, true);
        else if (x->ranged && m->status == 200)
                exchange_note_host(x, true);
        x->ranged = whole; /* else what has come is the reply, whatever it is */
        why = start_fill(x);
        if (whole)
                storing_as_whole(m, false);
        if (why)
                x->ranged = false;
        return why;
}

/* RFC 5861 §4 */
static bool server_error(uint16_t status)
{
        return status == 500 || (status >= 502 && status <= 504);
}

static bool may_keep_post(const struct exchange *x)
{
        return x->decision.keeps_post && !x->private && !x->client->pinned;
}

/* RFC 9111 §4.3.3: a full answer takes the place of what could not be used without asking, even if it is not stored
 * itself, and whether or not that had a validator to ask with. What says nothing about the resource does not. */
static bool outdates_stored(const struct exchange *x)
{
        static const uint16_t silent[] = {401, 403, 407, 408, 412, 416, 417, 421, 425, 428, 429, 431, 451};
        uint16_t status = x->worker->response.status;
        bool asked = x->validating ? !x->offering : x->had_stored && status != 206;

        for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
                if (silent[i] == status)
                        return false;
        return asked && !x->part && !x->head_only && status < 500 && status != 304;
}

/* An origin that does not read a request's body takes it for the next request, and one that sends a body where there is
 * none takes its time: what then comes would be the answer to whatever is asked next, and stored for all. */
static bool may_say_more(const struct exchange *x)
{
        const struct message *sent = x->request, *m = &x->worker->response;
        bool body = sent->framing == FRAMING_CHUNKED || (sent->framing == FRAMING_LENGTH && sent->length > 0);
        bool announced = message_has(m, FIELD_TRANSFER_ENCODING) || m->length > 0;

        return body || x->head_only || (m->framing == FRAMING_NONE && announced);
}

/* Whether others who ask for the same will fare alike: a part, and what one client's own wish has brought, say nothing
 * of the whole that they want. */
static bool tells_of_others(const struct exchange *x)
{
        uint16_t status = x->worker->response.status;

        return status != 206 && status != 416 && x->request->method != METHOD_HEAD && request_is_anybodys(x->request);
}

enum step step_judge(struct exchange *x)
{
        const struct message *m = &x->worker->response;
        enum step next;

        x->response_time = worker_clock() / 1000000;
        if (m->status == 101)
                return switch_protocol(x);
        x->upstream_close = !m->persistent || m->framing == FRAMING_CLOSE;
        x->upstream_spent |= may_say_more(x);
        heed_authentication(x);
        if (x->gap && (next = exchange_judge_part(x)) != STEP_JUDGE)
                return next;
        if (x->validating && m->status == 304 && x->look)
                return STEP_FRESHEN;
        if (x->validating && m->status == 304 && !x->background) /* of our question he knows nothing (H12) */
                return exchange_fetch_again(x);
        if (server_error(m->status) && exchange_stale_instead(x, REUSE_SERVER_ERROR, m->status, &next))
                return next;
        exchange_invalidate(x);
        exchange_update_by_head(x);
        if (x->store && (x->look || may_keep_post(x))) {
                x->detail = start_whole_fill(x);
                if (x->look && tells_of_others(x))
                        fills_note(x->worker->proxy->fills, NOTED_UNSHAREABLE, &x->key, x->detail != NULL);
        }
        if (x->detail)
                fill_leave(&x->part);
        if (outdates_stored(x))
                exchange_forget_stored(x);
        if (x->background && !x->part) { /* what is neither stored nor anybody's is not read */
                exchange_drop_upstream(x);
                return STEP_FINISH;
        }
        if (x->validating)
                x->result = "TCP_REFRESH_MODIFIED";
        else
                x->result = "TCP_MISS";
        count(&x->worker->counters, x->look ? COUNTER_misses : COUNTER_passed, 1);
        return STEP_ADAPT;
}

/* ---- the reply -----------------------------------------------------------------------------------------------------
 */

void exchange_begin_body(struct exchange *x)
{
        if (x->reply_body) /* of a part that came before */
                body_stop(x->reply_body);
        x->reply_body = body_start(&x->reply_storage, &x->worker->response);
}

void exchange_hold(struct exchange *x, struct span head)
{
        x->sent += conn_hold(&x->client->conn, head);
}

static void frame_reply(struct exchange *x, struct response_options *o)
{
        const struct message *m = &x->worker->response;
        bool unknown = m->framing == FRAMING_CHUNKED || m->framing == FRAMING_CLOSE;

        x->reply_chunked = unknown && x->request->minor == 1 && !m->foreign_coding;
        if (unknown && !x->reply_chunked)
                x->reply_close = true; /* HTTP/1.0 knows no chunks: the body ends with the connection */
        o->chunked = x->reply_chunked;
        o->strip_length = unknown;
        o->via = x->worker->proxy->config->origin.via_response;
        o->close = x->reply_close || !x->request->persistent;
        o->keep_alive = !o->close && x->request->minor == 0;
}

/* A response adaptation (RESPMOD) will have its place here; until then every response goes on as it is. */
enum step step_adapt(struct exchange *x)
{
        struct worker *w = x->worker;
        const struct message *m = &w->response;
        struct out out = {.at = w->page, .cap = PAGE_SIZE_MAX};
        char status[CACHE_STATUS_MAX];
        struct response_options options = {0};

        note_content_type(x);
        exchange_begin_body(x);
        if (x->part && x->ranged && exchange_share_range(x))
                return STEP_SHARE;
        options.date = x->response_time;
        options.cache_status = exchange_say_status(
                x, (struct cache_status){.fwd = x->forward_reason, .fwd_status = m->status, .stored = x->part != NULL},
                status);
        frame_reply(x, &options);
        render_response(&out, m, &options);
        if (out.overflow)
                return exchange_fail(x, 502, "the head of the origin server's answer is too large");
        x->status = m->status;
        x->reply_started = true;
        exchange_hold(x, (struct span){out.at, out.len}); /* most often the body has come with it */
        return x->part ? STEP_SHARE : STEP_RELAY;
}

static enum step cut_short(struct exchange *x)
{
        count(&x->worker->counters, COUNTER_errors, 1);
        x->detail = "the origin server's answer was cut short";
        upstream_close(&x->client->upstream, true);
        x->client->pinned = false;
        x->broken = true;
        return STEP_FINISH;
}

enum step step_relay(struct exchange *x)
{
        struct client *c = x->client;
        struct batch b;

        if (!x->request_done && !request_pump(x))
                return cut_short(x);
        while (!conn_blocked(&c->conn) && !conn_gone(&c->conn)) {
                batch_gather(&b, x->reply_body, &c->upstream->conn);
                if (b.last == BODY_FAULT && !b.count)
                        return cut_short(x);
                count(&x->worker->counters, COUNTER_bytes_origins, (int64_t)b.bytes);
                x->sent += batch_send(&b, x->reply_body, &c->conn, x->reply_chunked);
                if (b.last == BODY_END)
                        return STEP_FINISH;
                if (b.last == BODY_FAULT)
                        return cut_short(x);
                if (b.last == BODY_MORE)
                        return STEP_WAIT;
        }
        return STEP_WAIT;
}
