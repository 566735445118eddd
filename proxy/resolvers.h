/* The resolvers whose answers are believed: those of the configuration, or else those of resolv.conf(5). */
#ifndef PROXY_RESOLVERS_H
#define PROXY_RESOLVERS_H

#include "proxy/address.h"
#include "proxy/config.h"

enum { RESOLVERS_MAX = 32 };

struct resolvers {
        union address at[RESOLVERS_MAX]; /* their ports are 0 */
        size_t count;
        struct resolvers_file {
                uint64_t device, inode, size;
                int64_t seconds, nanoseconds; /* when it was changed */
        } file;                               /* that was read, or was not there */
        int64_t looked;                       /* when it was looked for a change */
};

/* Those of the configuration; if it names none, those of the file at `path`. What exceeds RESOLVERS_MAX is left out. */
void resolvers_read(struct resolvers *, const struct config *, const char *path);

/* Reads the file at `path` if it is another one than was read; one that names nobody changes nothing, for it may be in
 * the middle of being written. True: *r has changed. `now`: seconds of any clock; the file is looked at once in each.
 */
bool resolvers_reread(struct resolvers *r, const char *path, int64_t now);

/* The port does not count. */
bool resolvers_have(const struct resolvers *, const union address *);

#define RESOLVERS_PATH "/etc/resolv.conf"

#endif
