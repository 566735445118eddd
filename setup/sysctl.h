/* Sysctls through /proc/sys, with what was found remembered in a state file: lines of "path value". */
#ifndef SETUP_SYSCTL_H
#define SETUP_SYSCTL_H

#include "setup/setup.h"

enum { SYSCTL_VALUE = 64 };

/* The value without its line end. 0 or -errno. */
int sysctl_read(const char *path, char value[SYSCTL_VALUE]);
int sysctl_write(const char *path, const char *value);

/* Whether the machine speaks IPv6: compiled in, and not switched off where the proxy listens, on ::1. */
bool sysctl_ipv6(void);

/* Sets those of the plan that differ, after adding what they were to the state file, which keeps what was found first.
 * 0 or -errno, *why says what failed. */
int sysctl_apply(const struct setup_options *, struct setup_text *why);

/* Gives back what the state file remembers, and removes it. */
int sysctl_restore(const struct setup_options *, struct setup_text *why);

#endif
