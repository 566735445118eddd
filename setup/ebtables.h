/* The bridge's part of the iptables form (pure): frames that cross a bridge are addressed to it, so that the rules for
 * packets see them. */
#ifndef SETUP_EBTABLES_H
#define SETUP_EBTABLES_H

#include "setup/links.h"
#include "setup/setup.h"

/* Appends commands for a shell: chains, and a jump for each port that a client bridge has now; then, as comments, those
 * that take them away again. False: out of memory. */
bool ebtables_rules(const struct setup_options *, const struct links *, struct setup_text *);
bool ebtables_undo(const struct links *, struct setup_text *);

#endif
