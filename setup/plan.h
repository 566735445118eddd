/* What is wanted of the kernel, from the configuration alone (pure). */
#ifndef SETUP_PLAN_H
#define SETUP_PLAN_H

#include "setup/setup.h"

enum {
        PLAN_PRIORITY = 10
}; /* of our routing rules: marked packets are for this machine, before any table of uplinks */

#define PLAN_TABLE "inet limpid"

/* The nft script that makes our table anew, in one transaction. False: out of memory. */
bool plan_nft(const struct setup_options *, struct setup_text *);

/* The sysctls that break interception where they are on, and what they must be. Ends with a NULL path. */
struct plan_sysctl {
        const char *path; /* below /proc/sys, with slashes */
        const char *value;
        const char *why;
        bool ipv6;
};
extern const struct plan_sysctl plan_sysctls[];

/* The ranges that "private" stands for; ends with NULL. */
const char *const *plan_private(int family);

/* Whether datagrams are intercepted: they take TPROXY. */
bool plan_datagrams(const struct setup_options *);

/* Lines of a chain that return where a connection is not to be intercepted: by its addresses, since its server could
 * not be reached lately, or since its client has too many; and the sets of such clients. And a condition on the
 * destination's port, which other words may follow. */
bool plan_bypass(struct setup_text *, const struct setup_options *);
bool plan_handed_back(struct setup_text *);
bool plan_crowded(struct setup_text *);
bool plan_crowded_sets(struct setup_text *);
bool plan_ports(struct setup_text *, const struct setup_options *);

/* With prove_ipv6: the set of what has answered; the rule that enters what answers now, for packets of all kinds; and
 * the one that returns where a destination is not in it, of a bare SYN. Else nothing. */
bool plan_answered_set(struct setup_text *, const struct setup_options *);
bool plan_answers(struct setup_text *, const struct setup_options *);
bool plan_unproved(struct setup_text *, const struct setup_options *, const char *where);

/* The ports of relayed datagrams, as the nft language writes a set. */
bool plan_udp_ports(struct setup_text *, const struct setup_options *);

/* An address or CIDR: its family, AF_INET or AF_INET6; 0 where it is neither. */
int plan_family(const char *address);

#endif
