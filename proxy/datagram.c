/* One batch of datagrams is read, and each run of them that goes the same way is sent on at once. Nothing waits: what a
 * socket does not take is lost. */
#include "proxy/datagram.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "proxy/datagram_batch.h"
#include "proxy/datagram_socket.h"
#include "proxy/dns_learn.h"
#include "proxy/flow.h"
#include "proxy/log.h"
#include "proxy/reply_sockets.h"
#include "proxy/worker.h"

enum {
        ROUNDS = 4,       /* batches of one socket before it is another's turn */
        FLOWS_MAX = 8192, /* of a worker */
        FILES_SHARE = 4,  /* the flows of all workers take a fourth of the descriptors */
        FAMILIES = 2
};

struct datagrams {
        struct worker *worker;
        struct event *listeners[FAMILIES];
        struct flows flows;
        struct reply_sockets replies;
        struct dns_learner learner;
        struct datagram_batch *batch; /* what is being relayed now */
};

static void tally(const struct datagrams *d, enum counter_id id, int64_t n)
{
        count(&d->worker->counters, id, n);
}

/* What is sent is counted, and what the socket did not take. False: it is no use to send more. */
static bool send_run(const struct datagrams *d, int fd, union address *to, int first, int run)
{
        int error, sent = datagram_send(d->batch, fd, to, first, run, &error);

        tally(d, COUNTER_datagrams, sent);
        tally(d, COUNTER_datagrams_dropped, run - sent);
        return !error;
}

/* ---- flows ------------------------------------------------------------------------------------------------------- */

static void end_flow(struct datagrams *d, struct flow *f)
{
        event_del(&f->event);
        timer_stop(&f->timer);
        flows_remove(&d->flows, f);
        tally(d, COUNTER_flows_open, -1);
        close(f->fd);
        free(f);
        if (d->flows.count == 0) /* a program that wants such a port for itself shall find it free then */
                reply_sockets_close(&d->replies);
}

static void flow_late(struct timer *t)
{
        struct flow *f = (struct flow *)(void *)((char *)t - offsetof(struct flow, timer));

        end_flow(f->owner, f);
}

static void put_off(struct datagrams *d, struct flow *f)
{
        timer_set(&d->worker->wheel, &f->timer, flow_patience(f));
        flows_use(&d->flows, f);
}

static void flow_event(evutil_socket_t fd, short what, void *argument);

/* The descriptor of a flow that begins. Without descriptors the oldest flow gives up its own. */
static int open_upstream(struct datagrams *d, const union address *client, const union address *destination)
{
        int fd = datagram_upstream(d->worker->proxy->config, client, destination);

        if ((fd != -EMFILE && fd != -ENFILE) || !d->flows.oldest)
                return fd;
        end_flow(d, d->flows.oldest);
        tally(d, COUNTER_flows_evicted, 1);
        return datagram_upstream(d->worker->proxy->config, client, destination);
}

/* NULL: out of memory, of descriptors, or of ports with the client's address; or replies could not be given back, or
 * nothing leads to the destination: then its datagrams go direct for a while. */
static struct flow *new_flow(struct datagrams *d, const union address *client, const union address *destination)
{
        struct flow *f = NULL;
        int fd;

        if (flows_full(&d->flows)) {
                end_flow(d, d->flows.oldest);
                tally(d, COUNTER_flows_evicted, 1);
        }
        if (reply_socket(&d->replies, destination) < 0) {
                proxy_bypass(d->worker, destination);
                return NULL;
        }
        fd = open_upstream(d, client, destination);
        if (fd >= 0)
                f = calloc(1, sizeof *f);
        if (f && event_assign(&f->event, d->worker->base, fd, EV_READ | EV_PERSIST, flow_event, f) == 0 &&
            event_add(&f->event, NULL) == 0) {
                f->fd = fd;
                f->client = *client;
                f->destination = *destination;
                f->owner = d;
                f->timer.fire = flow_late;
                return f;
        }
        if (fd >= 0)
                close(fd);
        else if (fd != -EMFILE && fd != -ENFILE && fd != -EADDRINUSE)
                proxy_bypass(d->worker, destination);
        free(f);
        return NULL;
}

