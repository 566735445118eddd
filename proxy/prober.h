/* The self-test (design.md §3, §6): once a minute a child of the warden's, the prober, connects from the probe's
 * namespace (setup/probe.h) as a client would, and asks a question that only the proxy of this warden can answer. The
 * warden learns the end of it from the prober's exit status and from the proxy over the channel; it reads nothing that
 * has been on the wire. */
#ifndef PROXY_PROBER_H
#define PROXY_PROBER_H

#include <sys/types.h>

#include "proxy/config.h"
#include "proxy/evidence.h"

struct gate;
struct probe;

enum { PROBE_WORD = 16 };

/* Random bytes, known to warden, proxy and prober. */
struct probe_token {
        unsigned char question[PROBE_WORD], answer[PROBE_WORD];
};

struct prober {
        struct probe *probe; /* NULL: no self-test is wanted */
        struct evidence evidence;
        struct probe_token token;
        pid_t child;   /* 0: none */
        bool accepted; /* a worker has taken the connection that is being tried */
        bool bridged;
        int64_t looked; /* at the clients' bridges, which a test cannot reach through */
};

/* While CAP_SYS_ADMIN is there, and no thread. 0, or an errno that has been said. Nothing where none is wanted. */
int prober_open(struct prober *, const struct config *);
void prober_close(struct prober *);

/* Sees to it that a test is made when one is due. `alive`: the proxy is fit to be tested. Whether the gate may be open.
 */
bool prober_tend(struct prober *, const struct config *, struct gate *, bool alive, int64_t now);

/* The proxy says that a worker has taken the connection. */
void prober_accepted(struct prober *);

/* Another proxy runs now, or none. */
void prober_lost(struct prober *, int64_t now);

/* In the worker that accepted a connection: true if it came from the probe's namespace; it has been closed then. */
struct worker;
union address;
bool prober_served(struct worker *, int fd, const union address *peer);

#endif
