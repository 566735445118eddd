/* proxy/address.c: comparing and spelling addresses. */
#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "proxy/address.h"

Test(address, spelt_as_in_a_url)
{
        union address a = {.in = {.sin_family = AF_INET, .sin_port = htons(80)}};
        union address b = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons(8080)}};
        char text[ADDRESS_TEXT];

        inet_pton(AF_INET, "192.0.2.7", &a.in.sin_addr);
        inet_pton(AF_INET6, "2001:db8::7", &b.in6.sin6_addr);
        cr_assert_str_eq(address_text(&a, text), "192.0.2.7:80");
        cr_assert_str_eq(address_text(&b, text), "[2001:db8::7]:8080");
}

Test(address, families_are_never_the_same_host)
{
        union address a = {.in = {.sin_family = AF_INET}}, b = {.in6 = {.sin6_family = AF_INET6}};

        cr_assert_not(address_same_host(&a, &b));
        cr_assert(address_same_host(&b, &b));
}

Test(address, the_port_counts_where_it_is_asked_to)
{
        union address a = {.in = {.sin_family = AF_INET, .sin_port = htons(1)}}, b = a;

        address_set_port(&b, 2);
        cr_assert(address_same_host(&a, &b));
        cr_assert_not(address_equal(&a, &b));
        cr_assert_eq(address_port(&b), 2);
}

Test(address, loopback_is_all_of_127)
{
        union address a = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010203)}};
        union address b = {.in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}};

        cr_assert(address_loopback(&a));
        cr_assert(address_loopback(&b));
        a.in.sin_addr.s_addr = htonl(0xc0000201);
        cr_assert_not(address_loopback(&a));
}

Test(address, local_is_what_the_kernel_lets_be_bound)
{
        union address a = {
                .in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)}};

        cr_assert(address_local(&a));
        a.in.sin_addr.s_addr = htonl(0xcb007101); /* 203.0.113.1 */
        cr_assert_not(address_local(&a));
}

static bool is_private(const char *text)
{
        union address a = {.in = {.sin_family = AF_INET}};

        if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1)
                return address_private(&a);
        a = (union address){.in6 = {.sin6_family = AF_INET6}};
        cr_assert_eq(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
        return address_private(&a);
}

Test(address, private_is_what_is_not_of_the_internet)
{
        const char *const inside[] = {"10.0.0.1",    "100.64.0.1",     "100.127.255.255", "127.0.0.1",
                                      "169.254.1.1", "172.31.255.255", "192.168.0.1",     "::1",
                                      "fe80::1",     "fd00::1",        "fc00::1"};
        const char *const outside[] = {"9.255.255.255", "11.0.0.0",    "100.63.255.255", "100.128.0.0", "172.15.0.1",
                                       "172.32.0.0",    "192.169.0.0", "8.8.8.8",        "2001:db8::1", "fe00::1"};

        for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
                cr_assert(is_private(inside[i]), "%s", inside[i]);
        for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
                cr_assert_not(is_private(outside[i]), "%s", outside[i]);
}
