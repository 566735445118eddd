/* One Limpid in a network namespace: rules, routes, the links of tests and the port are there once. Two would divide
 * the clients' connections between them, and take from each other what they put in place. */
#ifndef PROXY_INSTANCE_H
#define PROXY_INSTANCE_H

#include <sys/types.h>

/* The warden's claim, for as long as the process lives: it is never given back. 0, or the process that holds it. A
 * claim that somebody else's program holds, or that cannot be made, keeps nobody from starting. `claim` is what
 * instance_tend wants; -1: none. */
pid_t instance_claim(int *claim);

/* Lets go of those who have asked: else the kernel has no room for more of them one day. Now and then. */
void instance_tend(int claim);

/* The process that holds the claim; 0 if there is none. */
pid_t instance_running(void);

#endif
