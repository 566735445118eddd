/* The machine's network interfaces as rtnetlink lists them, and which of them the configuration names: by name, or by
 * the beginning of a name with `*` for the rest. */
#ifndef SETUP_LINKS_H
#define SETUP_LINKS_H

#include "setup/setup.h"

struct link {
        char name[IF_NAMESIZE];
        unsigned index;
        unsigned master; /* index of the bridge (or bond) that it is a port of, or 0 */
        uint8_t mac[6];
        bool is_bridge;
        bool calls4, calls6; /* a bridge that hands its frames to iptables, ip6tables (IFLA_BR_NF_CALL_*) */
        bool filters_vlans;  /* a bridge that keeps VLANs apart */
        uint16_t pvid; /* on such a bridge, the VLAN of its own, or of its port's, frames without a tag; 0: none */
        bool wanted;   /* clients are there, says the configuration */
};

struct links {
        struct link *at;
        size_t count, cap;
};

/* All there are now. 0 or -errno; links_free in either case. */
int links_read(struct links *, const struct setup_options *);
void links_free(struct links *);

/* Whether a name is what an element of `interfaces` says. */
bool links_match(const char *pattern, const char *name);
bool links_is_pattern(const char *text);

/* The bridge of a port, if clients are there; else NULL. */
const struct link *links_bridge_of(const struct links *, const struct link *port);

/* The same if what comes by this port without a tag can be taken off the bridge: where VLANs are kept apart, only the
 * bridge's own reaches it. */
const struct link *links_reached_by(const struct links *, const struct link *port);

/* Whether a bridge is among the clients' interfaces. */
bool links_have_bridge(const struct links *);

/* A client bridge whose frames are handed to iptables, by its own switch or by that of the network namespace: what is
 * intercepted of it is lost between the rules and the listener (br_netfilter). NULL if there is none. */
const struct link *links_calling(const struct links *, const struct setup_options *);

#endif
