/* br_netfilter: a bridge that shows its frames to iptables (bridge-nf-call-iptables, which container engines switch on)
 * takes an intercepted connection away between the rules and the listener: its SYN is answered by nobody. */
#ifndef SETUP_BRIDGE_CALLS_H
#define SETUP_BRIDGE_CALLS_H

#include "setup/setup.h"

/* True if a client interface is such a bridge; its name then. What cannot be read counts as switched off. */
bool bridge_calls(const struct setup_options *, char name[IF_NAMESIZE]);

#endif
