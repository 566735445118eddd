/* What the rules of proxy/names_thread.c come to when a host rotates its addresses: an hour of it, with a clock of its
 * own. The table is the real one; who asks, and when again, is as names.c and names_thread.c have it. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>

#include "proxy/bindings.h"
#include "proxy/names_private.h"

enum { ADDRESSES = 200, HANDED = 8, OBJECTS = 100, SECONDS = 3600, EACH_SECOND = 20, TTL = 60, START = 1700000000 };

static const struct span HOST = {"www.test", 8};

struct world {
        struct bindings *bindings, *vain;
        bool shared[OBJECTS], own[ADDRESSES][OBJECTS];
        unsigned handed; /* of the windows of the host's addresses: the next one */
        uint32_t random;
        unsigned long hits, requests;
};

static unsigned draw(struct world *w, unsigned below)
{
        w->random = w->random * 1664525U + 1013904223U;
        return (w->random >> 8U) % below;
}

static union address address(unsigned n)
{
        return (union address){.in = {.sin_family = AF_INET, .sin_addr = {htonl(0xc6120000 + n)}}};
}

static void learn(struct world *w, unsigned window, int64_t now)
{
        for (unsigned i = 0; i < HANDED; i++) {
                union address a = address((window * HANDED + i) % ADDRESSES);

                bindings_learn(w->bindings, HOST, &a.sa, TTL, now);
        }
}

static enum binding look(struct world *w, unsigned n, unsigned window, int64_t now)
{
        union address a = address(n);
        enum binding b = bindings_look(w->bindings, HOST, &a.sa, now);

        if (b == BINDING_BOUND || bindings_look(w->vain, HOST, &a.sa, now) == BINDING_BOUND)
                return b;
        learn(w, window, now);
        b = bindings_look(w->bindings, HOST, &a.sa, now);
        if (b != BINDING_BOUND)
                bindings_learn(w->vain, HOST, &a.sa, VAIN_SECONDS, now);
        return b;
}

static void request(struct world *w, unsigned n, unsigned window, int64_t now)
{
        unsigned object = draw(w, OBJECTS);
        enum binding b = look(w, n, window, now);
        bool *stored = &w->own[n][object];

        if (b == BINDING_BOUND || (b == BINDING_GRACE && w->shared[object]))
                stored = &w->shared[object];
        w->requests++;
        w->hits += *stored;
        *stored = true;
}

/* The hit ratio; `same`: clients and Limpid ask one resolver, which remembers its answer; else each question of
 * Limpid's gets another window than the clients have. */
static double hour(bool same)
{
        struct world *w = calloc(1, sizeof *w);
        unsigned clients = 0;
        double ratio;

        w->bindings = bindings_new(1000);
        w->vain = bindings_new(1000);
        w->random = 1;
        for (int64_t now = START; now < START + SECONDS; now++) {
                if ((now - START) % TTL == 0)
                        clients = w->handed++;
                for (int i = 0; i < EACH_SECOND; i++)
                        request(w, (clients * HANDED + draw(w, HANDED)) % ADDRESSES, same ? clients : w->handed++, now);
        }
        ratio = (double)w->hits / (double)w->requests;
        bindings_free(w->bindings);
        bindings_free(w->vain);
        free(w);
        return ratio;
}

static double without_rotation(void)
{
        return 1 - (double)OBJECTS / (SECONDS * EACH_SECOND);
}

Test(names_thread, rotation_by_one_resolver_costs_nothing)
{
        cr_assert_geq(hour(true), 0.99 * without_rotation(), "%f", hour(true));
}

Test(names_thread, rotation_seen_from_elsewhere_is_learnt)
{
        cr_assert_geq(hour(false), 0.99 * without_rotation(), "%f", hour(false));
}
