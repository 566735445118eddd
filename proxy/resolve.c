/* c-ares with a channel for each query. A channel is copied from the first one (ares_dup), which has read the options
 * of /etc/resolv.conf before the proxy was confined, and is told of other resolvers. Names are asked for as they are:
 * no search list, no /etc/hosts. */
#include "proxy/resolve.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/resolve_socket.h"
#include "proxy/resolvers.h"

struct resolver {
        ares_channel pattern; /* which tries the next resolver where one refuses or has failed */
        ares_channel probe;   /* for which that is an answer as well */
        ares_channel stream;  /* the pattern, by TCP */
        const struct config *config;
};

struct query {
        ares_channel channel;
        const struct resolver *resolver;
        struct resolve_sockets sockets;
        struct answer answer;
        bool stream;
        char name[NAME_TEXT];
};

static bool set_resolvers(ares_channel channel, const struct resolvers *r)
{
        struct ares_addr_node nodes[RESOLVERS_MAX] = {0};

        for (size_t i = 0; i < r->count; i++) {
                const union address *a = &r->at[i];

                nodes[i].family = a->sa.sa_family;
                nodes[i].next = i + 1 < r->count ? &nodes[i + 1] : NULL;
                if (nodes[i].family == AF_INET6)
                        memcpy(&nodes[i].addr.addr6, &a->in6.sin6_addr, sizeof a->in6.sin6_addr);
                else
                        nodes[i].addr.addr4 = a->in.sin_addr;
        }
        return ares_set_servers(channel, nodes) == ARES_SUCCESS;
}

static bool open_channel(ares_channel *channel, int flags, const struct resolvers *r)
{
        struct ares_options o = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | flags,
                                 .timeout = QUERY_TIMEOUT_MS,
                                 .tries = 2,
                                 .lookups = (char[]){"b"}};
        int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS;

        return ares_init_options(channel, &o, given) == ARES_SUCCESS && (!r->count || set_resolvers(*channel, r));
}

struct resolver *resolver_new(const struct resolvers *known, const struct config *config)
{
        struct resolver *r = calloc(1, sizeof *r);

        if (!r)
                return NULL;
        if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
                free(r);
                return NULL;
        }
        r->config = config;
        if (!open_channel(&r->pattern, 0, known) || !open_channel(&r->probe, ARES_FLAG_NOCHECKRESP, known) ||
            !open_channel(&r->stream, ARES_FLAG_USEVC, known))
                resolver_free(&r);
        return r;
}

bool resolver_set(struct resolver *r, const struct resolvers *known)
{
        return set_resolvers(r->pattern, known) && set_resolvers(r->probe, known) && set_resolvers(r->stream, known);
}

void resolver_free(struct resolver **held)
{
        struct resolver *r = *held;

        *held = NULL;
        if (!r)
                return;
        if (r->pattern)
                ares_destroy(r->pattern);
        if (r->probe)
                ares_destroy(r->probe);
        if (r->stream)
                ares_destroy(r->stream);
        ares_library_cleanup();
        free(r);
}

/* ---- answers -------------------------------------------------------------------------------------------------------
 */

/* What comes of a query that was given up is nobody's. Anything that is not about sending and receiving was said by a
 * resolver. */
static enum resolved resolved_without(int status)
{
        switch (status) {
        case ARES_ETIMEOUT:
        case ARES_ECONNREFUSED:
        case ARES_ENOMEM:
        case ARES_EDESTRUCTION:
        case ARES_ECANCELLED:
                return RESOLVED_SILENT;
        default:
                return RESOLVED_NONE;
        }
}

static uint32_t least_ttl(const struct ares_addrinfo *info)
{
        int ttl = INT32_MAX;

        for (const struct ares_addrinfo_cname *c = info->cnames; c; c = c->next)
                ttl = c->ttl < ttl ? c->ttl : ttl;
        return ttl > 0 ? (uint32_t)ttl : 0;
}

static void take_address(struct answer *a, const struct ares_addrinfo_node *n, uint32_t most)
{
        struct answer_address *to = &a->addresses[a->count];
        uint32_t ttl = n->ai_ttl > 0 ? (uint32_t)n->ai_ttl : 0;

        if (a->count == QUERY_ADDRESSES || (n->ai_family != AF_INET && n->ai_family != AF_INET6))
                return;
        *to = (struct answer_address){.ttl = ttl < most ? ttl : most};
        memcpy(&to->address, n->ai_addr, n->ai_family == AF_INET6 ? sizeof to->address.in6 : sizeof to->address.in);
        a->count++;
}

