/* The steps that ask the origin: getting a connection, and sending the request over it. */
#include <errno.h>

#include "http/authority.h"
#include "http/fields.h"
#include "http/render.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/pump.h"

enum {
        PORT_TRIES = 10
}; /* seconds that a client waits for a local port (EADDRNOTAVAIL is an ordinary event: facts.md) */

/* An idle connection may have died unnoticed. Only what can be sent again without harm takes that risk (RFC 9110
 * §9.2.2). */
static bool repeatable(const struct exchange *x)
{
        return x->request->framing == FRAMING_NONE && method_idempotent((enum method)x->request->method);
}

/* Not answered with a page of ours: a browser's fall-back to another address needs the truth (design.md §6). */
static enum step hand_back(struct exchange *x, int error)
{
        enum step next;

        if (exchange_stale_instead(x, REUSE_UNREACHABLE, 0, &next))
                return next;
        if (!x->background)
                proxy_unconnected(x->worker, x->client, error);
        x->detail = "the destination cannot be reached";
        x->hierarchy = "ORIGINAL_DST";
        upstream_close(&x->client->upstream, true);
        x->broken = true;
        return STEP_FINISH;
}

enum step step_hand_back(struct exchange *x)
{
        const struct upstream *u = x->client->upstream;

        return hand_back(x, u && u->conn.failed ? u->conn.error : ETIMEDOUT);
}

static enum step wait_for_port(struct exchange *x, int error)
{
        if (++x->port_tries > PORT_TRIES)
                return hand_back(x, error);
        timer_set(&x->worker->wheel, &x->client->conn.timer, 1);
        return STEP_WAIT;
}

static struct upstream *get_upstream(const struct exchange *x)
{
        return upstream_get(x->client, x->decision.host,
                            x->retried || x->private || x->request->upgrade || !repeatable(x));
}

void exchange_connect_early(struct exchange *x)
{
        if (x->client->upstream)
                return;
        x->client->upstream = get_upstream(x);
        x->early = x->client->upstream != NULL;
}

enum step step_fetch(struct exchange *x)
{
        struct client *c = x->client;

        if (!c->upstream)
                c->upstream = get_upstream(x);
        if (c->upstream) {
                client_moved(c);
                x->hierarchy = "ORIGINAL_DST";
                return STEP_CONNECT;
        }
        if (errno == EADDRNOTAVAIL || errno == EADDRINUSE)
                return wait_for_port(x, errno);
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                proxy_overload(x->worker->proxy);
                return exchange_fail(x, 503, "this gateway has no resources left");
        }
        return hand_back(x, errno);
}

enum step exchange_over_another(struct exchange *x)
{
        x->request_started = false;
        x->client->pinned = false;
        upstream_close(&x->client->upstream, false);
        return STEP_FETCH;
}

/* Over a connection that has been used something has come that nobody asked for, and whose event is still to be served:
 * the request goes over a new one. What the client has authenticated cannot be had anew. */
static enum step leave_behind(struct exchange *x)
{
        if (x->client->pinned)
                return exchange_fail(x, 502, "the origin server said something that was not asked for");
        x->retried = true;
        upstream_close(&x->client->upstream, false);
        return STEP_FETCH;
}

enum step step_connect(struct exchange *x)
{
        struct upstream *u = x->client->upstream;

        if (u->connecting && u->conn.failed)
                return STEP_HAND_BACK;
        if (u->connecting)
                return STEP_WAIT;
        if (u->used && upstream_spoke(u))
                return leave_behind(x);
        client_upstream_moved(x->client);
        return STEP_SEND_REQUEST;
}

/* A destination without a name. */
static void write_destination(struct out *o, const union address *destination)
{
        char text[ADDRESS_TEXT];
        size_t len = strlen(address_text(destination, text));

        if (address_port(destination) == 80) /* as it is written by default (RFC 9110 §7.2) */
                len = (size_t)(strrchr(text, ':') - text);
        out_span(o, (struct span){text, len});
}

/* What the reply may be stored under is what the origin is asked for, in the one spelling that all who share the key
 * have: a server may tell "a.example." from "a.example", and its answer to the one is not for those who want the other.
 * Also where only the target names the host. Empty: the request's own field goes on. */
static struct span host_asked_for(const struct exchange *x, char text[AUTHORITY_MAX])
{
        const struct request_decision *d = &x->decision;
        struct out o = {.at = text, .cap = AUTHORITY_MAX};

        if (!d->host.len)
                write_destination(&o, &x->client->destination);
        else if (x->look || d->keeps_post || !message_has(x->request, FIELD_HOST))
                authority_write(&o, &(struct authority){d->host, d->port});
        return (struct span){o.at, o.len};
}

/* Validators of ours replace the client's own (RFC 9111 §4.3.1); else everything goes as it came. */
static void describe(const struct exchange *x, struct request_options *o, char authority[AUTHORITY_MAX],
                     char range[RANGE_TEXT])
{
        *o = (struct request_options){
                .via = x->worker->proxy->config->origin.via_request,
                .drop_conditions = x->validating || x->background,
                .drop_preconditions = x->background,
                .upgrade = x->request->upgrade,
        };
        if (x->gap) {
                exchange_describe_gap(x, o, range);
        } else if (x->validating) {
                if (!x->background) { /* a part of what has changed goes only to who asked for just that */
                        field_only(x->request, FIELD_RANGE, &o->range);
                        field_only(x->request, FIELD_IF_RANGE, &o->if_range);
                }
                o->etag = (struct span){x->validator, x->etag_len};
                o->last_modified = (struct span){x->validator + x->etag_len, x->last_modified_len};
        }
        o->authority = host_asked_for(x, authority);
}

enum step step_send_request(struct exchange *x)
{
        struct worker *w = x->worker;
        struct conn *u = &x->client->upstream->conn;
        struct out out = {.at = w->page, .cap = PAGE_SIZE_MAX};
        char authority[AUTHORITY_MAX], range[RANGE_TEXT];
        struct request_options options;
        struct iovec head;

        describe(x, &options, authority, range);
        render_request(&out, x->request, x->decision.path, &options);
        if (out.overflow)
                return exchange_fail(x, 431, "the request's head is too large");
        x->request_time = worker_clock() / 1000000;
        x->asked_at = fills_time(w->proxy->fills);
        x->request_started = true;
        x->client->upstream->used = true;
        head = (struct iovec){out.at, out.len};
        conn_send(u, &head, 1);
        return STEP_RECEIVE_HEAD;
}

bool request_pump(struct exchange *x)
{
        struct client *c = x->client;
        struct batch b;

        while (!x->request_done && !conn_blocked(&c->upstream->conn) && !c->upstream->conn.unwritable) {
                if (!c->conn.input.len && !c->conn.eof)
                        return true;
                batch_gather(&b, x->request_body, &c->conn);
                if (b.last == BODY_FAULT)
                        return false;
                batch_send(&b, x->request_body, &c->upstream->conn, x->request_chunked);
                client_upstream_moved(c);
                x->request_done = b.last == BODY_END;
        }
        return true;
}
