/* The two walls around the proxy: which files it can reach (Landlock), which system calls it can make (seccomp). Both
 * return 0, or an errno with *why set. */
#ifndef PROXY_CONFINE_H
#define PROXY_CONFINE_H

#include "proxy/config.h"

/* Of the calling thread and those that it starts. A kernel without Landlock: 0, and *why says so. */
int confine_files(const struct config *, const char **why);

/* Of all threads. */
int confine_calls(const char **why);

#endif
