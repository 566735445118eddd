/* proxy/rate.c: a burst, then so many a second, for each client by itself. */
#include "proxy/rate.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

static union address at(const char *text)
{
        union address a = {.in = {.sin_family = AF_INET}};

        if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1)
                return a;
        a = (union address){.in6 = {.sin6_family = AF_INET6}};
        cr_assert_eq(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
        return a;
}

static int taken(struct rates *r, const union address *client, int64_t now_ms)
{
        int n = 0;

        while (n < 1000 && rates_allow(r, client, now_ms))
                n++;
        return n;
}

Test(rate, a_burst_and_then_so_many_a_second)
{
        struct rates *r = rates_new();
        union address a = at("192.0.2.1");

        cr_assert_eq(taken(r, &a, 1000000), RATE_BURST);
        cr_assert_eq(taken(r, &a, 1000000), 0);
        cr_assert_eq(taken(r, &a, 1000500), RATE_PER_SECOND / 2);
        cr_assert_eq(taken(r, &a, 9000000), RATE_BURST, "no more than a burst is saved up");
        rates_free(&r);
}

Test(rate, the_port_is_no_matter_and_others_have_their_own)
{
        struct rates *r = rates_new();
        union address a = at("192.0.2.1");
        unsigned others = 0;

        cr_assert_eq(taken(r, &a, 1000000), RATE_BURST);
        address_set_port(&a, 5);
        cr_assert_eq(taken(r, &a, 1000000), 0);
        for (uint32_t i = 0; i < 16; i++) { /* one of them may share a place with the first */
                union address b = {.in = {.sin_family = AF_INET, .sin_addr = {htonl(0xc6336400 + i)}}};

                others += taken(r, &b, 1000000) == RATE_BURST;
        }
        cr_assert_geq(others, 12);
        rates_free(&r);
}

Test(rate, a_64_of_ipv6_is_one_client)
{
        struct rates *r = rates_new();
        union address a = at("2001:db8::1"), b = at("2001:db8::ffff:1");

        cr_assert_eq(taken(r, &a, 1000000), RATE_BURST);
        cr_assert_eq(taken(r, &b, 1000000), 0);
        rates_free(&r);
}
