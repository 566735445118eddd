/* proxy/datagram_socket.c: ports, and what the kernel tells with a datagram. */
#include "proxy/datagram_socket.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint16_t ports[] = {53, 1812};

Test(datagram_socket, dns_is_watched_only_where_the_relay_is_on)
{
        struct config config = {.datagram_ports = ports, .datagram_port_count = 2};

        cr_assert(datagram_relayed(&config, 53) && datagram_relayed(&config, 1812));
        cr_assert_not(datagram_relayed(&config, 123));
        cr_assert_not(datagram_watched(&config, 53));
        config.dns.relay = true;
        config.datagram_port_count = 0;
        cr_assert(datagram_watched(&config, 53) && datagram_relayed(&config, 53));
        cr_assert_not(datagram_relayed(&config, 1812));
}

Test(datagram_socket, what_was_not_told_is_not_known)
{
        struct msghdr none = {.msg_control = NULL};
        union address a;

        cr_assert_not(datagram_destination(&none, &a));
        cr_assert_eq(datagram_interface(&none), 0);
}

Test(datagram_socket, the_original_destination_and_the_interface_are_found_among_others)
{
        _Alignas(16) char control[CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct sockaddr_in))] = {0};
        struct msghdr m = {.msg_control = control, .msg_controllen = sizeof control};
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        struct in_pktinfo info = {.ipi_ifindex = 7};
        union address wanted = {
                .in = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0xc0000201)}};
        union address a;

        *c = (struct cmsghdr){.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof info)};
        memcpy(CMSG_DATA(c), &info, sizeof info);
        c = CMSG_NXTHDR(&m, c);
        *c = (struct cmsghdr){
                .cmsg_level = IPPROTO_IP, .cmsg_type = IP_ORIGDSTADDR, .cmsg_len = CMSG_LEN(sizeof wanted.in)};
        memcpy(CMSG_DATA(c), &wanted.in, sizeof wanted.in);
        cr_assert(datagram_destination(&m, &a));
        cr_assert(address_equal(&a, &wanted));
        cr_assert_eq(datagram_interface(&m), 7);
}