static void addresses_came(void *context, int status, int timeouts, struct ares_addrinfo *info)
{
        struct query *q = context;

        (void)timeouts;
        q->answer.resolved = status == ARES_SUCCESS ? RESOLVED_NONE : resolved_without(status);
        for (const struct ares_addrinfo_node *n = info ? info->nodes : NULL; n; n = n->ai_next)
                take_address(&q->answer, n, least_ttl(info));
        if (q->answer.count)
                q->answer.resolved = RESOLVED_ADDRESSES;
        if (info)
                ares_freeaddrinfo(info);
}

static void anything_came(void *context, int status, int timeouts, unsigned char *message, int len)
{
        struct query *q = context;

        (void)timeouts;
        (void)message;
        (void)len;
        q->answer.resolved = status == ARES_SUCCESS ? RESOLVED_NONE : resolved_without(status);
}

/* ---- queries -------------------------------------------------------------------------------------------------------
 */

/* Whether a resolver answers teaches nothing, wherever the answer comes from. */
static bool send_query(struct query *q)
{
        struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT};
        const struct resolver *r = q->resolver;
        bool probe = strcmp(q->name, ".") == 0;

        if (ares_dup(&q->channel, probe ? r->probe : q->stream ? r->stream : r->pattern) != ARES_SUCCESS)
                return false;
        if (probe) {
                ares_query(q->channel, q->name, ns_c_in, ns_t_ns, anything_came, q);
        } else {
                resolve_sockets_use(&q->sockets, q->channel);
                ares_getaddrinfo(q->channel, q->name, NULL, &hints, addresses_came, q);
        }
        return true;
}

struct query *query_start(struct resolver *r, const char *name)
{
        struct query *q = calloc(1, sizeof *q);

        if (!q)
                return NULL;
        q->resolver = r;
        q->sockets.config = r->config;
        snprintf(q->name, sizeof q->name, "%s", name);
        if (!send_query(q)) {
                free(q);
                return NULL;
        }
        return q;
}

/* Nobody can forge a stream who does not see it. */
static void ask_by_stream(struct query *q)
{
        ares_destroy(q->channel);
        q->channel = NULL;
        q->stream = true;
        q->answer = (struct answer){.resolved = RESOLVED_PENDING};
        if (!send_query(q))
                q->answer.resolved = RESOLVED_SILENT;
}

void query_free(struct query **held)
{
        struct query *q = *held;

        *held = NULL;
        if (!q)
                return;
        if (q->channel)
                ares_destroy(q->channel);
        free(q);
}

int query_fds(const struct query *q, struct pollfd fds[QUERY_FDS])
{
        ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
        int mask = q->channel ? ares_getsock(q->channel, sockets, QUERY_FDS) : 0, count = 0;

        for (int i = 0; i < QUERY_FDS; i++) { /* the macro shifts the sign bit of the sixteenth */
                short events = (short)((ARES_GETSOCK_READABLE(mask, i) ? POLLIN : 0) |
                                       (ARES_GETSOCK_WRITABLE(mask, i) ? POLLOUT : 0));

                if (events)
                        fds[count++] = (struct pollfd){.fd = sockets[i], .events = events};
        }
        return count;
}

int query_wait(const struct query *q, int most)
{
        struct timeval bound = {most / 1000, most % 1000 * 1000L}, left;
        const struct timeval *t;

        if (q->answer.resolved != RESOLVED_PENDING)
                return 0;
        t = ares_timeout(q->channel, &bound, &left);
        return (int)(t->tv_sec * 1000 + (t->tv_usec + 999) / 1000);
}

const struct answer *query_run(struct query *q, const struct pollfd *fds, int count)
{
        const short in = POLLIN | POLLERR | POLLHUP;

        for (int i = 0; i < count && q->answer.resolved == RESOLVED_PENDING; i++)
                if (fds[i].revents)
                        ares_process_fd(q->channel, fds[i].revents & in ? fds[i].fd : ARES_SOCKET_BAD,
                                        fds[i].revents & POLLOUT ? fds[i].fd : ARES_SOCKET_BAD);
        if (q->sockets.dropped && !q->stream && q->answer.resolved != RESOLVED_ADDRESSES)
                ask_by_stream(q);
        else if (q->answer.resolved == RESOLVED_PENDING) /* what is late */
                ares_process_fd(q->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        return &q->answer;
}

bool resolve_askable(const char *host, size_t len)
{
        size_t label = 0;
        bool number = true;

        if (!len || len >= NAME_TEXT)
                return false;
        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)host[i];

                if (c == '.') {
                        if (!label)
                                return false;
                        label = 0;
                        number = true;
                        continue;
                }
                if ((!isalnum(c) && c != '-' && c != '_') || ++label > 63)
                        return false;
                number = number && isdigit(c);
        }
        return label && !number;
}
