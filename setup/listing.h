/* Our tables as the kernel lists them, and where two listings differ. */
#ifndef SETUP_LISTING_H
#define SETUP_LISTING_H

#include "setup/setup.h"

/* One line for each rule (or whatever else a line is) that `now` lacks of `wanted`, or has beyond it, or that the order
 * of the same lines is another; nothing where they are alike. Of a table for bridges only if both have one, and without
 * the order: its parts may be of different age. False: out of memory. Pure. */
bool listing_compare(const char *wanted, const char *now, struct setup_text *out);

#endif
