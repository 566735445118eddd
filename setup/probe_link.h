/* The link of a probe: a veth pair, one end here, the other one in its namespace. For probe.c. */
#ifndef SETUP_PROBE_LINK_H
#define SETUP_PROBE_LINK_H

#include "setup/netlink.h"
#include "setup/probe.h"

/* Addresses of a site: this side's, that in the namespace, and one that is reached from there through this side. */
enum { NEAR, FAR, BEYOND, ENDS, BITS4 = 29, BITS6 = 64, MAC = 6 };

struct site {
        char link[IF_NAMESIZE];
        uint8_t four[ENDS][4], six[ENDS][16];
        uint8_t mac[2][MAC]; /* of NEAR and FAR, locally administered (IEEE 802) */
        bool alone;          /* FAR is all that this side finds on the link */
};

struct probe {
        struct site site;
        int space;              /* the namespace */
        struct mnl_socket *far; /* rtnetlink in it */
        int socket4, socket6;   /* TCP in it; -1: none */
        int udp4, udp6;
};

/* Makes it and gives each end its address. 0 or -errno; then there is none. */
int probe_link_up(struct probe *);

/* That there is none of that name is no error. */
int probe_link_remove(const char *name);

#endif
