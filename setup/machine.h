/* What doctor looks at: the machine as it is at one moment, read once. */
#ifndef SETUP_MACHINE_H
#define SETUP_MACHINE_H

#include "setup/links.h"
#include "setup/listener.h"
#include "setup/setup.h"

/* A rule before ours that takes marked packets away. */
struct shadow {
        bool there;
        unsigned priority, table;
};

struct machine {
        struct links links;
        char bridge[IF_NAMESIZE]; /* a client bridge that hands its frames to iptables; "": none */
        char uplink[IF_NAMESIZE]; /* of the IPv4 default route; "": none */
        unsigned uplink_mtu;      /* bytes; 0: not known */
        bool uplink_private;      /* its IPv4 address is from a private range, or it has none */
        bool ipv6;                /* wanted, and not switched off */
        bool forwards4, forwards6;
        bool fwmark_accept;
        bool ignores_pmtu;                     /* ip_no_pmtu_disc */
        char valid_mark[IF_NAMESIZE];          /* an interface with src_valid_mark and rp_filter; "": none */
        struct listener listeners[2];          /* on listen_port (with form = "mark": on the first port); IPv4, IPv6 */
        struct shadow shadows[2];              /* IPv4, IPv6 */
        uint64_t conntrack, conntrack_max;     /* 0, 0: it is not loaded */
        struct setup_text ruleset;             /* nft list ruleset, without what sets hold */
        struct setup_text gate;                /* nft list set, with what it holds */
        struct setup_text wanted, differences; /* setup_wanted's, setup_check's */
        int wanted_error, check;               /* what these returned */
};

/* What cannot be read is left as if it were not there. machine_free frees it. */
void machine_read(struct machine *, const struct setup_options *);
void machine_free(struct machine *);

#endif
