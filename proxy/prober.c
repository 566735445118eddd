/* The warden's side of the self-test, and the prober itself: a process without any privilege that lives for as long as
 * one test. */
#include "proxy/prober.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/log.h"
#include "proxy/privilege.h"
#include "setup/bridge.h"
#include "setup/probe.h"
#include "setup/sysctl.h"

enum {
        SIX = 0x10,                      /* in the prober's exit status: the stage is that of IPv6 */
        FAMILIES = 2,                    /* tried one after the other */
        LIMIT_S = 4 * PROBE_SECONDS + 1, /* connect and read, twice */
        ELEMENT_S = LIMIT_S + 2,         /* in the gate */
        LOOK_MS = 1000                   /* from one look at the bridges to the next */
};

/* ---- the prober ----------------------------------------------------------------------------------------------------
 */

static enum stage connected(int fd, uint16_t port, int family)
{
        struct sockaddr_storage to;
        socklen_t len = probe_destination(family, port, &to);
        const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

        /* The first ends what the last test has left: connect(2). */
        if (connect(fd, &nowhere, sizeof nowhere) != 0)
                return STAGE_UNSENT;
        if (connect(fd, (const struct sockaddr *)&to, len) == 0)
                return STAGE_ANSWERED;
        switch (errno) {
        case ECONNREFUSED:
        case ECONNRESET:
        case EHOSTUNREACH:
        case EACCES:
                return STAGE_REFUSED;
        case EINPROGRESS: /* the time is up: socket(7) */
        case EAGAIN:
        case ETIMEDOUT:
                return STAGE_SWALLOWED;
        default:
                return STAGE_UNSENT;
        }
}

static enum stage try(int fd, uint16_t port, int family, const struct probe_token *t)
{
        enum stage stage = connected(fd, port, family);
        unsigned char answer[PROBE_WORD];

        if (stage != STAGE_ANSWERED)
                return stage;
        if (send(fd, t->question, sizeof t->question, MSG_NOSIGNAL) != (ssize_t)sizeof t->question ||
            recv(fd, answer, sizeof answer, MSG_WAITALL) != (ssize_t)sizeof answer)
                return STAGE_UNACCEPTED;
        return memcmp(answer, t->answer, sizeof answer) == 0 ? STAGE_ANSWERED : STAGE_UNACCEPTED;
}

/* IPv6 may have been switched off on the machine since the beginning: then nothing of it is intercepted. */
static int be_prober(const struct prober *p, const struct config *config, pid_t warden)
{
        int fds[FAMILIES] = {probe_socket(p->probe, AF_INET), sysctl_ipv6() ? probe_socket(p->probe, AF_INET6) : -1};
        uint16_t port = config->setup.ports[0];
        const char *why;

        alarm(LIMIT_S);
        privilege_close(fds[0], fds[1]);
        if (privilege_prober(config, &why) != 0 || getppid() != warden)
                return STAGE_UNSENT;
        for (int i = 0; i < FAMILIES && fds[i] >= 0; i++) {
                enum stage stage = try(fds[i], port, i ? AF_INET6 : AF_INET, &p->token);

                if (stage != STAGE_ANSWERED)
                        return (int)stage | (i ? SIX : 0);
        }
        return STAGE_ANSWERED;
}

/* ---- the warden's side ---------------------------------------------------------------------------------------------
 */

static const char *describe(enum stage stage)
{
        switch (stage) {
        case STAGE_REFUSED:
                return "its connection was refused: the rules found no listener for it, or a firewall refuses it";
        case STAGE_SWALLOWED:
                return "nobody answered its SYN: a firewall (an INPUT chain that drops by default?) must let in what "
                       "is intercepted, also from " PROBE_LINK;
        case STAGE_UNACCEPTED:
                return "a socket answered, but no worker of the proxy took the connection";
        case STAGE_UNHEARD:
                return "a worker took the connection, but its answer was lost";
        case STAGE_NONE:
        case STAGE_ANSWERED:
        case STAGE_BRIDGED:
        case STAGE_UNSENT:
                break;
        }
        return "its connection could not be tried";
}

static void cancel(struct prober *p)
{
        if (!p->child)
                return;
        kill(p->child, SIGKILL);
        waitpid(p->child, NULL, 0);
        p->child = 0;
}

