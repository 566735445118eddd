/* The routing rule that sends marked packets to a table of our own, and the route in it that delivers them here
 * (rtnetlink(7)). */
#ifndef SETUP_ROUTE_H
#define SETUP_ROUTE_H

#include "setup/setup.h"

enum route_thing { ROUTE_RULE, ROUTE_LOCAL };

/* Each returns 0 or -errno. Adding what is there, and deleting what is not, succeed. */
int route_add(enum route_thing, const struct setup_options *, int family);
int route_delete(enum route_thing, const struct setup_options *, int family);

/* 1: it is there; 0: it is not; -errno. *others counts rules on our mark or routes in our table that are not ours. */
int route_find(enum route_thing, const struct setup_options *, int family, unsigned *others);

/* The first rule before ours that takes packets with our mark, of some sender at least, to another table than `local`.
 * 1: there is one; 0; -errno. */
int route_shadow(const struct setup_options *, int family, unsigned *priority, unsigned *table);

#endif
