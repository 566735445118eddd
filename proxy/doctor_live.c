#include "proxy/doctor_live.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/address.h"
#include "proxy/doctor_datagram.h"
#include "setup/probe.h"
#include "setup/sysctl.h"

enum {
        GATE_SECONDS = 40, /* longer than both tests take */
        ORIGIN_MS = 3000,  /* until the origin is asked */
        HEAD_MAX = 4096,
        FAMILIES = 2
};

/* How far a request came. */
enum live {
        LIVE_WHOLE,
        LIVE_UNTRIED,
        LIVE_SWALLOWED,
        LIVE_REFUSED,
        LIVE_UNASKED,
        LIVE_UNHEARD,
        LIVE_PASSED_BY,
        LIVE_RENAMED
};

static const struct {
        enum doctor_severity severity;
        const char *what, *why, *mend;
} ends[] = {
        [LIVE_UNTRIED] = {DOCTOR_WARNING, "it could not be tried", "whether connections come through is not known",
                          "run doctor as root"},
        [LIVE_SWALLOWED] = {DOCTOR_BROKEN, "nobody answered the client's SYN",
                            "what is intercepted passes INPUT, as packets for foreign addresses",
                            "nft list ruleset; then let INPUT accept what carries intercept.mark"},
        [LIVE_REFUSED] = {DOCTOR_BROKEN, "the client's connection was refused",
                          "the rules found no listener for it, or a firewall refuses it", "ss -tlnp; nft list ruleset"},
        [LIVE_UNASKED] = {DOCTOR_BROKEN, "Limpid took the request, and its origin was never asked",
                          "what Limpid sends with a client's address is dropped, or the answer to it is not handed to "
                          "Limpid",
                          "nft list ruleset; look for what drops in OUTPUT and PREROUTING, and at rp_filter"},
        [LIVE_UNHEARD] = {DOCTOR_BROKEN, "the origin answered, and the client got nothing of it",
                          "what comes back from servers is not handed to Limpid, or not let out to clients",
                          "nft list ruleset; look for what drops in PREROUTING and OUTPUT"},
        [LIVE_PASSED_BY] = {DOCTOR_BROKEN, "the request reached its origin without Limpid",
                            "the rules do not intercept it: nothing is saved",
                            "limpid setup check; then look at intercept.match and the bypass lists"},
        [LIVE_RENAMED] = {DOCTOR_WARNING, "the origin did not see the client's own address",
                          "servers take all clients for one, and lock them out together",
                          "nft list ruleset; let masquerading say by which link (oifname)"},
};

struct live_test {
        const struct config *config;
        struct probe *client, *origin;
        unsigned pair;
        int family;
        int listener; /* the origin's */
};

/* ---- the origin ----------------------------------------------------------------------------------------------------
 */

/* Reads until what ends a head, or there is no more. Returns the length; `at` ends with NUL. */
static size_t read_head(int fd, char at[HEAD_MAX])
{
        size_t len = 0;
        ssize_t n = 1;

        at[0] = 0;
        while (n > 0 && len < HEAD_MAX - 1 && !strstr(at, "\r\n\r\n")) {
                n = recv(fd, at + len, HEAD_MAX - 1 - len, 0);
                if (n > 0)
                        len += (size_t)n;
                at[len] = 0;
        }
        return len;
}

static socklen_t address_of_origin(const struct live_test *t, struct sockaddr_storage *to)
{
        return probe_address((struct probe_place){PROBE_ORIGIN, t->pair}, t->family, t->config->setup.ports[0], to);
}

static bool listens(struct live_test *t)
{
        struct sockaddr_storage own;
        socklen_t len = address_of_origin(t, &own);

        t->listener = probe_socket(t->origin, t->family);
        return t->listener >= 0 && bind(t->listener, (const struct sockaddr *)&own, len) == 0 &&
               listen(t->listener, 1) == 0;
}

/* Whether the origin is asked, before the client hears anything. */
static bool is_asked(const struct live_test *t, int client)
{
        struct pollfd fds[] = {{t->listener, POLLIN, 0}, {client, POLLIN, 0}};

        return poll(fds, 2, ORIGIN_MS) > 0 && fds[0].revents & POLLIN;
}

/* Answers one request; *own: it came from the client's address. */
static bool answers(const struct live_test *t, bool *own)
{
        static const char reply[] = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 3\r\n"
                                    "Connection: close\r\n\r\nok\n";
        struct timeval limit = {PROBE_SECONDS, 0};
        struct sockaddr_storage peer = {0};
        socklen_t len = sizeof peer;
        char head[HEAD_MAX];
        int fd = accept4(t->listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
        bool answered;

        if (fd < 0)
                return false;
        *own = probe_is_at((struct probe_place){PROBE_CLIENT, t->pair}, (const struct sockaddr *)&peer);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        answered =
                read_head(fd, head) > 0 && send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL) == (ssize_t)sizeof reply - 1;
        close(fd);
        return answered;
}

/* ---- the client ----------------------------------------------------------------------------------------------------
 */

