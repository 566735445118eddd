/* The warden: applies the set-up, starts the proxy, keeps the gate open for as long as the proxy shows signs of life,
 * and takes everything down at the end. One thread, one poll(2) over the signals and the channel; what to do when is
 * decided in vigil.c. It reads nothing from the network, and of the proxy only fixed messages. */
#include "proxy/warden.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/clock.h"
#include "proxy/instance.h"
#include "proxy/log.h"
#include "proxy/notify.h"
#include "proxy/reload.h"
#include "proxy/trusted.h"
#include "setup/cookies.h"

enum {
        DRAIN_MS = 30000, /* how long running exchanges may take at the end of a proxy that is told to end */
        COUNT_MS = 250    /* from one look at the kernel's counters to the next */
};

/* ---- the gate ------------------------------------------------------------------------------------------------------
 */

static void set_gate(struct warden *w, bool open)
{
        if (w->open == open)
                return;
        w->open = open;
        log_say(LOG_NOTICE, "the gate is %s",
                open                           ? "open: connections are intercepted"
                : w->config->setup.fail_closed ? "shut: connections are refused"
                                               : "shut: connections go direct");
        warden_tell(w, CHANNEL_GATE, open);
}

static void shut_gate(struct warden *w)
{
        int error = w->gate && w->open ? gate_shut(w->gate) : 0;

        if (error)
                log_errno(LOG_ERR, error, "the gate cannot be shut at once; it shuts by itself in %d s", VIGIL_GATE_S);
        set_gate(w, false);
}

/* Said once for each failure that is another one than before. */
static void renew_gate(struct warden *w)
{
        int error = gate_renew(w->gate, VIGIL_GATE_S);

        if (error == ENOENT && w->config->manual) /* the operator's rules ask no gate */
                return;
        if (error && error != w->gate_error)
                log_errno(LOG_ERR, error, "the gate cannot be opened");
        w->gate_error = error;
        set_gate(w, !error);
}

