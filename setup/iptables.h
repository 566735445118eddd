/* The plan once more, for those whose firewall is iptables (pure). */
#ifndef SETUP_IPTABLES_H
#define SETUP_IPTABLES_H

#include "setup/setup.h"

/* Appends commands for a shell: sets, chains and rules of one family; with `undo` those that take them away again, as
 * comments. False: out of memory. */
bool iptables_rules(const struct setup_options *, int family, struct setup_text *);
bool iptables_undo(const struct setup_options *, int family, struct setup_text *);

#endif
