/* What is wanted of the nft bridge family where a client interface is a bridge (pure). */
#ifndef SETUP_BRIDGE_PLAN_H
#define SETUP_BRIDGE_PLAN_H

#include "setup/links.h"
#include "setup/setup.h"

#define BRIDGE_TABLE "bridge limpid"

/* The nft script that makes the table, or puts its rules anew without forgetting which connections are ours. False:
 * out of memory. */
bool bridge_plan_nft(const struct setup_options *, struct setup_text *);

/* The nft script that says which ports there are, and admits new connections for the next `seconds`; 0: it admits
 * none. */
bool bridge_plan_ports(const struct links *, unsigned seconds, struct setup_text *);

#endif
