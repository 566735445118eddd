/* Whether something listens on a TCP port, and whether transparently (sock_diag(7)). */
#ifndef SETUP_LISTENER_H
#define SETUP_LISTENER_H

#include "setup/setup.h"

struct listener {
        bool there;
        bool transparent; /* IP_TRANSPARENT is set: only to such sockets are packets for other addresses handed */
        uint32_t backlog; /* the least of theirs: so many connections, and so many SYNs, may wait */
};

/* The listeners of a family on a port of this network namespace, whatever address they are bound to: `transparent` if
 * any of them is. 0 or -errno. */
int listener_find(struct listener *, int family, uint16_t port);

struct nlmsghdr;

/* Calls `see` with an inet_diag_msg for each TCP socket of a family that is in this state (TCP_LISTEN, TCP_SYN_RECV,
 * …), as mnl_cb_run(3) would. 0 or -errno. */
int listener_list(int family, unsigned state, int (*see)(const struct nlmsghdr *, void *), void *context);

#endif