/* Where nobody listens, or nothing leads to, the client shall learn it as it would without us. */
static void refused(struct datagrams *d, struct flow *f)
{
        proxy_bypass(d->worker, &f->destination);
        end_flow(d, f);
}

/* What may not go from this machine may well be forwarded by it. */
static void send_on(struct datagrams *d, struct flow *f, int first, int run)
{
        if (!send_run(d, f->fd, NULL, first, run))
                refused(d, f);
}

static void begin_flow(struct datagrams *d, struct flow *f)
{
        flows_add_take(&d->flows, f);
        put_off(d, f);
        tally(d, COUNTER_flows, 1);
        tally(d, COUNTER_flows_open, 1);
}

/* ---- from clients ------------------------------------------------------------------------------------------------ */

/* What the machine itself sends to the listener is nobody's. */
static bool goes_on(const struct datagrams *d, const struct msghdr *m, union address *destination)
{
        return datagram_destination(m, destination) && !address_loopback(destination) &&
               datagram_relayed(d->worker->proxy->config, address_port(destination));
}

/* How many of the batch, from `first` on, go the same way. Each DNS message is looked at by itself. */
static int run_length(const struct datagrams *d, int first, int end, const union address *destination)
{
        union address other;
        int i = first + 1;

        if (datagram_watched(d->worker->proxy->config, address_port(destination)))
                return 1;
        while (i < end && address_equal(&d->batch->peers[i], &d->batch->peers[first]) &&
               datagram_destination(&d->batch->messages[i].msg_hdr, &other) && address_equal(&other, destination))
                i++;
        return i - first;
}

/* A query gets a flow of its own, and leaves under an id of ours. False: it is none. */
static bool relay_query(struct datagrams *d, int i, const union address *client, const union address *destination)
{
        struct dns_relayed query;
        struct flow *f;
        uint16_t id;

        if (!datagram_watched(d->worker->proxy->config, address_port(destination)) ||
            getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id ||
            !dns_relayed_begin(&query, d->batch->bytes[i], d->batch->messages[i].msg_len, id))
                return false;
        f = new_flow(d, client, destination);
        if (!f) {
                tally(d, COUNTER_datagrams_dropped, 1);
                return true;
        }
        f->query = query;
        begin_flow(d, f);
        tally(d, COUNTER_dns_queries, 1);
        send_on(d, f, i, 1);
        return true;
}

/* Returns how many of the batch that was. */
static int relay_some(struct datagrams *d, int first, int end)
{
        union address client = d->batch->peers[first], destination;
        struct flow *f;
        int run;

        if (!goes_on(d, &d->batch->messages[first].msg_hdr, &destination)) {
                tally(d, COUNTER_datagrams_dropped, 1);
                return 1;
        }
        run = run_length(d, first, end, &destination);
        if (relay_query(d, first, &client, &destination))
                return 1;
        f = flows_find(&d->flows, &client, &destination);
        if (f)
                put_off(d, f);
        else if ((f = new_flow(d, &client, &destination)) != NULL)
                begin_flow(d, f);
        if (f)
                send_on(d, f, first, run);
        else
                tally(d, COUNTER_datagrams_dropped, run);
        return run;
}

static void listener_event(evutil_socket_t fd, short what, void *argument)
{
        struct datagrams *d = argument;

        (void)what;
        for (int round = 0, n = DATAGRAM_BATCH; round < ROUNDS && n == DATAGRAM_BATCH; round++) {
                n = datagram_receive(d->batch, fd);
                for (int i = 0; i < n; i += relay_some(d, i, n))
                        ;
        }
}

/* ---- from destinations ------------------------------------------------------------------------------------------- */

/* If nothing can be sent in the destination's name, its own answers may get through. */
static void give_back(struct datagrams *d, struct flow *f, int first, int run)
{
        int fd = reply_socket(&d->replies, &f->destination);

        if (fd < 0)
                tally(d, COUNTER_datagrams_dropped, run);
        else if (!send_run(d, fd, &f->client, first, run))
                proxy_bypass(d->worker, &f->destination);
}

static void learn(struct datagrams *d, const struct flow *f, struct span reply, unsigned ifindex)
{
        const struct dns_reply r = {
                .resolver = &f->destination,
                .question = {f->query.question, f->query.question_len},
                .message = reply,
                .ifindex = ifindex,
        };

        tally(d, COUNTER_dns_learnt,
              (int64_t)dns_learn(&d->learner, d->worker->proxy->bindings, &r, worker_clock() / 1000000));
}

