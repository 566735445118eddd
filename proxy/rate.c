/* What was spent is kept in thousandths of a token, so that what comes back in a millisecond can be counted. Clients
 * who share a place share its tokens. */
#include "proxy/rate.h"

#include <stdlib.h>
#include <sys/random.h>

#include "proxy/siphash.h"

enum { PLACES = 4096, THOUSAND = 1000 };

struct place {
        int64_t at;    /* when it was counted */
        int64_t spent; /* thousandths of a token */
};

struct rates {
        uint8_t key[SIPHASH_KEY];
        struct place places[PLACES];
};

struct rates *rates_new(void)
{
        struct rates *r = calloc(1, sizeof *r);

        if (r && getrandom(r->key, sizeof r->key, 0) != sizeof r->key)
                rates_free(&r);
        return r;
}

void rates_free(struct rates **r)
{
        free(*r);
        *r = NULL;
}

static struct place *place_of(struct rates *r, const union address *client)
{
        bool six = client->sa.sa_family == AF_INET6;
        const void *net = six ? (const void *)&client->in6.sin6_addr : (const void *)&client->in.sin_addr;
        uint64_t hash[2];

        siphash(r->key, (struct span){net, six ? 8 : 4}, hash);
        return &r->places[hash[0] % PLACES];
}

bool rates_allow(struct rates *r, const union address *client, int64_t now_ms)
{
        struct place *p = place_of(r, client);
        int64_t back = (now_ms - p->at) * RATE_PER_SECOND;

        p->at = now_ms;
        p->spent = p->spent > back ? p->spent - back : 0;
        if (p->spent + THOUSAND > (int64_t)RATE_BURST * THOUSAND)
                return false;
        p->spent += THOUSAND;
        return true;
}
