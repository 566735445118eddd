/* Sockets that never block; see conn.h for the model. */
#include "proxy/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/worker.h"

enum { OFFER_SPANS = 80 /* more than anybody has of his own; what were beyond would be offered again */ };

void conn_init(struct conn *c, struct worker *w, int fd, void (*fire)(struct timer *))
{
        *c = (struct conn){.worker = w, .fd = fd, .timer = {.fire = fire}};
}

static void note_failure(struct conn *c, bool *which, int error)
{
        *which = true;
        if (!c->error)
                c->error = error;
}

void conn_want(struct conn *c, short want, event_callback_fn run, void *argument, const struct timeval *timeout)
{
        if (c->fd < 0 || (want == c->want && !timeout && !c->timed))
                return;
        if (c->want)
                event_del(&c->event);
        c->want = want;
        c->timed = timeout != NULL;
        if (!want)
                return;
        if (event_assign(&c->event, c->worker->base, c->fd, (short)(want | EV_PERSIST), run, argument) != 0 ||
            event_add(&c->event, timeout) != 0) {
                c->want = 0;
                note_failure(c, &c->failed, ENOMEM);
        }
}

bool conn_receive(struct conn *c)
{
        char *scratch = c->worker->scratch;
        size_t held = c->input.len;
        ssize_t n;

        assert(held < SCRATCH_SIZE);
        if (held && c->input.at != scratch)
                memmove(scratch, c->input.at, held);
        free(c->in);
        c->in = NULL;
        do
                n = recv(c->fd, scratch + held, SCRATCH_SIZE - held, 0);
        while (n < 0 && errno == EINTR);
        c->input = (struct span){scratch, held + (n > 0 ? (size_t)n : 0)};
        if (n == 0)
                c->eof = true;
        else if (n < 0 && errno != EAGAIN)
                note_failure(c, &c->failed, errno);
        return n > 0;
}

void conn_consume(struct conn *c, size_t n)
{
        assert(n <= c->input.len);
        c->input.at += n;
        c->input.len -= n;
}

void conn_settle(struct conn *c)
{
        char *copy;

        if (c->input.len == 0) {
                free(c->in);
                c->in = NULL;
                c->input = (struct span){NULL, 0};
                return;
        }
        if (c->in) /* it lies there already */
                return;
        copy = malloc(c->input.len);
        if (!copy) {
                c->input.len = 0;
                note_failure(c, &c->failed, ENOMEM);
                return;
        }
        memcpy(copy, c->input.at, c->input.len);
        c->in = copy;
        c->input.at = copy;
}

/* One span takes a shorter way through the kernel. */
static ssize_t write_spans(int fd, const struct iovec *spans, int count)
{
        struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)spans, .msg_iovlen = (size_t)count};

        if (count == 1)
                return send(fd, spans[0].iov_base, spans[0].iov_len, MSG_NOSIGNAL);
        return sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* The bytes that the socket took; the sink takes all. */
static size_t write_some(struct conn *c, const struct iovec *spans, int count)
{
        ssize_t n = 0;

        for (int i = 0; c->fd < 0 && i < count; i++)
                n += (ssize_t)spans[i].iov_len;
        if (c->fd < 0)
                return (size_t)n;
        do
                n = write_spans(c->fd, spans, count);
        while (n < 0 && errno == EINTR);
        if (n < 0 && errno != EAGAIN)
                note_failure(c, &c->unwritable, errno);
        return n > 0 ? (size_t)n : 0;
}

/* Off what was kept; what is left of it waits for the socket. */
static size_t take_off(struct conn *c, size_t sent)
{
        size_t kept = c->out_len - c->out_at, n = sent < kept ? sent : kept;

        c->held = false;
        c->out_at += (uint32_t)n;
        if (c->out_at == c->out_len || c->unwritable) {
                free(c->out);
                c->out = NULL;
                c->out_at = c->out_len = 0;
        }
        return n;
}

size_t conn_offer(struct conn *c, const struct iovec *spans, int count)
{
        struct iovec all[OFFER_SPANS + 1];
        size_t n;

        if (c->unwritable || conn_blocked(c)) /* what was kept goes first */
                return 0;
        if (!c->held)
                return write_some(c, spans, count);
        if (count > OFFER_SPANS)
                count = OFFER_SPANS;
        all[0] = (struct iovec){c->out + c->out_at, c->out_len - c->out_at};
        memcpy(all + 1, spans, (size_t)count * sizeof *spans);
        n = write_some(c, all, count + 1);
        return n - take_off(c, n);
}

/* Copies what lies behind the first `skip` bytes of the spans to the end of what waits. */
static void keep(struct conn *c, const struct iovec *spans, int count, size_t skip, size_t total)
{
        size_t waiting = c->out_len - c->out_at;
        char *out = malloc(waiting + total - skip);

        if (!out) {
                note_failure(c, &c->unwritable, ENOMEM);
                return;
        }
        if (c->out)
                memcpy(out, c->out + c->out_at, waiting);
        free(c->out);
        c->out = out;
        c->out_at = 0;
        c->out_len = (uint32_t)waiting;
        for (int i = 0; i < count; i++) {
                size_t left = skip < spans[i].iov_len ? spans[i].iov_len - skip : 0;

                if (left)
                        memcpy(out + c->out_len, (const char *)spans[i].iov_base + skip, left);
                c->out_len += (uint32_t)left;
                skip -= spans[i].iov_len - left;
        }
}

size_t conn_send(struct conn *c, const struct iovec *spans, int count)
{
        size_t total = 0, sent = 0;

        for (int i = 0; i < count; i++)
                total += spans[i].iov_len;
        if (!conn_blocked(c))
                sent = conn_offer(c, spans, count);
        if (!c->unwritable && sent < total)
                keep(c, spans, count, sent, total);
        return c->unwritable ? 0 : total;
}

static void send_kept(struct conn *c)
{
        struct iovec rest = {c->out + c->out_at, c->out_len - c->out_at};

        take_off(c, write_some(c, &rest, 1));
}

size_t conn_hold(struct conn *c, struct span s)
{
        if (c->unwritable)
                return 0;
        if (c->fd < 0)
                return s.len;
        c->held |= !c->out;
        keep(c, &(struct iovec){(void *)(uintptr_t)s.at, s.len}, 1, 0, s.len);
        return c->unwritable ? 0 : s.len;
}

bool conn_let_go(struct conn *c)
{
        if (c->held)
                send_kept(c);
        return !conn_blocked(c);
}

void conn_flush(struct conn *c)
{
        if (conn_blocked(c) && !c->unwritable)
                send_kept(c);
}

void conn_close(struct conn *c, bool reset)
{
        timer_stop(&c->timer);
        if (c->want)
                event_del(&c->event);
        c->want = 0;
        if (c->fd >= 0 && reset)
                setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        if (c->fd >= 0)
                close(c->fd);
        c->fd = -1;
        free(c->in);
        free(c->out);
        c->in = c->out = NULL;
        c->input = (struct span){NULL, 0};
}
