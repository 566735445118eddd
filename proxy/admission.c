/* Who is let in: what the workers have the warden do to the gate, for all or for one. */
#include <arpa/inet.h>
#include <errno.h>

#include "proxy/address.h"
#include "proxy/channel.h"
#include "proxy/client.h"
#include "proxy/log.h"
#include "proxy/proxy.h"
#include "proxy/quota.h"
#include "proxy/worker.h"

enum { BYPASS_SECONDS = 60 };

void proxy_tell_warden(const struct proxy *p, struct channel_message m)
{
        if (p->channel != PROXY_NO_CHANNEL && !channel_send(p->channel, &m) && errno != EAGAIN)
                log_errno(LOG_DEBUG, errno, "the warden cannot be told");
}

void proxy_bypass(struct worker *w, const union address *destination)
{
        struct channel_message m = {.kind = CHANNEL_BYPASS, .seconds = BYPASS_SECONDS};
        char text[ADDRESS_TEXT];

        memcpy(&m.address, destination, address_len(destination));
        count(&w->counters, COUNTER_upstream_failures, 1);
        log_say(LOG_INFO, "%s cannot be reached: its connections go direct for %d s", address_text(destination, text),
                BYPASS_SECONDS);
        proxy_tell_warden(w->proxy, m);
}

void proxy_overload(struct proxy *p)
{
        if (atomic_exchange(&p->overloaded, true))
                return;
        log_say(LOG_WARNING, "too many connections: new ones go direct");
        proxy_tell_warden(p, (struct channel_message){.kind = CHANNEL_SHUT});
}

void proxy_probed(struct proxy *p)
{
        proxy_tell_warden(p, (struct channel_message){.kind = CHANNEL_PROBE});
}

static void hand_back(void *proxy, const union address *client, unsigned seconds)
{
        struct channel_message m = {.kind = CHANNEL_CROWDED, .seconds = seconds};

        memcpy(&m.address, client, address_len(client));
        proxy_tell_warden(proxy, m);
}

/* What is on its way already is served. */
static void hand_back_client(struct worker *w, const union address *client, int level, const char *why)
{
        bool is_six = client->sa.sa_family == AF_INET6;
        char host[INET6_ADDRSTRLEN];

        inet_ntop(client->sa.sa_family, is_six ? (const void *)&client->in6.sin6_addr : &client->in.sin_addr, host,
                  sizeof host);
        count(&w->counters, COUNTER_clients_crowded, 1);
        log_say(level, "client %s %s", host, why);
        hand_back(w->proxy, client, QUOTA_SECONDS);
}

/* What nobody foresaw is taken to say something of the destination. */
void proxy_unconnected(struct worker *w, const struct client *c, int error)
{
        switch (error) {
        case EADDRNOTAVAIL: /* with the address that is used there is no port left */
        case EADDRINUSE:
                if (w->proxy->config->origin.spoof_client)
                        hand_back_client(w, &c->peer, LOG_INFO,
                                         "cannot be connected for: its new connections go direct for a while");
                else
                        proxy_bypass(w, &c->destination);
                break;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
                proxy_overload(w->proxy);
                break;
        default:
                proxy_bypass(w, &c->destination);
        }
}

void proxy_admitted(struct worker *w, const union address *client)
{
        struct proxy *p = w->proxy;

        if (quota_enter(p->quota, client, w->wheel.now * 1000))
                hand_back_client(w, client, LOG_NOTICE,
                                 "has too many connections: its new ones go direct until it has fewer");
        if (atomic_fetch_add_explicit(&p->connections, 1, memory_order_relaxed) + 1 >= p->connections_max)
                proxy_overload(p);
}

void proxy_left(struct proxy *p, const union address *client)
{
        quota_leave(p->quota, client);
        atomic_fetch_sub_explicit(&p->connections, 1, memory_order_relaxed);
}

/* Open again once a tenth of the places is free. */
void proxy_tend_gate(struct proxy *p, int64_t now_ms)
{
        if (atomic_load_explicit(&p->connections, memory_order_relaxed) <= p->connections_max / 10 * 9)
                atomic_store(&p->overloaded, false);
        quota_tend(p->quota, now_ms, hand_back, p);
}

/* It says how things are, not what has changed: a word may be lost where the channel is full, and those of two threads
 * may pass each other. */
void proxy_beat(const struct proxy *p)
{
        proxy_tell_warden(
                p, (struct channel_message){.kind = CHANNEL_HEARTBEAT, .value = atomic_load(&p->overloaded) ? 1 : 0});
}
