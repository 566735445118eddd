/* The resolvers whose answers are believed: those of the configuration, or else those of resolv.conf(5). */
#ifndef PROXY_RESOLVERS_H
#define PROXY_RESOLVERS_H

#include "proxy/address.h"
#include "proxy/config.h"

enum { RESOLVERS_MAX = 32 };

struct resolvers {
        union address at[RESOLVERS_MAX]; /* their ports are 0 */
        size_t count;
};

/* Those of the configuration; if it names none, those of the file at `path`. What exceeds RESOLVERS_MAX is left out. */
void resolvers_read(struct resolvers *, const struct config *, const char *path);

/* The port does not count. */
bool resolvers_have(const struct resolvers *, const union address *);

#define RESOLVERS_PATH "/etc/resolv.conf"

#endif
