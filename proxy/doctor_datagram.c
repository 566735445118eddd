#include "proxy/doctor_datagram.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy/address.h"
#include "setup/plan.h"

enum { AGAIN_MS = 1000 }; /* until one is sent again */

enum datagram_end {
        DATAGRAM_WHOLE,
        DATAGRAM_UNTRIED,
        DATAGRAM_LOST,
        DATAGRAM_UNHEARD,
        DATAGRAM_PASSED_BY,
        DATAGRAM_RENAMED
};

static const struct {
        enum doctor_severity severity;
        const char *what, *why, *mend;
} ends[] = {
        [DATAGRAM_UNTRIED] = {DOCTOR_WARNING, "a datagram could not be tried", "whether they are relayed is not known",
                              "run doctor as root"},
        [DATAGRAM_LOST] = {DOCTOR_BROKEN, "a datagram did not reach its origin",
                           "what is intercepted passes INPUT, and what Limpid sends passes OUTPUT",
                           "nft list ruleset; then let INPUT accept what carries intercept.mark"},
        [DATAGRAM_UNHEARD] = {DOCTOR_BROKEN, "the origin answered a datagram, and the client got nothing of it",
                              "what comes back from servers is not handed to Limpid, or not let out to clients",
                              "nft list ruleset; look for what drops in PREROUTING and OUTPUT"},
        [DATAGRAM_PASSED_BY] = {DOCTOR_BROKEN, "a datagram reached its origin without Limpid",
                                "another program has this port to itself, or the rules do not intercept it",
                                "ss -ulnp; limpid setup check; then look at intercept.match and the bypass lists"},
        [DATAGRAM_RENAMED] = {DOCTOR_WARNING, "the origin did not see the client's own address in a datagram",
                              "servers take all clients for one",
                              "nft list ruleset; let masquerading say by which link "
                              "(oifname)"},
};

static uint16_t port_of(const struct config *c)
{
        return c->setup.udp_port_count ? c->setup.udp_ports[0] : 53;
}

static bool sends(int fd, const union address *to)
{
        return sendto(fd, "limpid", 6, 0, &to->sa, address_len(to)) == 6;
}

static bool hears(int fd, union address *from)
{
        socklen_t len = sizeof *from;
        char what[16];

        *from = (union address){0};
        return recvfrom(fd, what, sizeof what, 0, &from->sa, &len) == 6 && memcmp(what, "limpid", 6) == 0;
}

/* Where nothing can be sent in the origin's name Limpid finds that out with the first one, which is lost; the next goes
 * direct. */
static bool reaches(int client, int origin, const union address *there, union address *peer)
{
        struct pollfd fd = {origin, POLLIN, 0};

        return (poll(&fd, 1, AGAIN_MS) > 0 || sends(client, there)) && hears(origin, peer);
}

static enum datagram_end try(const struct datagram_test *t)
{
        int client = probe_datagrams(t->client, t->family), origin = probe_datagrams(t->origin, t->family);
        union address there = {0}, own = {0}, peer, from;
        struct sockaddr_storage to = {0};
        socklen_t len = sizeof own;

        probe_address((struct probe_place){PROBE_ORIGIN, t->pair}, t->family, port_of(t->config), &to);
        memcpy(&there, &to, sizeof there);
        if (bind(origin, &there.sa, address_len(&there)) != 0 || !sends(client, &there) ||
            getsockname(client, &own.sa, &len) != 0)
                return DATAGRAM_UNTRIED;
        if (!reaches(client, origin, &there, &peer))
                return DATAGRAM_LOST;
        if (address_port(&peer) == address_port(&own)) /* Limpid takes one of its own for each flow */
                return DATAGRAM_PASSED_BY;
        if (!sends(origin, &peer) || !hears(client, &from) || !address_equal(&from, &there))
                return DATAGRAM_UNHEARD;
        return probe_is_at((struct probe_place){PROBE_CLIENT, t->pair}, &peer.sa) || !t->config->origin.spoof_client
                       ? DATAGRAM_WHOLE
                       : DATAGRAM_RENAMED;
}

void doctor_datagram(const struct datagram_test *t, void (*tell)(void *, const struct finding *), void *context)
{
        char version = t->family == AF_INET6 ? '6' : '4', what[128];
        enum datagram_end end;

        if (!plan_datagrams(&t->config->setup))
                return;
        end = try(t);
        if (end == DATAGRAM_WHOLE) {
                printf("live test over IPv%c: a datagram came through Limpid to its origin, and its answer back\n",
                       version);
                return;
        }
        snprintf(what, sizeof what, "live test over IPv%c: %s", version, ends[end].what);
        tell(context, &(struct finding){ends[end].severity, what, ends[end].why, ends[end].mend});
}
