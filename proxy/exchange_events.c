/* What an exchange waits for on its two connections, and what becomes of it when a deadline passes. */
#include "proxy/client.h"
#include "proxy/exchange.h"

static short client_wanted(const struct exchange *x)
{
        const struct conn *c = &x->client->conn;
        bool sending = conn_blocked(c) ||
                       (!x->errands && ((x->step == STEP_SEND_STORED && !turn_awaited(&x->turn)) ||
                                        ((x->step == STEP_SHARE || x->step == STEP_FILL_GAP) && x->unsent)));

        if (x->part && x->part->deaf) /* it leads on for others */
                return 0;
        return (short)((c->input.len || c->eof ? 0 : EV_READ) | (sending ? EV_WRITE : 0));
}

static short upstream_wanted(const struct exchange *x)
{
        const struct conn *u = &x->client->upstream->conn;
        bool reading = x->step == STEP_RECEIVE_HEAD ||
                       (x->step == STEP_SHARE && x->leads && !x->stalled && !u->input.len) ||
                       (x->step == STEP_RELAY && !u->input.len && !conn_blocked(&x->client->conn)) ||
                       (x->step == STEP_FILL_GAP && !u->input.len && exchange_takes_gap(x));

        if (x->client->upstream->connecting)
                return EV_WRITE;
        return (short)((reading && !u->eof && !u->failed ? EV_READ : 0) | (conn_blocked(u) ? EV_WRITE : 0));
}

void exchange_wants(struct exchange *x)
{
        client_wants(x->client, client_wanted(x));
        if (x->client->upstream)
                upstream_want(x->client->upstream, upstream_wanted(x));
}

/* Clients keep the server waiting: this one, or others that read the same. */
static bool is_not_read(const struct exchange *x)
{
        switch (x->step) {
        case STEP_SHARE:
                return x->stalled;
        case STEP_FILL_GAP:
                return !exchange_takes_gap(x);
        default:
                return conn_blocked(&x->client->conn);
        }
}

/* The time of a client that takes nothing runs on. */
static void keep_waiting(const struct exchange *x)
{
        if (conn_blocked(&x->client->conn) || x->unsent)
                client_upstream_waits(x->client);
        else
                client_upstream_moved(x->client);
}

void exchange_late_upstream(struct exchange *x)
{
        struct client *c = x->client;

        if (!x->request_started && x->step != STEP_CONNECT) /* opened before it was known whether it is needed */
                exchange_drop_upstream(x);
        else if (x->step == STEP_CONNECT)
                x->step = STEP_HAND_BACK;
        else if (is_not_read(x))
                keep_waiting(x);
        else if (!x->request_done && !conn_blocked(&c->upstream->conn))
                x->step = (uint8_t)exchange_fail(x, 408, "the request's body did not come in time");
        else
                x->step = (uint8_t)exchange_fail(x, 504, "the origin server did not answer in time");
}

/* Requests that it sends ahead put off no deadline for those on whom it depends. */
void exchange_client_moved(struct exchange *x)
{
        if (!x->gap_waiting && x->step != STEP_JOIN)
                client_moved(x->client);
}

void exchange_late_client(struct exchange *x)
{
        if (x->step == STEP_FETCH) /* a moment later: there may be a local port now */
                return;
        if (x->gap_waiting) {
                exchange_gap_late(x);
                return;
        }
        if (x->step == STEP_SHARE && exchange_share_late(x))
                return;
        if (x->step == STEP_JOIN) {
                x->step = (uint8_t)exchange_join_late(x);
                return;
        }
        x->broken = true;
        x->step = STEP_FINISH;
}