static void say_bridged(struct prober *p, const char *name, int64_t now)
{
        cancel(p);
        if (evidence_ended(&p->evidence, STAGE_BRIDGED, now))
                log_say(LOG_ERR,
                        "bridge %s hands its frames to iptables, and no intercepted connection of its clients would "
                        "ever be made; the gate is kept shut until bridge-nf-call-iptables and -ip6tables are 0",
                        name);
}

/* Once a second, since a container engine may come at any time and switch it on. */
static bool bridge_loses(struct prober *p, const struct setup_options *o, int64_t now)
{
        bool before = p->bridged;
        char name[IF_NAMESIZE];

        if (p->looked && now - p->looked < LOOK_MS)
                return p->bridged;
        p->looked = now;
        p->bridged = bridge_calls(o, name);
        if (p->bridged && !before)
                say_bridged(p, name, now);
        else if (before && !p->bridged)
                evidence_lost(&p->evidence, now);
        return p->bridged;
}

static void end(struct prober *p, int status, int64_t now)
{
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : STAGE_UNSENT;
        enum stage stage = (enum stage)(code & ~SIX);

        if (stage == STAGE_UNACCEPTED && p->accepted)
                stage = STAGE_UNHEARD;
        p->child = 0;
        if (!evidence_ended(&p->evidence, stage, now))
                return;
        if (stage == STAGE_ANSWERED)
                log_say(LOG_NOTICE, "self-test: a connection has come through");
        else
                log_say(LOG_ERR, "self-test over IPv%c: %s; the gate is kept shut, and the test is repeated",
                        code & SIX ? '6' : '4', describe(stage));
}

/* After a failure the link may be what failed: it is made anew, as where somebody has removed it. */
static int ready(struct prober *p, struct gate *gate)
{
        bool doubtful = p->evidence.pause_ms || if_nametoindex(PROBE_LINK) == 0;
        int error = doubtful ? -probe_relink(p->probe) : 0;

        return error ? error : gate_probe(gate, PROBE_LINK, ELEMENT_S);
}

static void begin(struct prober *p, const struct config *config, struct gate *gate, int64_t now)
{
        pid_t warden = getpid();
        int error = ready(p, gate);

        p->accepted = false;
        p->child = error ? -1 : fork();
        if (p->child == 0)
                _exit(be_prober(p, config, warden));
        evidence_begun(&p->evidence);
        if (p->child > 0)
                return;
        log_errno(LOG_DEBUG, error ? error : errno, "the prober cannot be started");
        end(p, STAGE_UNSENT << 8, now);
}

bool prober_tend(struct prober *p, const struct config *config, struct gate *gate, bool alive, int64_t now)
{
        int status;

        if (!p->probe)
                return alive;
        if (!alive) {
                if (p->child)
                        prober_lost(p, now); /* its failure would be no evidence */
                return false;
        }
        if (bridge_loses(p, &config->setup, now))
                return false;
        if (p->child && waitpid(p->child, &status, WNOHANG) == p->child)
                end(p, status, now);
        if (evidence_due(&p->evidence, now))
                begin(p, config, gate, now);
        return p->evidence.there;
}

void prober_accepted(struct prober *p)
{
        p->accepted = true;
}

void prober_lost(struct prober *p, int64_t now)
{
        cancel(p);
        evidence_lost(&p->evidence, now);
}

int prober_open(struct prober *p, const struct config *config)
{
        struct setup_text why = {NULL, 0, 0};
        int error;

        *p = (struct prober){0};
        if (config->manual || !config->setup.self_test)
                return 0;
        if (getrandom(&p->token, sizeof p->token, 0) != (ssize_t)sizeof p->token)
                return errno;
        error = -probe_open(&p->probe, (struct probe_place){PROBE_SELF, 0}, config->setup.ipv6, &why);
        if (error)
                log_say(LOG_ERR, "the self-test cannot be made (self_test = false does without): %s",
                        why.len ? why.at : strerror(error));
        setup_text_free(&why);
        return error;
}

void prober_close(struct prober *p)
{
        cancel(p);
        if (p->probe)
                probe_free(&p->probe);
}
