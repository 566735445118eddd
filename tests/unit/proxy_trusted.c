/* proxy/trusted.c: a list of resolvers on its way from the warden to the proxy's threads. */
#include "proxy/trusted.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct trusted trusted;
static struct trusted_copy copy;
static int ends[2];

static struct resolvers list(size_t count, unsigned first)
{
        struct resolvers r = {.count = count};

        for (size_t i = 0; i < count; i++)
                r.at[i] = (union address){.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(first + (uint32_t)i)}};
        return r;
}

static bool has(unsigned last)
{
        union address a = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(last)}};

        return resolvers_have(&copy.resolvers, &a);
}

static void set_up(void)
{
        struct resolvers first = list(1, 1);

        copy = (struct trusted_copy){0};
        trusted_begin(&trusted, &first);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
}

TestSuite(trusted, .init = set_up);

/* Whether the list that was complete last holds. */
static bool heard(void)
{
        struct channel_message m;
        bool complete = false;

        while (channel_receive(ends[1], &m))
                complete = trusted_hear(&trusted, &m);
        return complete;
}

Test(trusted, a_thread_gets_what_there_is_and_then_nothing)
{
        cr_assert(trusted_follow(&trusted, &copy));
        cr_assert(copy.resolvers.count == 1 && has(1));
        cr_assert_not(trusted_follow(&trusted, &copy));
}

Test(trusted, a_list_comes_whole)
{
        struct resolvers full = list(RESOLVERS_MAX, 100), six = {.count = 1};

        trusted_follow(&trusted, &copy);
        cr_assert(trusted_tell(ends[0], &full) && heard());
        cr_assert(trusted_follow(&trusted, &copy));
        cr_assert(copy.resolvers.count == RESOLVERS_MAX && has(100) && has(99 + RESOLVERS_MAX) && !has(1));
        six.at[0].in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        cr_assert(trusted_tell(ends[0], &six) && heard() && trusted_follow(&trusted, &copy));
        cr_assert(copy.resolvers.count == 1 && resolvers_have(&copy.resolvers, &six.at[0]));
}

Test(trusted, a_part_of_a_list_changes_nothing_and_spoils_nothing)
{
        struct resolvers two = list(2, 20);
        struct channel_message m;

        trusted_follow(&trusted, &copy);
        trusted_tell(ends[0], &two);
        cr_assert(channel_receive(ends[1], &m) && !trusted_hear(&trusted, &m));
        cr_assert_not(trusted_follow(&trusted, &copy));
        while (channel_receive(ends[1], &m))
                ;
        cr_assert(trusted_tell(ends[0], &two) && heard() && trusted_follow(&trusted, &copy));
        cr_assert(copy.resolvers.count == 2 && has(20) && has(21));
}

Test(trusted, what_cannot_be_sent_is_said)
{
        struct resolvers full = list(RESOLVERS_MAX, 1);

        while (trusted_tell(ends[0], &full))
                ;
        cr_assert_not(trusted_tell(ends[0], &full));
}

static struct channel_message message(uint32_t place, uint32_t count, sa_family_t family)
{
        return (struct channel_message){
                .kind = CHANNEL_RESOLVER, .value = place, .count = count, .address.sin6_family = family};
}

Test(trusted, what_is_no_part_of_a_list_is_not_taken_for_one)
{
        const struct channel_message bad[] = {
                message(0, 0, AF_INET),
                message(1, 2, AF_INET),
                message(2, 2, AF_INET),
                message(0, 1, AF_UNIX),
                message(0, RESOLVERS_MAX + 1, AF_INET6),
                message(UINT32_MAX, 1, AF_INET),
        };

        trusted_follow(&trusted, &copy);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_assert_not(trusted_hear(&trusted, &bad[i]), "message %zu", i);
        cr_assert_not(trusted_follow(&trusted, &copy));
}
