/* A list that is written by one thread and copied by the others when its number has changed. */
#include "proxy/trusted.h"

#include <string.h>

static void publish(struct trusted *t, const struct resolvers *r)
{
        pthread_mutex_lock(&t->lock);
        t->now = *r;
        pthread_mutex_unlock(&t->lock);
        atomic_fetch_add(&t->edition, 1);
}

void trusted_begin(struct trusted *t, const struct resolvers *r)
{
        *t = (struct trusted){.coming.count = 0};
        pthread_mutex_init(&t->lock, NULL);
        publish(t, r);
}

bool trusted_tell(int channel, const struct resolvers *r)
{
        for (size_t i = 0; i < r->count; i++) {
                struct channel_message m = {
                        .kind = CHANNEL_RESOLVER, .value = (uint32_t)i, .count = (uint32_t)r->count};

                memcpy(&m.address, &r->at[i], address_len(&r->at[i]));
                if (!channel_send(channel, &m))
                        return false;
        }
        return true;
}

static bool follows(const struct trusted *t, const struct channel_message *m)
{
        return (m->address.sin6_family == AF_INET || m->address.sin6_family == AF_INET6) && m->count <= RESOLVERS_MAX &&
               m->value < m->count && m->value == t->coming.count;
}

bool trusted_hear(struct trusted *t, const struct channel_message *m)
{
        if (m->value == 0) /* a list begins, whatever has become of the one before */
                t->coming.count = 0;
        if (!follows(t, m))
                return false;
        memcpy(&t->coming.at[t->coming.count++], &m->address, sizeof m->address);
        if (t->coming.count < m->count)
                return false;
        publish(t, &t->coming);
        t->coming.count = 0;
        return true;
}

bool trusted_follow(struct trusted *t, struct trusted_copy *copy)
{
        unsigned edition = atomic_load_explicit(&t->edition, memory_order_acquire);

        if (edition == copy->edition)
                return false;
        pthread_mutex_lock(&t->lock);
        copy->resolvers = t->now;
        pthread_mutex_unlock(&t->lock);
        copy->edition = edition;
        return true;
}
