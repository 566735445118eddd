/* proxy/pool.c: an idle connection goes to the same client address and the same destination only; the pool is bounded.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>

#include "proxy/pool.h"
#include "proxy/upstream.h"

static union address four(const char *text, uint16_t port)
{
        union address a = {.in = {.sin_family = AF_INET}};

        inet_pton(AF_INET, text, &a.in.sin_addr);
        address_set_port(&a, port);
        return a;
}

static union address six(const char *text, uint16_t port)
{
        union address a = {.in6 = {.sin6_family = AF_INET6}};

        inet_pton(AF_INET6, text, &a.in6.sin6_addr);
        address_set_port(&a, port);
        return a;
}

Test(pool, the_client_and_the_destination_must_both_match)
{
        struct pool p = {0};
        union address alice = four("192.0.2.1", 0), bob = four("192.0.2.2", 0);
        union address web = four("203.0.113.1", 80), other_port = four("203.0.113.1", 8080);
        struct upstream u = {.source = alice, .destination = web};

        cr_assert_null(pool_put(&p, &u));
        cr_assert_null(pool_take(&p, &bob, &web, SPAN("")));
        cr_assert_null(pool_take(&p, &alice, &other_port, SPAN("")));
        cr_assert_eq(pool_take(&p, &alice, &web, SPAN("")), &u);
        cr_assert_null(pool_take(&p, &alice, &web, SPAN("")));
        cr_assert_eq(p.count, 0);
}

Test(pool, the_clients_port_does_not_count)
{
        struct pool p = {0};
        union address web = six("2001:db8::1", 80);
        struct upstream u = {.source = six("2001:db8:1::2", 0), .destination = web};
        union address again = six("2001:db8:1::2", 40000);

        pool_put(&p, &u);
        cr_assert_null(pool_take(&p, &again, &web, SPAN("")), "callers ask with port 0: another port is another key");
        address_set_port(&again, 0);
        cr_assert_eq(pool_take(&p, &again, &web, SPAN("")), &u);
}

Test(pool, the_host_must_match_in_any_case)
{
        struct pool p = {0};
        union address alice = four("192.0.2.1", 0), web = four("203.0.113.1", 80);
        struct upstream *u = calloc(1, sizeof *u + 6);

        *u = (struct upstream){.source = alice, .destination = web, .host_len = 6};
        memcpy(u->host, "a.test", 6);
        cr_assert_null(pool_put(&p, u));
        cr_assert_null(pool_take(&p, &alice, &web, SPAN("")));
        cr_assert_null(pool_take(&p, &alice, &web, SPAN("b.test")));
        cr_assert_eq(pool_take(&p, &alice, &web, SPAN("A.test")), u);
        free(u);
}

Test(pool, the_newest_is_taken_first)
{
        struct pool p = {0};
        union address alice = four("192.0.2.1", 0), web = four("203.0.113.1", 80);
        struct upstream old = {.source = alice, .destination = web}, young = old;

        pool_put(&p, &old);
        pool_put(&p, &young);
        cr_assert_eq(pool_take(&p, &alice, &web, SPAN("")), &young);
        cr_assert_eq(p.oldest, &old);
        cr_assert_eq(p.newest, &old);
}

Test(pool, one_too_many_pushes_the_oldest_out)
{
        struct pool p = {0};
        struct upstream *all = calloc(POOL_MAX + 1, sizeof *all);

        for (unsigned i = 0; i <= POOL_MAX; i++) {
                all[i].source = four("192.0.2.1", 0);
                all[i].destination = four("203.0.113.1", (uint16_t)(i + 1));
                cr_assert_eq(pool_put(&p, &all[i]), i < POOL_MAX ? NULL : &all[0]);
        }
        cr_assert_eq(p.count, POOL_MAX);
        for (unsigned i = 1; i <= POOL_MAX; i++)
                pool_remove(&p, &all[i]);
        cr_assert_eq(p.count, 0);
        cr_assert_null(p.oldest);
        cr_assert_null(p.newest);
        free(all);
}
