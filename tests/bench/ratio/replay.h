/* A trace through a real store: looked up as a client's request would be, put where it is not there. */
#ifndef RATIO_REPLAY_H
#define RATIO_REPLAY_H

#include "cache/store.h"
#include "tests/bench/ratio/policy.h"

struct replayed {
        struct ratios ratios;
        uint64_t held; /* body bytes, in the mean over the requests that count */
        uint64_t file; /* bytes at the end */
        uint64_t evicted;
};

/* `path` is a directory, made if it is missing, and holds no store yet; what it holds then stays. Requests before
 * `from` only warm the store up. 0, or an error of the store's, of which `message` may say more. */
int replay(const struct trace *, const char *path, uint64_t size, size_t from, struct replayed *,
           char message[STORE_MESSAGE]);

#endif