static enum live connects(const struct live_test *t, int client)
{
        struct sockaddr_storage to;
        socklen_t len = address_of_origin(t, &to);

        if (connect(client, (const struct sockaddr *)&to, len) == 0)
                return LIVE_WHOLE;
        switch (errno) {
        case ECONNREFUSED:
        case ECONNRESET:
        case EHOSTUNREACH:
        case EACCES:
                return LIVE_REFUSED;
        case EINPROGRESS: /* the time is up: socket(7) */
        case EAGAIN:
        case ETIMEDOUT:
                return LIVE_SWALLOWED;
        default:
                return LIVE_UNTRIED;
        }
}

static bool asks(const struct live_test *t, int client)
{
        char host[ADDRESS_TEXT], request[HEAD_MAX];
        struct sockaddr_storage to;
        union address address = {0};
        int len;

        len = (int)address_of_origin(t, &to);
        memcpy(&address, &to, (size_t)len);
        len = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                       address_text(&address, host));
        return send(client, request, (size_t)len, MSG_NOSIGNAL) == len;
}

static enum live try(struct live_test *t)
{
        int client = probe_socket(t->client, t->family);
        enum live end = listens(t) ? connects(t, client) : LIVE_UNTRIED;
        char head[HEAD_MAX];
        bool own = false;

        if (end != LIVE_WHOLE)
                return end;
        if (!asks(t, client) || !is_asked(t, client) || !answers(t, &own))
                return LIVE_UNASKED;
        if (!read_head(client, head))
                return LIVE_UNHEARD;
        if (!strcasestr(head, "\r\nCache-Status:")) /* Limpid says it in every reply */
                return LIVE_PASSED_BY;
        return own || !t->config->origin.spoof_client ? LIVE_WHOLE : LIVE_RENAMED;
}

/* ---- the test ------------------------------------------------------------------------------------------------------
 */

static void say_end(const struct live_test *t, enum live end, void (*tell)(void *, const struct finding *),
                    void *context)
{
        char what[128];

        if (end == LIVE_WHOLE) {
                printf("live test over IPv%c: a request came through Limpid to its origin%s, and its answer back\n",
                       t->family == AF_INET6 ? '6' : '4',
                       t->config->origin.spoof_client ? " from the client's own address" : "");
                return;
        }
        snprintf(what, sizeof what, "live test over IPv%c: %s", t->family == AF_INET6 ? '6' : '4', ends[end].what);
        tell(context, &(struct finding){ends[end].severity, what, ends[end].why, ends[end].mend});
}

/* The origin is new to everybody. */
static int prove(struct gate *gate, const struct config *config, unsigned pair)
{
        struct sockaddr_storage to = {0};

        probe_address((struct probe_place){PROBE_ORIGIN, pair}, AF_INET6, config->setup.ports[0], &to);
        return gate_prove(gate, (const struct sockaddr_in6 *)&to, GATE_SECONDS);
}

/* The client's link is let into the gate for as long as the test takes. */
static int open_gate(const struct config *config, const char *link, unsigned pair, bool ipv6)
{
        struct gate *gate;
        int error = gate_open_handle(&gate, &config->setup, false);

        if (error)
                return error;
        error = gate_probe(gate, link, GATE_SECONDS);
        if (!error && ipv6 && config->setup.prove_ipv6)
                error = prove(gate, config, pair);
        gate_free(&gate);
        return error;
}

static void dissolve(struct live_test *t)
{
        if (t->client)
                probe_free(&t->client);
        if (t->origin)
                probe_free(&t->origin);
}

/* The first pair that no other doctor has. What a killed one left is there for a moment. */
static bool assemble(struct live_test *t, bool ipv6)
{
        int error = -EEXIST;

        for (t->pair = 0; error == -EEXIST && t->pair < PROBE_PAIRS; t->pair++) {
                struct setup_text why = {NULL, 0, 0};

                error = probe_open(&t->client, (struct probe_place){PROBE_CLIENT, t->pair}, ipv6, &why);
                if (!error)
                        error = probe_open(&t->origin, (struct probe_place){PROBE_ORIGIN, t->pair}, ipv6, &why);
                setup_text_free(&why);
                if (!error)
                        return open_gate(t->config, probe_link(t->client), t->pair, ipv6) == 0;
                dissolve(t);
        }
        return false;
}

void doctor_live(const struct config *config, void (*tell)(void *, const struct finding *), void *context)
{
        bool ipv6 = config->setup.ipv6 && sysctl_ipv6();
        struct live_test t = {.config = config};
        bool ready = assemble(&t, ipv6);

        for (int i = 0; i < (ipv6 ? FAMILIES : 1); i++) {
                t.family = i ? AF_INET6 : AF_INET;
                t.listener = -1;
                say_end(&t, ready ? try(&t) : LIVE_UNTRIED, tell, context);
                if (ready)
                        doctor_datagram(&(struct datagram_test){config, t.client, t.origin, t.pair, t.family}, tell,
                                        context);
        }
        dissolve(&t);
}
