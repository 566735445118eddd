/* Tunnels. Each direction reads only when the other side has taken all (back-pressure), ends are passed on one by one
 * (half-close), and a reset is answered with a reset. */
#include "proxy/tunnel.h"

#include <errno.h>
#include <sys/socket.h>

#include "proxy/exchange.h"
#include "proxy/log.h"
#include "proxy/worker.h"

enum { TUNNEL_SECONDS = 3600 }; /* nothing either way for that long */

bool tunnel_wanted(const struct client *c)
{
        const struct conn *u = &c->upstream->conn;

        return conn_gone(u) || u->eof || u->input.len;
}

/* It cannot be connected for: its next connections are the destination's own (design.md §6). */
static void hand_back(struct client *c, int error)
{
        proxy_unconnected(c->conn.worker, c, error);
        client_abort(c);
}

void tunnel_start(struct client *c)
{
        struct worker *w = c->conn.worker;

        c->state = CLIENT_TUNNEL;
        c->first = false;
        count(&w->counters, COUNTER_tunnels, 1);
        if (!c->exchange && !exchange_of_tunnel(c)) {
                client_abort(c);
                return;
        }
        if (!c->upstream)
                c->upstream = upstream_get(c, SPAN(""), true);
        if (!c->upstream)
                hand_back(c, errno);
        timer_set(&w->wheel, &c->conn.timer, TUNNEL_SECONDS);
}

/* Moves the input of one side to the other; passes its end on. Returns the bytes moved. */
static size_t move(struct conn *from, struct conn *to)
{
        struct iovec bytes = {(void *)(uintptr_t)from->input.at, from->input.len};

        if (conn_blocked(to))
                return 0;
        if (bytes.iov_len) {
                conn_send(to, &bytes, 1);
                conn_consume(from, bytes.iov_len);
        }
        if (from->eof && !conn_blocked(to) && !to->ended) {
                to->ended = true;
                shutdown(to->fd, SHUT_WR);
        }
        return bytes.iov_len;
}

bool tunnel_run(struct client *c)
{
        struct conn *up = &c->upstream->conn;
        struct exchange *x = c->exchange;
        size_t down;

        if (c->upstream->connecting) {
                if (up->failed)
                        hand_back(c, up->error);
                return up->failed;
        }
        move(&c->conn, up);
        down = move(up, &c->conn);
        x->sent += down;
        count(&x->worker->counters, COUNTER_bytes_origins, (int64_t)down);
        if (conn_gone(&c->conn) || conn_gone(up)) {
                client_abort(c);
                return true;
        }
        if (c->conn.ended && up->ended) {
                x->status = 200;
                client_end(c);
                return true;
        }
        return false;
}

static short wants(const struct conn *from, const struct conn *to)
{
        return (short)((!from->eof && !from->input.len && !conn_blocked(to) ? EV_READ : 0) |
                       (conn_blocked(from) ? EV_WRITE : 0));
}

void tunnel_wants(struct client *c)
{
        struct worker *w = c->conn.worker;

        if (c->upstream->connecting) {
                client_wants(c, 0);
                upstream_want(c->upstream, EV_WRITE);
                return;
        }
        timer_set(&w->wheel, &c->conn.timer, TUNNEL_SECONDS);
        timer_stop(&c->upstream->conn.timer);
        client_wants(c, wants(&c->conn, &c->upstream->conn));
        upstream_want(c->upstream, wants(&c->upstream->conn, &c->conn));
}

void tunnel_late(struct client *c)
{
        if (c->upstream && c->upstream->connecting)
                proxy_unconnected(c->conn.worker, c, ETIMEDOUT);
        client_abort(c);
}
