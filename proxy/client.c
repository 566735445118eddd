/* Client connections: from accept to close; see client.h for the states. */
#include "proxy/client.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/datagram_socket.h"
#include "proxy/exchange.h"
#include "proxy/prober.h"
#include "proxy/tunnel.h"
#include "proxy/worker.h"

enum {
        IDLE_SECONDS = 120,  /* between two requests */
        HEAD_SECONDS = 30,   /* for a whole head, however it trickles in (cases.md M4) */
        STALL_SECONDS = 300, /* a client that takes nothing of its reply */
        LINGER_SECONDS = 5,
        LINGER_BYTES = 4 << 20,
        SILENCE_MS = 800 /* TCP_DEFER_ACCEPT held a silent connection for 1.2 s already (facts.md) */
};

static void client_event(evutil_socket_t fd, short what, void *argument);

static void want(struct client *c, short what)
{
        static const struct timeval silence = {0, SILENCE_MS * 1000L};
        bool wait_silence = c->silent && c->state == CLIENT_HEAD && !c->upstream;

        conn_want(&c->conn, what, client_event, c, wait_silence ? &silence : NULL);
}

/* ---- the end -------------------------------------------------------------------------------------------------------
 */

static void unlink_client(struct client *c)
{
        *c->link = c->next;
        if (c->next)
                c->next->link = c->link;
        c->conn.worker->client_count--;
        if (c->shadow)
                return;
        proxy_left(c->conn.worker->proxy, &c->peer);
        count(&c->conn.worker->counters, COUNTER_connections_open, -1);
}

void client_destroy(struct client *c)
{
        if (c->exchange)
                exchange_abort(c->exchange);
        upstream_close(&c->upstream, c->reset);
        unlink_client(c);
        conn_close(&c->conn, c->reset);
        free(c);
}

void client_end(struct client *c)
{
        c->state = CLIENT_DEAD;
        c->reset = false;
}

void client_abort(struct client *c)
{
        c->state = CLIENT_DEAD;
        c->reset = true;
}

void client_linger(struct client *c)
{
        if (c->conn.eof || shutdown(c->conn.fd, SHUT_WR) != 0) {
                client_end(c);
                return;
        }
        conn_consume(&c->conn, c->conn.input.len);
        c->scan = (struct head_scan){.seen = LINGER_BYTES};
        c->state = CLIENT_LINGER;
        timer_set(&c->conn.worker->wheel, &c->conn.timer, LINGER_SECONDS);
}

void clients_close_idle(struct worker *w)
{
        for (struct client *c = w->clients, *next; c; c = next) {
                next = c->next;
                if (c->state == CLIENT_HEAD && !c->conn.input.len)
                        client_destroy(c);
        }
}

void clients_cut_off(struct worker *w)
{
        for (struct client *c = w->clients, *next; c; c = next) {
                next = c->next;
                c->reset |= c->state == CLIENT_EXCHANGE || c->state == CLIENT_TUNNEL;
                client_destroy(c);
        }
}

/* ---- turns ---------------------------------------------------------------------------------------------------------
 */

/* Reads a head if one is there. True if an exchange was started. */
static bool take_head(struct client *c)
{
        struct span in = c->conn.input;
        struct fault fault = {FAULT_NONE, 0, NULL};

        if (in.len == 0)
                return false;
        switch (scan_request(&c->scan, in.at, in.len, &fault)) {
        case SCAN_MORE:
                if (!c->conn.eof)
                        return false;
                client_end(c);
                return false;
        case SCAN_DONE:
                in = (struct span){in.at + c->scan.blank, c->scan.seen - c->scan.blank};
                break;
        case SCAN_FAULT:
                break;
        }
        c->scan = (struct head_scan){0};
        c->head_begun = false;
        c->state = CLIENT_EXCHANGE;
        exchange_start(c, in, &fault);
        return true;
}

/* The server has spoken, or is gone, between two requests or before the first. */
static bool turn_upstream(struct client *c)
{
        if (c->first)
                tunnel_start(c); /* it speaks first */
        else if (c->pinned)
                client_end(c);
        else
                upstream_close(&c->upstream, false);
        return true;
}

static bool turn_head(struct client *c)
{
        if (take_head(c))
                return true;
        if (c->state != CLIENT_HEAD)
                return true;
        if (conn_gone(&c->conn) || (c->conn.eof && !c->conn.input.len)) {
                client_end(c);
                return true;
        }
        return c->upstream && tunnel_wanted(c) && turn_upstream(c);
}

static bool turn_exchange(struct client *c)
{
        if (conn_gone(&c->conn) && !exchange_leads_on(c->exchange)) {
                client_abort(c);
                return true;
        }
        return exchange_run(c->exchange);
}

static bool turn_linger(struct client *c)
{
        size_t n = c->conn.input.len;

        conn_consume(&c->conn, n);
        c->scan.seen -= n < c->scan.seen ? (uint32_t)n : c->scan.seen;
        if (!c->conn.eof && !c->conn.failed && c->scan.seen)
                return false;
        client_end(c);
        return true;
}

/* One piece of progress. False if there is none to be made. */
static bool turn_once(struct client *c)
{
        switch ((enum client_state)c->state) {
        case CLIENT_HEAD:
                return turn_head(c);
        case CLIENT_EXCHANGE:
                return turn_exchange(c);
        case CLIENT_TUNNEL:
                return tunnel_run(c);
        case CLIENT_LINGER:
                return turn_linger(c);
        case CLIENT_DEAD:
                break;
        }
        return false;
}

/* Opened for a silent client, or its own for life: it may be as silent as the client, whose deadline holds for both. */
static void rest_upstream(struct upstream *u)
{
        upstream_want(u, u->connecting ? EV_WRITE : EV_READ);
        if (!u->connecting)
                timer_stop(&u->conn.timer);
}

