/* proxy/dns_learn.c: whose replies are believed, and by which way they must have come (cases.md D2, D6). */
#include "proxy/dns_learn.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

static const char *const resolvers[] = {"192.0.2.53"};
static const char *const interfaces[] = {"lo*"};
static struct config config = {.dns = {.trusted_resolvers = resolvers, .trusted_resolver_count = 1}};

static union address resolver(const char *text)
{
        union address a = {.in = {.sin_family = AF_INET, .sin_port = htons(53)}};

        cr_assert_eq(inet_pton(AF_INET, text, &a.in.sin_addr), 1);
        return a;
}

Test(dns_learn, d2_a_resolver_that_is_not_trusted_teaches_nothing)
{
        union address good = resolver("192.0.2.53"), bad = resolver("192.0.2.54");
        struct dns_learner l;

        dns_learner_make(&l, &config);
        cr_assert(dns_learner_trusts(&l, &good, if_nametoindex("lo"), 1));
        cr_assert_not(dns_learner_trusts(&l, &bad, if_nametoindex("lo"), 1));
}

Test(dns_learn, d6_what_came_by_a_client_interface_or_by_none_teaches_nothing)
{
        union address good = resolver("192.0.2.53");
        struct dns_learner l;

        dns_learner_make(&l, &config);
        cr_assert_not(dns_learner_trusts(&l, &good, 0, 1));
        cr_assert_not(dns_learner_trusts(&l, &good, 0x7fffffff, 1));
        cr_assert(dns_learner_trusts(&l, &good, if_nametoindex("lo"), 1));
        config.setup.interfaces = interfaces;
        config.setup.interface_count = 1;
        cr_assert(dns_learner_trusts(&l, &good, if_nametoindex("lo"), 1), "looked up once a second");
        cr_assert_not(dns_learner_trusts(&l, &good, if_nametoindex("lo"), 2));
}

Test(dns_learn, an_address_as_the_kernel_has_it)
{
        struct dns_addresses found = {.family = AF_INET6, .count = 1};
        union address a;

        found.at[0].in6 = in6addr_loopback;
        dns_address(&found, 0, &a);
        cr_assert(address_loopback(&a));
        found.family = AF_INET;
        found.at[0].in.s_addr = htonl(INADDR_LOOPBACK);
        dns_address(&found, 0, &a);
        cr_assert_eq(a.sa.sa_family, AF_INET);
        cr_assert(address_loopback(&a));
}