static bool listed(const char *name, char names[][IF_NAMESIZE], size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

static void look_for_interfaces(struct warden *w)
{
        char missing[INTERFACES_MAX][IF_NAMESIZE];
        size_t count = gate_missing(w->gate, missing, INTERFACES_MAX);

        for (size_t i = 0; i < w->config->setup.interface_count && i < INTERFACES_MAX; i++) {
                const char *name = w->config->setup.interfaces[i];
                bool gone = listed(name, missing, count);

                if (gone && !w->missing[i])
                        log_say(LOG_WARNING, "interface %s does not exist: waiting for it", name);
                else if (!gone && w->missing[i])
                        log_say(LOG_NOTICE, "interface %s is there", name);
                w->missing[i] = gone;
        }
}

static void look_for_cookies(struct warden *w, int64_t now)
{
        uint64_t sent;
        bool ours;

        if (now - w->counted < COUNT_MS)
                return;
        w->counted = now;
        if (!cookies_sent(&sent))
                return;
        ours = sent == w->vigil.cookies || cookies_ours(&w->config->setup);
        if (!ours)
                log_say(LOG_DEBUG, "the kernel answers SYNs by cookie, but not those that are intercepted");
        if (vigil_cookies(&w->vigil, sent, ours, now))
                log_say(LOG_WARNING,
                        "more connections are being made than the kernel keeps (a flood?), and it answers by cookie; "
                        "new ones go direct for %u s",
                        w->vigil.flood_ms / 1000);
}

static void tend_gate(struct warden *w, int64_t now)
{
        if (!w->gate)
                return;
        look_for_cookies(w, now);
        if (!prober_tend(&w->prober, w->config, w->gate, vigil_gate(&w->vigil, now), now)) {
                shut_gate(w);
                w->renewal = now;
        } else if (now >= w->renewal || !w->open) {
                renew_gate(w);
                look_for_interfaces(w);
                w->renewal = now + VIGIL_RENEW_MS;
        }
}

/* Rules made anew have an empty gate, and may be what a test connection fails on. */
static void look_after_setup(struct warden *w, int64_t now)
{
        if (!w->gate || w->config->manual || w->vigil.draining || !upkeep_tend(&w->upkeep, now))
                return;
        w->renewal = now;
        evidence_doubted(&w->prober.evidence, now);
}

static int take_down(struct warden *w)
{
        if (!w->gate)
                return 0;
        gate_free(&w->gate);
        return w->config->manual ? 0 : upkeep_end(&w->config->setup);
}

/* ---- what the proxy cannot read ------------------------------------------------------------------------------------
 */

/* A proxy that is started gets them as they are. */
static void follow_resolvers(struct warden *w, int64_t now)
{
        if (w->config->dns.trusted_resolver_count)
                return;
        if (resolvers_reread(&w->resolvers, RESOLVERS_PATH, now / 1000))
                w->resolvers_told = false;
        if (!w->resolvers_told && w->channel >= 0)
                w->resolvers_told = trusted_tell(w->channel, &w->resolvers);
}

/* ---- the proxy's life ----------------------------------------------------------------------------------------------
 */

static void describe_end(const struct warden *w, int status)
{
        if (w->killed && w->vigil.draining) /* as was said */
                return;
        if (WIFSIGNALED(status))
                log_say(LOG_ERR, "the proxy was ended by signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
        else if (!w->vigil.draining || WEXITSTATUS(status))
                log_say(LOG_ERR, "the proxy has ended with status %d", WEXITSTATUS(status));
}

static void bury(struct warden *w, int64_t now)
{
        int status;

        if (w->child <= 0 || waitpid(w->child, &status, WNOHANG) != w->child)
                return;
        w->child = 0;
        if (w->channel >= 0)
                close(w->channel);
        w->channel = -1;
        describe_end(w, status);
        prober_lost(&w->prober, now);
        vigil_ended(&w->vigil, now);
        if (!w->vigil.draining)
                log_say(LOG_NOTICE, "the proxy is started again in %u ms", w->vigil.pause_ms);
}

static void tend_proxy(struct warden *w, int64_t now)
{
        if (vigil_hung(&w->vigil, now) && !w->killed) {
                log_say(LOG_ERR, "the proxy has hung: it is killed");
                kill(w->child, SIGKILL);
                w->killed = true;
        }
        if (!vigil_start_due(&w->vigil, now))
                return;
        if (warden_start_proxy(w) != 0) {
                vigil_ended(&w->vigil, now);
                return;
        }
        w->killed = false;
        w->resolvers_told = true;
        vigil_started(&w->vigil, now);
}

/* ---- signals -------------------------------------------------------------------------------------------------------
 */

/* First the gate, so that no new connection comes; then the proxy finishes what runs. */
static void drain(struct warden *w, int64_t now)
{
        w->vigil.draining = true;
        w->deadline = now + DRAIN_MS;
        shut_gate(w);
        warden_tell(w, CHANNEL_DRAIN, 0);
}

/* The second time it does not wait. In the middle of a reload the end is all that is left of it. */
static void begin_end(struct warden *w, int64_t now)
{
        bool draining = w->vigil.draining, reloading = w->next != NULL;

        config_free(&w->next);
        if (draining && !reloading) {
                if (w->child > 0 && !w->killed) {
                        log_say(LOG_NOTICE, "told to end again: what still runs is cut");
                        kill(w->child, SIGKILL);
                        w->killed = true;
                }
                return;
        }
        log_say(LOG_NOTICE, "ending: what runs may take %d s more", DRAIN_MS / 1000);
        notify("STOPPING=1");
        if (!draining)
                drain(w, now);
}

static void begin_reload(struct warden *w, int64_t now)
{
        bool draining = w->vigil.draining, reloading = w->next != NULL;

        if ((draining && !reloading) || !reload_begin(w))
                return;
        log_say(LOG_NOTICE, "reloading: what runs may take %d s more", DRAIN_MS / 1000);
        if (reloading)
                return;
        notify_reloading(now);
        drain(w, now);
}

static void obey(struct warden *w, int sign, int64_t now)
{
        switch (sign) {
        case SIGTERM:
        case SIGINT:
                begin_end(w, now);
                break;
        case SIGUSR1:
                warden_tell(w, CHANNEL_REOPEN, 0);
                break;
        case SIGHUP:
                begin_reload(w, now);
                break;
        default: /* SIGCHLD: looked for in every round */
                break;
        }
}

static void read_signals(struct warden *w, int64_t now)
{
        struct signalfd_siginfo s;

        while (read(w->signals, &s, sizeof s) == (ssize_t)sizeof s)
                obey(w, (int)s.ssi_signo, now);
}

/* ---- the loop ------------------------------------------------------------------------------------------------------
 */

/* Whether this is the end of the warden too, and not of one proxy that was told to end. */
static bool ended(struct warden *w, int64_t now)
{
        if (!w->vigil.draining)
                return false;
        if (w->child > 0 && now >= w->deadline && !w->killed) {
                log_say(LOG_WARNING, "the time is up: what still runs is cut");
                kill(w->child, SIGKILL);
                w->killed = true;
        }
        if (w->child > 0 || !w->next)
                return w->child <= 0;
        reload_finish(w);
        vigil_begin(&w->vigil, now);
        return false;
}

static int pause_length(const struct warden *w, int64_t now)
{
        int64_t next = vigil_next(&w->vigil, now);

        if (w->open && w->renewal > now && w->renewal < next)
                next = w->renewal;
        if (w->gate && w->upkeep.due > now && w->upkeep.due < next)
                next = w->upkeep.due;
        if (w->vigil.draining && w->deadline > now && w->deadline < next)
                next = w->deadline;
        return (int)(next - now);
}

static void wait_for_something(struct warden *w)
{
        struct pollfd fds[2 + SETUP_WATCH_FDS] = {{w->signals, POLLIN, 0}, {w->channel, POLLIN, 0}};
        nfds_t count = 2 + upkeep_fds(&w->upkeep, fds + 2);
        int64_t now;

        if (poll(fds, count, pause_length(w, clock_ms())) < 0)
                return;
        now = clock_ms();
        for (nfds_t i = 2; i < count; i++)
                if (fds[i].revents)
                        upkeep_heard(&w->upkeep, now);
        if (fds[1].revents)
                warden_listen(w, now);
        if (fds[0].revents)
                read_signals(w, now);
}

int warden_serve(struct warden *w)
{
        vigil_begin(&w->vigil, clock_ms());
        for (;;) {
                int64_t now = clock_ms();

                bury(w, now);
                if (ended(w, now))
                        break;
                tend_proxy(w, now);
                look_after_setup(w, now);
                tend_gate(w, now);
                follow_resolvers(w, now);
                if (now - w->told >= VIGIL_RENEW_MS) {
                        instance_tend(w->claim);
                        notify("WATCHDOG=1");
                        w->told = now;
                }
                wait_for_something(w);
        }
        return take_down(w) ? 1 : 0;
}
