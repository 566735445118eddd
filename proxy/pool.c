/* The pool: a hash table of lists, threaded by age. */
#include "proxy/pool.h"

#include <assert.h>

#include "proxy/upstream.h"

static struct upstream **bucket(struct pool *p, const union address *source, const union address *destination)
{
        return &p->buckets[address_hash(destination, address_hash(source, 0)) % POOL_BUCKETS];
}

static bool suits(const struct upstream *u, const union address *source, const union address *destination,
                  struct span host)
{
        return address_same_host(&u->source, source) && address_equal(&u->destination, destination) &&
               span_equal_fold((struct span){u->host, u->host_len}, host);
}

struct upstream *pool_take(struct pool *p, const union address *source, const union address *destination,
                           struct span host)
{
        for (struct upstream *u = *bucket(p, source, destination); u; u = u->next)
                if (suits(u, source, destination, host)) {
                        pool_remove(p, u);
                        return u;
                }
        return NULL;
}

struct upstream *pool_put(struct pool *p, struct upstream *u)
{
        struct upstream **head = bucket(p, &u->source, &u->destination), *oldest = NULL;

        assert(!u->link);
        if (p->count == POOL_MAX) {
                oldest = p->oldest;
                pool_remove(p, oldest);
        }
        u->next = *head;
        u->link = head;
        if (u->next)
                u->next->link = &u->next;
        *head = u;
        u->older = p->newest;
        u->newer = NULL;
        *(p->newest ? &p->newest->newer : &p->oldest) = u;
        p->newest = u;
        p->count++;
        return oldest;
}

void pool_remove(struct pool *p, struct upstream *u)
{
        *u->link = u->next;
        if (u->next)
                u->next->link = u->link;
        *(u->older ? &u->older->newer : &p->oldest) = u->newer;
        *(u->newer ? &u->newer->older : &p->newest) = u->older;
        u->link = NULL;
        u->next = u->older = u->newer = NULL;
        p->count--;
}
