/* Capabilities and users (capabilities(7), credentials(7)). Nothing is ever executed, so that only the sets of this
 * process count: permitted and effective hold the same, inheritable, ambient and bounding hold nothing. */
#include "proxy/privilege.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proxy/sanitizer.h"

enum { SET_MAX = 8 };

struct capability_set {
        cap_value_t at[SET_MAX];
        int count;
};

static void add(struct capability_set *s, cap_value_t value, bool wanted)
{
        if (wanted)
                s->at[s->count++] = value;
}

/* A transparent socket on a port below 1024 takes a capability more. */
static bool binds_low_ports(const struct config *c)
{
        bool low = c->dns.relay;

        for (size_t i = 0; i < c->datagram_port_count; i++)
                low = low || c->datagram_ports[i] < 1024;
        if (c->setup.form == SETUP_TPROXY)
                return low || c->setup.listen_port < 1024;
        for (size_t i = 0; i < c->setup.port_count; i++)
                low = low || c->setup.ports[i] < 1024;
        return low;
}

static struct capability_set proxy_set(const struct config *c)
{
        struct capability_set s = {.count = 0};

        add(&s, CAP_NET_RAW, true);
        add(&s, CAP_NET_BIND_SERVICE, binds_low_ports(c));
        return s;
}

/* What the proxy gets, the warden has: nobody can give what he has not. */
static struct capability_set warden_set(const struct config *c)
{
        struct capability_set s = proxy_set(c);

        add(&s, CAP_NET_ADMIN, !c->manual || c->setup.interface_count > 0); /* setup/ipset.h */
        add(&s, CAP_SETUID, c->user[0]);
        add(&s, CAP_SETGID, c->user[0]);
        add(&s, CAP_SETPCAP, true);
        add(&s, CAP_KILL, c->user[0]);
        return s;
}

/* A namespace for the self-test is made at the start, before the rest is given away. */
static struct capability_set start_set(const struct config *c)
{
        struct capability_set s = warden_set(c);

        add(&s, CAP_SYS_ADMIN, !c->manual && c->setup.self_test);
        return s;
}

static int failed(const char **why, const char *what)
{
        *why = what;
        return errno;
}

static bool have(cap_value_t value)
{
        cap_t now = cap_get_proc();
        cap_flag_value_t flag = CAP_CLEAR;

        if (!now)
                return false;
        if (cap_get_flag(now, value, CAP_EFFECTIVE, &flag) != 0)
                flag = CAP_CLEAR;
        cap_free(now);
        return flag == CAP_SET;
}

/* Keeps these and no other; what is not there cannot be kept and is an error. */
static int keep(const struct capability_set *s)
{
        cap_t caps = cap_init();
        int error = 0;

        if (!caps)
                return errno;
        /* None at all is what cap_init has made; cap_set_flag(3) takes it for a mistake. */
        if (s->count && (cap_set_flag(caps, CAP_PERMITTED, s->count, s->at, CAP_SET) != 0 ||
                         cap_set_flag(caps, CAP_EFFECTIVE, s->count, s->at, CAP_SET) != 0))
                error = errno;
        if (!error && cap_set_proc(caps) != 0)
                error = errno;
        cap_free(caps);
        return error;
}

static bool among(const struct capability_set *s, cap_value_t value)
{
        for (int i = 0; i < s->count; i++)
                if (s->at[i] == value)
                        return true;
        return false;
}

/* The bounding set matters to execve alone, which the proxy cannot call; without CAP_SETPCAP it stays. */
static void drop_bounds(const struct capability_set *s)
{
        if (!have(CAP_SETPCAP))
                return;
        for (cap_value_t value = 0; value < cap_max_bits(); value++)
                if (!among(s, value))
                        cap_drop_bound(value);
}

int privilege_warden(const struct config *c, const char **why)
{
        struct capability_set s = warden_set(c);

        errno = keep(&s);
        return errno ? failed(why, "capabilities cannot be given away") : 0;
}

