/* Giving privileges away (design.md §3). Each returns 0, or an errno with *why set to a constant phrase. */
#ifndef PROXY_PRIVILEGE_H
#define PROXY_PRIVILEGE_H

#include "proxy/config.h"

/* Warden, after the set-up is applied and the self-test's namespace made, and before the first proxy is started: keeps
 * NET_ADMIN, NET_RAW, SETUID, SETGID, SETPCAP, KILL (and NET_BIND_SERVICE for form "mark"). */
int privilege_warden(const struct config *, const char **why);

/* Whether what the warden keeps for one configuration is enough for another one. */
bool privilege_covers(const struct config *now, const struct config *next);

/* Child, first thing: user and groups, CAP_NET_RAW alone (and NET_BIND_SERVICE for form "mark" or DNS relay),
 * no_new_privs, no core dumps of what clients sent. Dies with the warden (PR_SET_PDEATHSIG). */
int privilege_proxy(const struct config *, const char **why);

/* Prober, first thing: the user, no capability at all, and the rest as for the proxy. */
int privilege_prober(const struct config *, const char **why);

/* Closes all descriptors but the standard streams and these two, which may be one, or the second none (-1). */
void privilege_close(int one, int other);

/* Child, before its first thread (Landlock is inherited, not shared); all that is opened later lies in these: Landlock
 * to the stores' directories, the log's and the control socket's, then seccomp (no exec, no raw or packet sockets, no
 * namespaces, no ptrace, no bpf, …). A kernel without Landlock goes on without it: ENOSYS/EOPNOTSUPP are not errors but
 * *why says so.
 */
int privilege_confine(const struct config *, const char **why);

/* One clear line if the program cannot do its work as it was started (no root, a capability missing); NULL if it can.
 */
const char *privilege_missing(const struct config *);

#endif
