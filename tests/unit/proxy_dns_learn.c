/* proxy/dns_learn.c: whose replies are believed, by which way they must have come (cases.md D2, D6), and what becomes
 * of them. */
#include "proxy/dns_learn.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>

static const char *const resolvers[] = {"192.0.2.53"};
static const char *const interfaces[] = {"lo*"};
static struct config config = {.dns = {.trusted_resolvers = resolvers, .trusted_resolver_count = 1}};
static struct dns_learner learner;
static struct trusted trusted;
static struct bindings *bindings;

/* Who is www.test? It is called a.test, and that is 192.0.2.1 and, in another class, 192.0.2.2. */
static const char reply[] = "\0\7\x81\x80\0\1\0\3\0\0\0\0\3WWW\4test\0\0\1\0\1"
                            "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1a\xc0\x10"
                            "\1a\xc0\x10\0\1\0\1\0\0\1\0\0\4\xc0\0\2\1"
                            "\1a\xc0\x10\0\1\0\3\0\0\1\0\0\4\xc0\0\2\2";

static void set_up(void)
{
        struct resolvers known;

        resolvers_read(&known, &config, NULL);
        trusted_begin(&trusted, &known);
        dns_learner_make(&learner, &config, &trusted);
        bindings = bindings_new(64);
        cr_assert_not_null(bindings);
}

static void tear_down(void)
{
        bindings_free(bindings);
}

TestSuite(dns_learn, .init = set_up, .fini = tear_down);

static union address address(const char *text)
{
        union address a = {.in = {.sin_family = AF_INET, .sin_port = htons(53)}};

        cr_assert_eq(inet_pton(AF_INET, text, &a.in.sin_addr), 1);
        return a;
}

static size_t learn(const char *resolver, unsigned ifindex, int64_t now)
{
        union address a = address(resolver);
        struct dns_reply r = {&a, {reply + 12, 14}, {reply, sizeof reply - 1}, ifindex};

        return dns_learn(&learner, bindings, &r, now);
}

static enum binding look(struct span host, const char *text, int64_t now)
{
        union address a = address(text);

        return bindings_look(bindings, host, &a.sa, now);
}

Test(dns_learn, the_name_asked_for_is_bound_to_the_end_of_its_chain)
{
        cr_assert_eq(learn("192.0.2.53", if_nametoindex("lo"), 1000), 1);
        cr_assert_eq(look(SPAN("www.test"), "192.0.2.1", 1000), BINDING_BOUND);
        cr_assert_eq(look(SPAN("a.test"), "192.0.2.1", 1000), BINDING_NONE);
        cr_assert_eq(look(SPAN("www.test"), "192.0.2.2", 1000), BINDING_NONE);
        cr_assert_eq(look(SPAN("www.test"), "192.0.2.1", 1061), BINDING_GRACE, "the TTL is the chain's least");
        cr_assert_eq(bindings_count(bindings, 1000), 1);
}

Test(dns_learn, d2_a_resolver_that_is_not_trusted_teaches_nothing)
{
        cr_assert_eq(learn("192.0.2.54", if_nametoindex("lo"), 1000), 0);
        cr_assert_eq(bindings_count(bindings, 1000), 0);
}

Test(dns_learn, d6_what_came_by_a_client_interface_or_by_none_teaches_nothing)
{
        cr_assert_eq(learn("192.0.2.53", 0, 1000), 0);
        cr_assert_eq(learn("192.0.2.53", 0x7fffffff, 1000), 0);
        config.setup.interfaces = interfaces;
        config.setup.interface_count = 1;
        cr_assert_eq(learn("192.0.2.53", if_nametoindex("lo"), 1000), 0);
        cr_assert_eq(bindings_count(bindings, 1000), 0);
}

Test(dns_learn, an_interface_is_looked_up_again_after_a_second)
{
        unsigned lo = if_nametoindex("lo");

        cr_assert_eq(learn("192.0.2.53", lo, 1000), 1);
        config.setup.interfaces = interfaces;
        config.setup.interface_count = 1;
        cr_assert_eq(learn("192.0.2.53", lo, 1000), 1);
        cr_assert_eq(learn("192.0.2.53", lo, 1001), 0);
}

Test(dns_learn, where_there_are_no_bindings_nothing_is_learnt)
{
        bindings_free(bindings);
        bindings = NULL;
        cr_assert_eq(learn("192.0.2.53", if_nametoindex("lo"), 1000), 0);
}