bool privilege_covers(const struct config *now, const struct config *next)
{
        struct capability_set kept = warden_set(now), want = warden_set(next);

        for (int i = 0; i < want.count; i++)
                if (!among(&kept, want.at[i]))
                        return false;
        return true;
}

/* From root to a user who keeps, for the moment, his permitted capabilities. */
static int become(const char *user, const char **why)
{
        const struct passwd *p;

        errno = 0;
        p = getpwnam(user);
        if (!p) {
                errno = errno ? errno : ENOENT;
                return failed(why, "the configured user cannot be found");
        }
        if (prctl(PR_SET_KEEPCAPS, 1) != 0)
                return failed(why, "capabilities cannot be kept");
        if (setgroups(0, NULL) != 0 || setresgid(p->pw_gid, p->pw_gid, p->pw_gid) != 0 ||
            setresuid(p->pw_uid, p->pw_uid, p->pw_uid) != 0)
                return failed(why, "the configured user cannot be assumed");
        return 0;
}

/* Nothing of clients' data on disk, nobody looking in, no life without the warden. */
static int isolate(const char **why)
{
        const struct rlimit none = {0, 0};

        if (setrlimit(RLIMIT_CORE, &none) != 0)
                return failed(why, "core dumps cannot be forbidden");
        if (!SANITIZER && prctl(PR_SET_DUMPABLE, 0) != 0)
                return failed(why, "the process cannot be made undumpable");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
                return failed(why, "new privileges cannot be renounced");
        /* Last: a change of user clears it. */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
                return failed(why, "the proxy's life cannot be bound to the warden's");
        return 0;
}

/* What a child keeps, as whom, and for how long. */
static int reduce(const struct config *c, const struct capability_set *s, const char **why)
{
        int error;

        drop_bounds(s);
        error = c->user[0] ? become(c->user, why) : 0;
        if (error)
                return error;
        errno = keep(s);
        if (errno)
                return failed(why, "capabilities cannot be given away");
        return isolate(why);
}

int privilege_proxy(const struct config *c, const char **why)
{
        struct capability_set s = proxy_set(c);

        return reduce(c, &s, why);
}

int privilege_prober(const struct config *c, const char **why)
{
        const struct capability_set none = {.count = 0};

        return reduce(c, &none, why);
}

/* From the first of a range to the last, none where that is before it. */
static void close_between(int first, int last)
{
        if (first <= last)
                close_range((unsigned)first, (unsigned)last, 0);
}

void privilege_close(int one, int other)
{
        int low = other < 0 || one < other ? one : other, high = one < other ? other : one;

        close_between(STDERR_FILENO + 1, low - 1);
        close_between(low + 1, high - 1);
        close_between(high + 1, INT_MAX);
}

static bool user_exists(const char *user)
{
        return !user[0] || getpwnam(user);
}

const char *privilege_missing(const struct config *c)
{
        struct capability_set s = start_set(c);
        static const struct {
                cap_value_t value;
                const char *text;
        } texts[] = {
                {CAP_NET_ADMIN, "this must be started as root: the capability NET_ADMIN is missing (rules, routes)"},
                {CAP_NET_RAW, "this must be started as root: the capability NET_RAW is missing (clients' addresses)"},
                {CAP_NET_BIND_SERVICE, "this must be started as root: the capability NET_BIND_SERVICE is missing"},
                {CAP_SETUID, "this must be started as root: the capability SETUID is missing (user of the proxy)"},
                {CAP_SETGID, "this must be started as root: the capability SETGID is missing (user of the proxy)"},
                {CAP_SETPCAP, "this must be started as root: the capability SETPCAP is missing"},
                {CAP_SYS_ADMIN, "this must be started as root: the capability SYS_ADMIN is missing (self_test = false "
                                "does without)"},
                {CAP_KILL, "this must be started as root: the capability KILL is missing"},
        };

        for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++)
                for (int i = 0; i < s.count; i++)
                        if (s.at[i] == texts[t].value && !have(s.at[i]))
                                return texts[t].text;
        if (!user_exists(c->user))
                return "the user that the configuration names does not exist: make it (useradd --system), or set user "
                       "= \"\"";
        return NULL;
}
