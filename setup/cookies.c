/* /proc/net/netstat: for each group a line of names and one of numbers, in the same order (net/ipv4/proc.c). The kernel
 * counts cookies for all listeners together. But it sends one only if the listener's own queue of SYNs is full
 * (tcp_conn_request), and what is in it can be listed (sock_diag(7)). */
#include "setup/cookies.h"

#include <linux/inet_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setup/listener.h"
#include "setup/netlink.h"
#include "setup/plan.h"
#include "setup/sysctl.h"

#define GROUP "TcpExt:"

enum { LINE = 8192 };

bool cookies_parse(char *names, char *numbers, uint64_t *sent)
{
        char *name, *number, *rest_of_names, *rest_of_numbers;

        name = strtok_r(names, " \n", &rest_of_names);
        number = strtok_r(numbers, " \n", &rest_of_numbers);
        for (; name && number; number = strtok_r(NULL, " \n", &rest_of_numbers)) {
                if (strcmp(name, "SyncookiesSent") == 0) {
                        *sent = strtoull(number, NULL, 10);
                        return true;
                }
                name = strtok_r(NULL, " \n", &rest_of_names);
        }
        return false;
}

bool cookies_sent(uint64_t *sent)
{
        FILE *f = fopen("/proc/net/netstat", "re");
        char names[LINE], numbers[LINE];
        bool found = false;

        while (f && !found && fgets(names, sizeof names, f) && fgets(numbers, sizeof numbers, f))
                found = strncmp(names, GROUP, sizeof GROUP - 1) == 0 && cookies_parse(names, numbers, sent);
        if (f)
                fclose(f);
        return found;
}

/* ---- whose they are ------------------------------------------------------------------------------------------------
 */

struct waiting {
        const struct setup_options *options;
        uint32_t count, enough;
};

static bool is_intercepted(const struct setup_options *o, uint16_t port)
{
        for (size_t i = 0; i < o->port_count; i++)
                if (o->ports[i] == port)
                        return true;
        return port == 53 && o->dns && plan_datagrams(o);
}

/* A SYN that waits has the port that the client has dialled, whatever port the listener is bound to. */
static int see_waiting(const struct nlmsghdr *h, void *context)
{
        const struct inet_diag_msg *m = mnl_nlmsg_get_payload(h);
        struct waiting *w = context;

        w->count += is_intercepted(w->options, ntohs(m->id.idiag_sport));
        return w->count < w->enough ? MNL_CB_OK : MNL_CB_STOP;
}

static bool fills_half(const struct setup_options *o, int family)
{
        uint16_t port = o->form == SETUP_MARK && o->port_count ? o->ports[0] : o->listen_port;
        struct waiting w = {o, 0, 1};
        struct listener l = {0};

        if (listener_find(&l, family, port) != 0)
                return true;
        if (!l.there)
                return false;
        w.enough = l.backlog / 2 + 1;
        return listener_list(family, TCP_SYN_RECV, see_waiting, &w) != 0 || w.count >= w.enough;
}

bool cookies_ours(const struct setup_options *o)
{
        char value[SYSCTL_VALUE];

        return sysctl_read("net/ipv4/tcp_syncookies", value) != 0 || strcmp(value, "1") != 0 ||
               fills_half(o, AF_INET) || (o->ipv6 && fills_half(o, AF_INET6));
}
