/* A media error or a truncated file under a store's map is a SIGBUS. The handler sets that store aside and puts an
 * empty page where the fault was, so that the reader goes on, finds a wrong checksum, and the proxy lives (design.md
 * §4). A signal that ends the program is told to the store whose file it may be the fault of. */
#ifndef PROXY_SIGBUS_H
#define PROXY_SIGBUS_H

#include <stddef.h>

struct store;

/* Watches these stores from now on, of which some may be NULL still; they must outlive the program's last read. In
 * main.c: a handler has no argument to hold them. */
void sigbus_watch(struct store *const *stores, size_t count);

#endif
