/* What is taken of nft's listing of a set. */
#include "setup/handed_back.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

static const uint16_t ports[] = {80, 8080};
static const struct setup_options options = {.ports = ports, .port_count = 2};

Test(handed_back, addresses_with_an_intercepted_port)
{
        char four[] =
                "table inet limpid {\n\tset handed_back4 {\n\t\ttype ipv4_addr . inet_service\n\t\tsize 65535\n"
                "\t\tflags timeout\n\t\telements = { 198.51.100.7 . 80 timeout 1m expires 59s12ms, 198.51.100.8 . 53 "
                "timeout 1m expires 2s,\n\t\t\t     198.51.100.9 . 8080 expires 3s }\n\t}\n}\n";
        char six[] = "\t\ttype ipv6_addr . inet_service\n\t\telements = { 2001:db8::7 . 80 timeout 1m expires 59s }\n";
        const struct sockaddr_in *a4;
        const struct sockaddr_in6 *a6;
        struct sockaddr_storage found[4];
        char text[INET6_ADDRSTRLEN];

        cr_assert_eq(handed_back_parse(four, &options, found, 4), 2);
        a4 = (const struct sockaddr_in *)(const void *)&found[1];
        cr_expect_str_eq(inet_ntop(AF_INET, &a4->sin_addr, text, sizeof text), "198.51.100.9");
        cr_expect_eq(ntohs(a4->sin_port), 8080);
        cr_assert_eq(handed_back_parse(six, &options, found, 4), 1);
        a6 = (const struct sockaddr_in6 *)(const void *)&found[0];
        cr_expect_str_eq(inet_ntop(AF_INET6, &a6->sin6_addr, text, sizeof text), "2001:db8::7");
}

Test(handed_back, no_more_than_there_is_room_for)
{
        char text[] = "{ 198.51.100.7 . 80, 198.51.100.8 . 80, 198.51.100.9 . 80 }";
        struct sockaddr_storage found[2];

        cr_expect_eq(handed_back_parse(text, &options, found, 2), 2);
        cr_expect_eq(handed_back_parse((char[]){""}, &options, found, 2), 0);
        cr_expect_eq(handed_back_parse((char[]){" . 80 . . 80"}, &options, found, 2), 0);
}
