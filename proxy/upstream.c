/* Opening, keeping and closing connections to origins. */
#include "proxy/upstream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/client.h"
#include "proxy/worker.h"

enum { PACE_MS = 5 };

static bool set(int fd, int level, int name)
{
        return setsockopt(fd, level, name, &(int){1}, sizeof(int)) == 0;
}

/* Binds to the client's address. BIND_ADDRESS_NO_PORT: the port is chosen at connect, so that a small port range counts
 * for each destination and not for all of them together. Never the client's own port: both legs would be one conntrack
 * entry. */
static bool bind_source(int fd, const union address *source)
{
        bool six = source->sa.sa_family == AF_INET6;

        return set(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_TRANSPARENT : IP_TRANSPARENT) &&
               set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT) && bind(fd, &source->sa, address_len(source)) == 0;
}

/* The descriptor of a socket that is connecting, or -1 and errno. */
static int start_connect(const struct config *config, const union address *source, const union address *destination)
{
        int error, fd = socket(destination->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -1;
        if (set(fd, IPPROTO_TCP, TCP_NODELAY) && (!config->origin.spoof_client || bind_source(fd, source)) &&
            (connect(fd, &destination->sa, address_len(destination)) == 0 || errno == EINPROGRESS))
                return fd;
        error = errno;
        close(fd);
        errno = error;
        return -1;
}

/* Runs when a timer of the connection is due: an idle one is closed, another's exchange hears of it. */
static void fire(struct timer *t)
{
        struct upstream *u = (struct upstream *)(void *)((char *)t - offsetof(struct upstream, conn.timer));

        if (u->client) {
                client_upstream_late(u->client);
                return;
        }
        pool_remove(&u->conn.worker->pool, u);
        upstream_close(&u, false);
}

static struct upstream *connect_new(struct client *c, struct span host)
{
        struct worker *w = c->conn.worker;
        const struct config *config = w->proxy->config;
        union address source = c->peer;
        struct upstream *u;
        int fd;

        address_set_port(&source, 0);
        fd = start_connect(config, &source, &c->destination);
        if (fd < 0)
                return NULL;
        u = calloc(1, sizeof *u + host.len);
        if (!u) {
                close(fd);
                errno = ENOMEM;
                return NULL;
        }
        conn_init(&u->conn, w, fd, fire);
        u->connecting = true;
        u->source = source;
        u->destination = c->destination;
        u->host_len = host.len;
        if (host.len)
                memcpy(u->host, host.at, host.len);
        count(&w->counters, COUNTER_upstream_connects, 1);
        if (!config->origin.spoof_client)
                count(&w->counters, COUNTER_unspoofed, 1);
        timer_set_ms(&w->wheel, &u->conn.timer, config->origin.connect_timeout_ms);
        return u;
}

struct upstream *upstream_get(struct client *c, struct span host, bool fresh)
{
        struct worker *w = c->conn.worker;
        union address source = c->peer;
        struct upstream *u = NULL;

        address_set_port(&source, 0);
        if (!fresh)
                u = pool_take(&w->pool, &source, &c->destination, host);
        if (u) {
                u->reused = true;
                count(&w->counters, COUNTER_upstream_reuses, 1);
        } else {
                u = connect_new(c, host);
        }
        if (u)
                u->client = c;
        return u;
}

bool upstream_spoke(const struct upstream *u)
{
        int waiting = 0;

        return u->conn.input.len > 0 || (ioctl(u->conn.fd, FIONREAD, &waiting) == 0 && waiting > 0);
}

/* An event of a connection that is idle: the origin closed it, or said something that nobody asked for (cases.md R4).
 */
static void idle_event(struct upstream *u)
{
        pool_remove(&u->conn.worker->pool, u);
        upstream_close(&u, false);
}

static void finish_connect(struct upstream *u)
{
        socklen_t len = sizeof u->conn.error;

        if (getsockopt(u->conn.fd, SOL_SOCKET, SO_ERROR, &u->conn.error, &len) != 0)
                u->conn.error = errno;
        u->conn.failed = u->conn.error != 0;
        u->connecting = u->conn.failed;
}

static void upstream_event(evutil_socket_t fd, short what, void *argument)
{
        struct upstream *u = argument;

        (void)fd;
        if (!u->client) {
                idle_event(u);
                return;
        }
        if (what & EV_TIMEOUT)
                u->paced = false;
        if (u->connecting)
                finish_connect(u);
        else if (what & EV_WRITE)
                conn_flush(&u->conn);
        if ((what & (EV_READ | EV_TIMEOUT)) && !u->connecting)
                if (conn_receive(&u->conn))
                        client_upstream_moved(u->client);
        client_turn(u->client);
}

void upstream_want(struct upstream *u, short want)
{
        static const struct timeval pace = {0, PACE_MS * 1000L};

        if (!u->paced || want != EV_READ)
                conn_want(&u->conn, want, upstream_event, u, NULL);
        else if (u->conn.want != EV_TIMEOUT)
                conn_want(&u->conn, EV_TIMEOUT, upstream_event, u, &pace);
}

void upstream_release(struct upstream **held)
{
        struct upstream *u = *held, *oldest;
        struct worker *w = u->conn.worker;

        *held = NULL;
        conn_settle(&u->conn); /* an idle one holds no buffer */
        u->client = NULL;
        u->reused = u->paced = false;
        timer_set_ms(&w->wheel, &u->conn.timer, w->proxy->config->origin.idle_timeout_ms);
        upstream_want(u, EV_READ);
        oldest = pool_put(&w->pool, u);
        if (oldest)
                upstream_close(&oldest, false);
}

void upstream_close(struct upstream **held, bool reset)
{
        struct upstream *u = *held;

        *held = NULL;
        if (!u)
                return;
        conn_close(&u->conn, reset);
        free(u);
}
