/* Bridge mode: where a client interface is a bridge, frames of our connections are taken off it (setup/bridge_plan.h),
 * and the bridge must not hand its frames to iptables, or what is intercepted of them is lost. */
#ifndef SETUP_BRIDGE_H
#define SETUP_BRIDGE_H

#include "setup/setup.h"

struct nft_ctx;

/* Nothing where no client interface is a bridge. 0 or -errno, *why says what failed. */
int bridge_up(const struct setup_options *, struct setup_text *why);

/* Gives back what was found; also where nothing is up. 0 or -errno. */
int bridge_down(const struct setup_options *, struct setup_text *why);

/* A line for each difference between plan and machine, but for the table's rules (setup/listing.h). */
void bridge_check(const struct setup_options *, struct setup_text *out);

/* Commands for a shell that do what bridge_up does. False: out of memory. */
bool bridge_show(const struct setup_options *, struct setup_text *out);

/* Of that, those which keep the bridges from handing their frames to iptables; and, as comments, those that give back
 * what is found now. */
struct links;
bool bridge_show_switches(const struct links *, struct setup_text *out);
bool bridge_show_undone_switches(const struct links *, struct setup_text *out);

/* True if a client interface is a bridge that hands its frames to iptables; its name then. What cannot be read counts
 * as switched off. */
bool bridge_calls(const struct setup_options *, char name[IF_NAMESIZE]);

#endif
