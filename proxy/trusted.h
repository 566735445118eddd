/* Which resolvers are believed now, for all threads of the proxy. The proxy cannot follow resolv.conf(5) itself: it may
 * read nothing of that folder, and whoever writes the file mostly puts a new one in its place. So the warden looks, and
 * tells: a message for each resolver, in order; with the last one of a list the list is what is believed. */
#ifndef PROXY_TRUSTED_H
#define PROXY_TRUSTED_H

#include <pthread.h>
#include <stdatomic.h>

#include "proxy/channel.h"
#include "proxy/resolvers.h"

struct trusted {
        struct resolvers coming; /* what has been heard of the next list */
        _Atomic unsigned edition;
        pthread_mutex_t lock; /* over what follows */
        struct resolvers now;
};

/* A thread's own copy. */
struct trusted_copy {
        unsigned edition; /* 0: none yet */
        struct resolvers resolvers;
};

void trusted_begin(struct trusted *, const struct resolvers *);

/* The warden: sends all of a list. False: not all of it could be sent; send it again later. */
bool trusted_tell(int channel, const struct resolvers *);

/* The proxy's main thread. True: the list is complete, and holds from now on. What does not follow what came before is
 * no part of a list. */
bool trusted_hear(struct trusted *, const struct channel_message *);

/* Any thread: brings its copy up to date. True: it has changed. No lock is taken where it has not. */
bool trusted_follow(struct trusted *, struct trusted_copy *);

#endif
