/* The table of flows: hash chains for those that later datagrams belong to, and one list of all by their last use. */
#include "proxy/flow.h"

#include <stdlib.h>

enum {
        QUERY_SECONDS = 10,      /* clients ask again sooner */
        UNANSWERED_SECONDS = 30, /* as nf_conntrack has it */
        ANSWERED_SECONDS = 120
};

bool flows_make(struct flows *t, unsigned max, uint32_t seed)
{
        uint32_t chains = 64;

        while (chains < max)
                chains *= 2;
        *t = (struct flows){.chains = calloc(chains, sizeof(struct flow *)),
                            .max = max ? max : 1,
                            .mask = chains - 1,
                            .seed = seed};
        return t->chains != NULL;
}

void flows_unmake(struct flows *t)
{
        free(t->chains);
        t->chains = NULL;
}

static struct flow **chain_of(const struct flows *t, const union address *client, const union address *destination)
{
        return &t->chains[address_hash(destination, address_hash(client, t->seed)) & t->mask];
}

struct flow *flows_find(const struct flows *t, const union address *client, const union address *destination)
{
        struct flow *f = *chain_of(t, client, destination);

        while (f && !(address_equal(&f->client, client) && address_equal(&f->destination, destination)))
                f = f->chain;
        return f;
}

/* ---- by their last use ------------------------------------------------------------------------------------------- */

static void link_newest(struct flows *t, struct flow *f)
{
        f->newer = NULL;
        f->older = t->newest;
        if (f->older)
                f->older->newer = f;
        else
                t->oldest = f;
        t->newest = f;
}

static void unlink_flow(struct flows *t, const struct flow *f)
{
        if (f->newer)
                f->newer->older = f->older;
        else
                t->newest = f->older;
        if (f->older)
                f->older->newer = f->newer;
        else
                t->oldest = f->newer;
}

void flows_use(struct flows *t, struct flow *f)
{
        if (t->newest == f)
                return;
        unlink_flow(t, f);
        link_newest(t, f);
}

int64_t flow_patience(const struct flow *f)
{
        if (f->query.question_len)
                return QUERY_SECONDS;
        return f->answered ? ANSWERED_SECONDS : UNANSWERED_SECONDS;
}

/* ---- in and out -------------------------------------------------------------------------------------------------- */

void flows_add_take(struct flows *t, struct flow *f)
{
        if (!f->query.question_len) {
                struct flow **chain = chain_of(t, &f->client, &f->destination);

                f->chain = *chain;
                *chain = f;
        }
        link_newest(t, f);
        t->count++;
}

void flows_remove(struct flows *t, struct flow *f)
{
        if (!f->query.question_len) {
                struct flow **at = chain_of(t, &f->client, &f->destination);

                while (*at != f)
                        at = &(*at)->chain;
                *at = f->chain;
        }
        unlink_flow(t, f);
        t->count--;
}
