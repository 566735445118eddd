/* The addresses of the test namespace, and that its link can be used at once. What is tested over it, the lab's tests
 * show. */
#include "setup/probe.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

static bool is_client(int family, const char *text)
{
        struct sockaddr_in6 a6 = {.sin6_family = AF_INET6};
        struct sockaddr_in a4 = {.sin_family = AF_INET};

        if (family == AF_INET6)
                inet_pton(family, text, &a6.sin6_addr);
        else
                inet_pton(family, text, &a4.sin_addr);
        return probe_is_at((struct probe_place){PROBE_SELF, 0},
                           family == AF_INET6 ? (const struct sockaddr *)&a6 : (const struct sockaddr *)&a4);
}

Test(probe, one_address_of_each_family_is_the_clients)
{
        cr_expect(is_client(AF_INET, "169.254.255.250"));
        cr_expect_not(is_client(AF_INET, "169.254.255.251"));
        cr_expect_not(is_client(AF_INET, "10.0.0.1"));
        cr_expect(is_client(AF_INET6, "fd6c:696d:7069:64::2"));
        cr_expect_not(is_client(AF_INET6, "fd6c:696d:7069:64::3"));
        cr_expect_not(is_client(AF_INET6, "::ffff:169.254.255.250"));
}

Test(probe, the_destination_is_on_the_same_link)
{
        struct sockaddr_storage to;
        const struct sockaddr_in *a4 = (const struct sockaddr_in *)(const void *)&to;
        const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)(const void *)&to;
        char text[INET6_ADDRSTRLEN];

        cr_assert_eq(probe_destination(AF_INET, 8080, &to), sizeof *a4);
        cr_expect_str_eq(inet_ntop(AF_INET, &a4->sin_addr, text, sizeof text), "169.254.255.251");
        cr_expect_eq(ntohs(a4->sin_port), 8080);
        cr_assert_eq(probe_destination(AF_INET6, 80, &to), sizeof *a6);
        cr_expect_str_eq(inet_ntop(AF_INET6, &a6->sin6_addr, text, sizeof text), "fd6c:696d:7069:64::3");
        cr_expect_eq(ntohs(a6->sin6_port), 80);
}

Test(probe, pairs_have_addresses_of_their_own)
{
        static const int families[] = {AF_INET, AF_INET6};
        struct sockaddr_storage at[2 * PROBE_PAIRS];

        for (size_t f = 0; f < 2; f++) {
                for (unsigned i = 0; i < 2 * PROBE_PAIRS; i++) {
                        struct probe_place place = {i % 2 ? PROBE_ORIGIN : PROBE_CLIENT, i / 2};

                        memset(&at[i], 0, sizeof at[i]);
                        probe_address(place, families[f], 80, &at[i]);
                        for (unsigned j = 0; j <= i; j++)
                                cr_expect(probe_is_at(place, (struct sockaddr *)&at[j]) == (i == j), "%u and %u", i, j);
                }
        }
}

/* The first datagram of all, which nobody sends again. */
static bool arrives(const struct probe *p, struct probe_place place, int family)
{
        int from = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), to = probe_datagrams(p, family);
        struct sockaddr_storage at;
        socklen_t len = probe_address(place, family, 5353, &at);
        char got;
        bool came = bind(to, (struct sockaddr *)&at, len) == 0 &&
                    sendto(from, "x", 1, 0, (struct sockaddr *)&at, len) == 1 && recv(to, &got, 1, 0) == 1;

        close(from);
        return came;
}

Test(probe, the_first_datagram_arrives)
{
        static const enum probe_kind kinds[] = {PROBE_SELF, PROBE_CLIENT, PROBE_ORIGIN};

        cr_assert_eq(unshare(CLONE_NEWNET), 0, "this takes root");
        for (size_t i = 0; i < 12; i++) {
                struct probe_place place = {kinds[i % 3], 0};
                struct setup_text why = {NULL, 0, 0};
                struct probe *p;

                cr_assert_eq(probe_open(&p, place, true, &why), 0, "%s", why.at);
                cr_expect(arrives(p, place, AF_INET6));
                cr_expect(arrives(p, place, AF_INET));
                probe_free(&p);
        }
}
