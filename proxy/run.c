/* `limpid run`: what happens in which order before the warden watches, and how a process becomes the proxy. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/command.h"
#include "proxy/folders.h"
#include "proxy/instance.h"
#include "proxy/log.h"
#include "proxy/privilege.h"
#include "proxy/proxy.h"
#include "proxy/warden.h"

static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD};
enum { SIGNALS = sizeof signals / sizeof signals[0] };

/* They are read, one after the other, in the warden's loop. */
static int open_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < SIGNALS; i++)
                sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
                return -1;
        return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* ---- becoming the proxy --------------------------------------------------------------------------------------------
 */

/* A terminal's Ctrl-C and systemd reach all processes; to the proxy only the warden's word counts. */
static void ignore_signals(void)
{
        sigset_t none;

        for (size_t i = 0; i < SIGNALS; i++)
                signal(signals[i], signals[i] == SIGCHLD ? SIG_DFL : SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

static int be_proxy(const struct warden *w, int channel, pid_t warden)
{
        const struct config *config = w->config;
        const char *why = NULL;
        int error;

        ignore_signals();
        privilege_close(channel, channel);
        error = privilege_proxy(config, &why);
        if (error) {
                log_errno(LOG_ERR, error, "%s", why);
                return 1;
        }
        if (getppid() != warden) /* it ended before its end could be noticed */
                return 1;
        return proxy_run(config, channel, w->prober.probe ? &w->prober.token : NULL, &w->resolvers);
}

int warden_start_proxy(struct warden *w)
{
        pid_t warden = getpid();
        int pair[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
                log_errno(LOG_ERR, errno, "no channel to the proxy");
                return errno;
        }
        w->child = fork();
        if (w->child == 0)
                exit(be_proxy(w, pair[1], warden));
        close(pair[1]);
        if (w->child < 0) {
                int error = errno;

                log_errno(LOG_ERR, error, "the proxy cannot be started");
                close(pair[0]);
                w->child = 0;
                return error;
        }
        w->channel = pair[0];
        return 0;
}

/* ---- the command ---------------------------------------------------------------------------------------------------
 */

/* The warden's privileges are more than enough until the set-up is applied, and no more than needed afterwards. */
static int prepare(struct warden *w)
{
        const char *why = NULL;
        int error;

        w->signals = open_signals();
        if (w->signals < 0) {
                log_errno(LOG_ERR, errno, "signals cannot be read");
                return errno;
        }
        folders_make(w->config);
        resolvers_read(&w->resolvers, w->config, RESOLVERS_PATH);
        error = w->config->manual ? 0 : upkeep_apply(&w->config->setup);
        w->applied = !error && !w->config->manual;
        if (!error && (error = gate_open_handle(&w->gate, &w->config->setup, w->config->manual)) != 0)
                log_errno(LOG_ERR, error, "the gate cannot be reached");
        if (!error)
                error = prober_open(&w->prober, w->config);
        if (error)
                return error;
        if (!w->config->manual)
                upkeep_open(&w->upkeep, &w->config->setup);
        error = privilege_warden(w->config, &why);
        if (error)
                log_errno(LOG_ERR, error, "%s", why);
        return error;
}

/* Takes the configuration: another one may be in its place at the end. */
static int run(struct config **config, const char *path, int claim)
{
        struct warden w = {.path = path, .config = *config, .claim = claim, .channel = -1, .signals = -1};
        struct setup_text why = {NULL, 0, 0};
        int status = 1;

        *config = NULL;
        log_open(w.config->log.level);
        log_say(LOG_NOTICE, "limpid %s begins", LIMPID_VERSION);
        if (prepare(&w) == 0)
                status = warden_serve(&w);
        upkeep_close(&w.upkeep);
        prober_close(&w.prober);
        if (status != 0 && w.applied)
                setup_down(&w.config->setup, &why);
        if (status == 0)
                log_say(LOG_NOTICE, "limpid has ended");
        gate_free(&w.gate);
        setup_text_free(&why);
        if (w.signals >= 0)
                close(w.signals);
        config_free(&w.next);
        config_free(&w.config);
        return status;
}

/* Says it if there is a reason not to begin. */
static bool may_begin(const struct config *config, int *claim)
{
        const char *missing = privilege_missing(config);
        pid_t other = missing ? 0 : instance_claim(claim);

        if (missing)
                fprintf(stderr, "limpid: %s\n", missing);
        if (other)
                fprintf(stderr,
                        "limpid: limpid run is running already, as process %d: two would take rules and connections "
                        "from each other; end that one first\n",
                        (int)other);
        return !missing && !other;
}

int command_run(int argc, char **argv)
{
        const char *path = command_config(argc, argv);
        struct config *config;
        int status = 1, claim = -1;

        if (!path)
                return command_misused("run [-c FILE]");
        config = config_read(path, stderr);
        if (!config)
                return 1;
        if (may_begin(config, &claim))
                status = run(&config, path, claim);
        config_free(&config);
        return status;
}
