/* Files in which the set-up remembers what it found. They lie beside the control socket, in a folder that the proxy's
 * group may write to: what stands under such a name and is no file of ours (a link, a pipe, somebody else's) was put
 * there by somebody else. It is neither believed nor written to, but removed. */
#ifndef SETUP_STATE_H
#define SETUP_STATE_H

#include <stdio.h>

/* As fopen(3), for one of "r" and "a+". NULL and errno: ENOENT also where what was there has been removed. */
FILE *state_open(const char *path, const char *mode);

/* Adds a line, to be called before what it tells of is changed: unless there is one that begins with as many of its
 * bytes as `known`, for what was found first is what is given back. 0 or -errno. */
int state_remember(const char *path, const char *line, size_t known);

#endif