/* The first datagram that is the query's reply is given back, and ends the flow; all others are dropped. */
static void end_query(struct datagrams *d, struct flow *f, int n)
{
        for (int i = 0; i < n; i++) {
                size_t len = d->batch->messages[i].msg_len;

                if (!dns_relayed_end(&f->query, d->batch->bytes[i], len)) {
                        tally(d, COUNTER_dns_rejected, 1);
                        continue;
                }
                learn(d, f, (struct span){d->batch->bytes[i], len}, datagram_interface(&d->batch->messages[i].msg_hdr));
                give_back(d, f, i, 1);
                end_flow(d, f);
                return;
        }
}

static void flow_event(evutil_socket_t fd, short what, void *argument)
{
        struct flow *f = argument;
        struct datagrams *d = f->owner;
        int n = datagram_receive(d->batch, fd);

        (void)what;
        if (n < 0 && errno != EAGAIN) /* an ICMP error */
                refused(d, f);
        if (n <= 0)
                return;
        if (f->query.question_len) {
                end_query(d, f, n);
                return;
        }
        f->answered = true;
        put_off(d, f);
        give_back(d, f, 0, n);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

unsigned datagram_flows(const struct config *c, uint64_t files, size_t workers)
{
        uint64_t share = files / FILES_SHARE / workers;

        if (!c->dns.relay && !c->datagram_port_count)
                return 0;
        return share > FLOWS_MAX ? FLOWS_MAX : share ? (unsigned)share : 1;
}

unsigned datagram_descriptors(unsigned flows)
{
        return flows ? flows + REPLY_SOCKETS + FAMILIES : 0;
}

/* IPv6 may be switched off on the machine. */
static bool add_listener(struct datagrams *d, int family)
{
        int fd = datagram_listener(d->worker->proxy->config, family);
        struct event *e;

        if (family == AF_INET6 && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL))
                return true;
        if (fd < 0) {
                log_errno(LOG_ERR, -fd, "cannot receive datagrams on port %u (IPv%c)",
                          d->worker->proxy->config->setup.listen_port, family == AF_INET6 ? '6' : '4');
                return false;
        }
        e = event_new(d->worker->base, fd, EV_READ | EV_PERSIST, listener_event, d);
        if (!e || event_add(e, NULL) != 0) {
                if (e)
                        event_free(e);
                close(fd);
                return false;
        }
        d->listeners[family == AF_INET6] = e;
        return true;
}

static bool make(struct datagrams *d)
{
        const struct config *config = d->worker->proxy->config;
        uint32_t seed;

        d->batch = malloc(sizeof *d->batch);
        if (!d->batch || getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed ||
            !flows_make(&d->flows, d->worker->proxy->flows_max, seed))
                return false;
        reply_sockets_make(&d->replies, seed);
        dns_learner_make(&d->learner, config, &d->worker->proxy->trusted);
        return add_listener(d, AF_INET) && (!config->setup.ipv6 || add_listener(d, AF_INET6));
}

int datagrams_new(struct datagrams **made, struct worker *w)
{
        struct datagrams *d;

        *made = NULL;
        if (!w->proxy->flows_max)
                return 0;
        d = calloc(1, sizeof *d);
        if (!d)
                return ENOMEM;
        d->worker = w;
        reply_sockets_make(&d->replies, 0);
        *made = d;
        return make(d) ? 0 : EADDRINUSE;
}

void datagrams_free(struct datagrams **held)
{
        struct datagrams *d = *held;

        *held = NULL;
        if (!d)
                return;
        while (d->flows.oldest)
                end_flow(d, d->flows.oldest);
        flows_unmake(&d->flows);
        for (size_t i = 0; i < FAMILIES; i++) {
                evutil_socket_t fd = d->listeners[i] ? event_get_fd(d->listeners[i]) : -1;

                if (!d->listeners[i])
                        continue;
                event_free(d->listeners[i]);
                close(fd);
        }
        reply_sockets_close(&d->replies);
        free(d->batch);
        free(d);
}
