/* The count of cookies among the kernel's numbers. */
#include "setup/cookies.h"

#include <criterion/criterion.h>
#include <unistd.h>

Test(cookies, the_number_under_the_name)
{
        uint64_t sent = 0;

        cr_assert(cookies_parse((char[]){"TcpExt: SyncookiesSent SyncookiesRecv\n"}, (char[]){"TcpExt: 7 8\n"}, &sent));
        cr_expect_eq(sent, 7);
        cr_assert(cookies_parse((char[]){"TcpExt: A SyncookiesSent\n"}, (char[]){"TcpExt: 1 18446744073709551615\n"},
                                &sent));
        cr_expect_eq(sent, UINT64_MAX);
        cr_expect_not(cookies_parse((char[]){"TcpExt: A SyncookiesSent\n"}, (char[]){"TcpExt: 1\n"}, &sent));
        cr_expect_not(cookies_parse((char[]){"TcpExt: A\n"}, (char[]){"TcpExt: 1\n"}, &sent));
        cr_expect_not(cookies_parse((char[]){""}, (char[]){""}, &sent));
}

Test(cookies, this_kernel_counts)
{
        uint64_t sent;

        cr_expect(cookies_sent(&sent));
}

/* Here nobody listens on the port, so none of them can be for us. */
Test(cookies, without_a_listener_they_are_not_ours)
{
        struct setup_options o = {.ports = (const uint16_t[]){80}, .port_count = 1, .listen_port = 1};

        if (access("/proc/sys/net/ipv4/tcp_syncookies", R_OK) == 0)
                cr_expect_not(cookies_ours(&o));
}