/* Nothing more can be done now: say what is waited for. */
static void rest(struct client *c)
{
        struct wheel *wheel = &c->conn.worker->wheel;

        conn_let_go(&c->conn);
        switch ((enum client_state)c->state) {
        case CLIENT_HEAD:
                if (c->conn.input.len == 0)
                        timer_set(wheel, &c->conn.timer, IDLE_SECONDS);
                else if (!c->head_begun) /* later bytes of it do not put this off */
                        timer_set(wheel, &c->conn.timer, HEAD_SECONDS);
                c->head_begun = c->conn.input.len > 0;
                want(c, EV_READ);
                if (c->upstream)
                        rest_upstream(c->upstream);
                break;
        case CLIENT_EXCHANGE:
                exchange_wants(c->exchange);
                break;
        case CLIENT_TUNNEL:
                tunnel_wants(c);
                break;
        case CLIENT_LINGER:
                want(c, EV_READ);
                break;
        case CLIENT_DEAD:
                break;
        }
        conn_settle(&c->conn);
        if (c->upstream)
                conn_settle(&c->upstream->conn);
}

void client_turn(struct client *c)
{
        while (turn_once(c))
                ;
        if (c->state != CLIENT_DEAD)
                rest(c);
        if (c->state == CLIENT_DEAD)
                client_destroy(c);
}

/* Silent for two seconds: connect, and see whether the server speaks first. */
static void break_silence(struct client *c)
{
        c->upstream = upstream_get(c, SPAN(""), true);
        if (!c->upstream)
                client_abort(c);
}

static void client_event(evutil_socket_t fd, short what, void *argument)
{
        struct client *c = argument;

        (void)fd;
        if (what & EV_TIMEOUT && c->state == CLIENT_HEAD && !c->upstream)
                break_silence(c);
        if (what & EV_WRITE)
                conn_flush(&c->conn);
        if (what & EV_READ) {
                conn_receive(&c->conn);
                c->silent = false;
        }
        if (c->state == CLIENT_EXCHANGE)
                exchange_client_moved(c->exchange);
        client_turn(c);
}

void client_wants(struct client *c, short what)
{
        want(c, what);
}

/* ---- deadlines -----------------------------------------------------------------------------------------------------
 */

static void fire(struct timer *t)
{
        struct client *c = (struct client *)(void *)((char *)t - offsetof(struct client, conn.timer));

        switch ((enum client_state)c->state) {
        case CLIENT_EXCHANGE:
                exchange_late_client(c->exchange);
                break;
        case CLIENT_TUNNEL:
                tunnel_late(c);
                break;
        case CLIENT_HEAD:
        case CLIENT_LINGER:
        case CLIENT_DEAD:
                client_end(c);
                break;
        }
        client_turn(c);
}

void client_moved(struct client *c)
{
        timer_set(&c->conn.worker->wheel, &c->conn.timer, STALL_SECONDS);
}

void client_upstream_waits(struct client *c)
{
        const struct worker *w = c->conn.worker;

        timer_set_ms(&c->conn.worker->wheel, &c->upstream->conn.timer, w->proxy->config->origin.idle_timeout_ms);
}

void client_upstream_moved(struct client *c)
{
        client_upstream_waits(c);
        if (c->state == CLIENT_EXCHANGE)
                client_moved(c);
}

void client_upstream_late(struct client *c)
{
        if (c->state == CLIENT_EXCHANGE)
                exchange_late_upstream(c->exchange);
        else if (c->state == CLIENT_TUNNEL || (c->state == CLIENT_HEAD && c->first))
                tunnel_late(c); /* the server that it waits for does not answer */
        else
                upstream_close(&c->upstream, false);
        client_turn(c);
}

/* ---- the beginning -------------------------------------------------------------------------------------------------
 */

static bool admit(struct client *c)
{
        socklen_t len = sizeof c->destination;
        const struct config *config = c->conn.worker->proxy->config;

        if (getsockname(c->conn.fd, &c->destination.sa, &len) != 0)
                return false;
        if (address_loopback(&c->destination)) /* the listening port dialled on the machine itself (K4) */
                return false;
        return config->setup.form != SETUP_MARK || !address_local(&c->destination);
}

static struct client *new_client(struct worker *w, int fd, const union address *peer)
{
        struct client *c = calloc(1, sizeof *c);

        if (!c)
                return NULL;
        conn_init(&c->conn, w, fd, fire);
        c->peer = *peer;
        c->next = w->clients;
        c->link = &w->clients;
        if (c->next)
                c->next->link = &c->next;
        w->clients = c;
        w->client_count++;
        return c;
}

struct client *client_shadow(const struct client *of)
{
        struct client *c = new_client(of->conn.worker, -1, &of->peer);

        if (!c)
                return NULL;
        c->destination = of->destination;
        c->state = CLIENT_EXCHANGE;
        c->shadow = true;
        return c;
}

void client_accept(struct worker *w, int fd, const union address *peer)
{
        struct client *c;

        if (prober_served(w, fd, peer))
                return;
        c = new_client(w, fd, peer);
        if (!c) {
                close(fd);
                return;
        }
        c->first = true;
        c->state = CLIENT_HEAD;
        count(&w->counters, COUNTER_connections, 1);
        count(&w->counters, COUNTER_connections_open, 1);
        proxy_admitted(w, peer);
        if (!admit(c))
                client_abort(c);
        else if (datagram_watched(w->proxy->config, address_port(&c->destination)))
                tunnel_start(c); /* DNS, whatever its first bytes look like */
        else
                c->silent = !conn_receive(&c->conn) && !c->conn.eof && !c->conn.failed;
        client_turn(c);
}
