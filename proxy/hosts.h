/* Which hosts the traffic is for: a bounded table per worker ("space saving", Metwally et al. 2005). Written by its
 * worker, read by the admin thread under a small lock that the worker only ever tries (an update that finds it taken is
 * added to the next one). */
#ifndef PROXY_HOSTS_H
#define PROXY_HOSTS_H

#include <stdint.h>

#include "http/span.h"

enum { HOST_MAX = 255 };

struct host_total {
        char name[HOST_MAX + 1]; /* lower case, printable ASCII only */
        uint64_t requests, hits, bytes, bytes_stored;
};

struct hosts;
struct hosts *hosts_new(void);
void hosts_free(struct hosts **);
void hosts_add(struct hosts *, struct span host, bool hit, uint64_t bytes, uint64_t bytes_stored);

/* The busiest `max` of several tables together, by bytes; returns how many. */
size_t hosts_top(struct hosts *const *tables, size_t count, struct host_total *out, size_t max);

#endif
