/* The gate of the iptables form: ipsets whose elements live for a few seconds. The operator makes the sets, beside his
 * rules; elements are added over netlink (linux/netfilter/ipset/ip_set.h). */
#ifndef SETUP_IPSET_H
#define SETUP_IPSET_H

#include "setup/setup.h"

#define IPSET_GATE4 "limpid4" /* hash:net,iface: the client interfaces */
#define IPSET_GATE6 "limpid6"
#define IPSET_BACK4 "limpid4-back" /* hash:ip,port: destinations that could not be reached lately */
#define IPSET_BACK6 "limpid6-back"

#define IPSET_MANY4 "limpid4-many" /* hash:net: clients that have too many connections */
#define IPSET_MANY6 "limpid6-many"

/* All addresses of this interface are in both gates for the next `seconds`. 0; ENOENT where neither set is there;
 * another errno. A family without its set is left out. */
int ipset_renew(const char *interface, unsigned seconds);

/* Both gates are empty. 0 or an errno, as above. */
int ipset_shut(void);

/* This client, an IPv4 address or an IPv6 network of 64 bits, is in the set of its family for `seconds`. */
int ipset_crowded(int family, const void *address, unsigned seconds);

/* This destination, by TCP as by UDP, is in the set of its family for `seconds`. 0 or an errno, as above. */
int ipset_bypass(const struct sockaddr *, unsigned seconds);

#endif
