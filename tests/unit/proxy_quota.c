/* How many connections each client has: at which number it is handed back, and when no longer. */
#include "proxy/quota.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>

enum { LIMIT = 20, MANY = 1000 };

static struct quota *q;
static int64_t now;

/* What quota_tend has told, last. */
static unsigned told, seconds;
static union address whom;

static void open_quota(void)
{
        now = 1000;
        q = quota_new(LIMIT);
        cr_assert_not_null(q);
}

static void close_quota(void)
{
        quota_free(&q);
        cr_assert_null(q);
}

TestSuite(quota, .init = open_quota, .fini = close_quota);

static union address from(const char *text, uint16_t port)
{
        union address a = {.in = {.sin_family = AF_INET, .sin_port = htons(port)}};

        if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1)
                return a;
        a.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        cr_assert_eq(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
        return a;
}

static bool enter(const char *text, uint16_t port)
{
        union address a = from(text, port);

        return quota_enter(q, &a, now);
}

static void leave(const char *text, unsigned times)
{
        union address a = from(text, 1);

        while (times--)
                quota_leave(q, &a);
}

/* That many, of which none is one too many. */
static void enter_times(const char *text, unsigned times)
{
        for (unsigned i = 0; i < times; i++)
                cr_assert_not(enter(text, (uint16_t)(1024 + i)), "connection %u of %u", i + 1, times);
}

static void remember(void *argument, const union address *client, unsigned for_seconds)
{
        (void)argument;
        told++;
        whom = *client;
        seconds = for_seconds;
}

static unsigned tend(int64_t later)
{
        told = 0;
        now += later;
        quota_tend(q, now, remember, NULL);
        return told;
}

Test(quota, a_client_at_its_limit_is_told_of_once)
{
        enter_times("192.0.2.1", LIMIT - 1);
        cr_expect(enter("192.0.2.1", 9));
        cr_expect_not(enter("192.0.2.1", 10), "it is known by now");
        cr_expect_eq(tend(0), 0);
}

Test(quota, others_have_their_own)
{
        enter_times("192.0.2.1", LIMIT - 1);
        enter_times("192.0.2.2", LIMIT - 1);
        enter_times("2001:db8::1", LIMIT - 1);
}

Test(quota, the_addresses_of_an_ipv6_network_are_one_client)
{
        enter_times("2001:db8:1:2::1", LIMIT / 2);
        enter_times("2001:db8:1:2:ffff::2", LIMIT / 2 - 1);
        enter_times("2001:db8:1:3::1", LIMIT / 2);
        cr_expect(enter("2001:db8:1:2::3", 9));
}

Test(quota, who_has_left_is_not_counted)
{
        for (unsigned i = 0; i < MANY; i++) {
                cr_assert_not(enter("192.0.2.1", 1));
                leave("192.0.2.1", 1);
        }
        cr_expect_eq(tend(0), 0);
}

Test(quota, it_is_told_again_while_a_client_has_too_many)
{
        enter_times("192.0.2.1", LIMIT - 1);
        cr_assert(enter("192.0.2.1", 9));
        cr_expect_eq(tend(QUOTA_RENEW_MS - 1), 0);
        cr_expect_eq(tend(1), 1);
        cr_expect_eq(seconds, QUOTA_SECONDS);
        cr_expect_eq(whom.in.sin_addr.s_addr, from("192.0.2.1", 1).in.sin_addr.s_addr);
        cr_expect_eq(tend(1), 0);
        cr_expect_eq(tend(QUOTA_RENEW_MS), 1);
}

Test(quota, it_is_not_handed_back_with_less_than_nine_tenths)
{
        enter_times("192.0.2.1", LIMIT - 1);
        cr_assert(enter("192.0.2.1", 9));
        leave("192.0.2.1", LIMIT / 10);
        cr_expect_eq(tend(1), 0, "just as many");
        leave("192.0.2.1", 1);
        cr_expect_eq(tend(1), 1);
        cr_expect_eq(seconds, 1);
        cr_expect_eq(tend(QUOTA_RENEW_MS), 0, "forgotten");
        enter_times("192.0.2.1", LIMIT / 10);
        cr_expect(enter("192.0.2.1", 9), "and known again");
}

Test(quota, of_more_than_there_is_room_for_none_is_overlooked)
{
        char text[INET_ADDRSTRLEN];

        for (unsigned i = 0; i <= QUOTA_CROWDED_MAX; i++) {
                snprintf(text, sizeof text, "192.0.2.%u", i);
                enter_times(text, LIMIT - 1);
                cr_assert(enter(text, 9));
        }
        cr_expect(enter(text, 10), "each time");
        cr_expect_eq(tend(QUOTA_RENEW_MS), QUOTA_CROWDED_MAX);
}
