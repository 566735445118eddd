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

#endif
