/* Interfaces come and go, and their numbers with them: what is known of one is looked up again after a second. */
#include "proxy/dns_learn.h"

#include <fnmatch.h>

void dns_learner_make(struct dns_learner *l, const struct config *config, struct trusted *trusted)
{
        *l = (struct dns_learner){.config = config, .trusted = trusted, .looked = INT64_MIN};
}

bool dns_from_clients(const struct config *c, unsigned ifindex)
{
        char name[IF_NAMESIZE];

        if (!if_indextoname(ifindex, name))
                return true;
        for (size_t i = 0; i < c->setup.interface_count; i++)
                if (fnmatch(c->setup.interfaces[i], name, 0) == 0)
                        return true;
        return false;
}

static bool came_from_clients(struct dns_learner *l, unsigned ifindex, int64_t now)
{
        if (l->ifindex != ifindex || l->looked != now) {
                l->clients = dns_from_clients(l->config, ifindex);
                l->ifindex = ifindex;
                l->looked = now;
        }
        return l->clients;
}

static union address address_at(const struct dns_addresses *found, size_t index)
{
        union address a = {.sa = {.sa_family = (sa_family_t)found->family}};

        if (found->family == AF_INET6)
                a.in6.sin6_addr = found->at[index].in6;
        else
                a.in.sin_addr = found->at[index].in;
        return a;
}

size_t dns_learn(struct dns_learner *l, struct bindings *bindings, const struct dns_reply *r, int64_t now)
{
        struct dns_addresses found;

        trusted_follow(l->trusted, &l->copy);
        if (!bindings || !resolvers_have(&l->copy.resolvers, r->resolver) || came_from_clients(l, r->ifindex, now) ||
            !dns_addresses(r->message, r->question, &found))
                return 0;
        for (size_t i = 0; i < found.count; i++) {
                union address a = address_at(&found, i);

                bindings_learn(bindings, (struct span){found.host, strlen(found.host)}, &a.sa, found.ttl, now);
        }
        return found.count;
}
