/* proxy/datagram.c: how many flows and descriptors there are for it. What it does is shown in the lab. */
#include "proxy/datagram.h"

#include <criterion/criterion.h>

#include "cache/store.h"
#include "proxy/sigbus.h"

/* proxy.o wants one, and nothing here has a store. */
void sigbus_watch(struct store *const *stores, size_t count)
{
        (void)stores;
        (void)count;
}

static const uint16_t ports[] = {123};

Test(datagram, without_ports_and_relay_there_is_none)
{
        struct config config = {.datagram_port_count = 0};

        cr_assert_eq(datagram_flows(&config, 65536, 2), 0);
        cr_assert_eq(datagram_descriptors(0), 0);
}

Test(datagram, a_fourth_of_the_files_for_all_workers)
{
        struct config dns = {.dns.relay = true}, named = {.datagram_ports = ports, .datagram_port_count = 1};

        cr_assert_eq(datagram_flows(&dns, 4096, 2), 512);
        cr_assert_eq(datagram_flows(&named, 4096, 4), 256);
        cr_assert_gt(datagram_descriptors(512), 512);
}

Test(datagram, bounded_and_never_none)
{
        struct config config = {.dns.relay = true};

        cr_assert_eq(datagram_flows(&config, UINT64_MAX, 1), 8192);
        cr_assert_eq(datagram_flows(&config, 1, 64), 1);
}
