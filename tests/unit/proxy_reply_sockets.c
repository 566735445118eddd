/* proxy/reply_sockets.c: one socket for each destination, few of them, and none that stays. */
#include "proxy/reply_sockets.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

static struct reply_sockets sockets;

/* Each in a network of its own: they run beside each other, and one of them lets nobody else have its port. */
static void set_up(void)
{
        if (unshare(CLONE_NEWNET) != 0)
                cr_skip_test("IP_TRANSPARENT and a network of one's own take capabilities");
        reply_sockets_make(&sockets, 42);
}

TestSuite(reply_sockets, .init = set_up);

static union address at(unsigned n)
{
        return (union address){
                .in = {.sin_family = AF_INET, .sin_port = htons(20053), .sin_addr.s_addr = htonl(INADDR_LOOPBACK + n)}};
}

Test(reply_sockets, bound_to_the_destination_and_used_again)
{
        union address a = at(1), bound;
        socklen_t len = sizeof bound;
        int fd = reply_socket(&sockets, &a);

        cr_assert_geq(fd, 0);
        cr_assert_eq(reply_socket(&sockets, &a), fd);
        cr_assert_eq(getsockname(fd, &bound.sa, &len), 0);
        cr_assert(address_equal(&a, &bound));
        reply_sockets_close(&sockets);
        cr_assert_eq(close(fd), -1, "it was closed");
}

Test(reply_sockets, several_may_have_the_same_address)
{
        static struct reply_sockets others;
        union address a = at(2);

        reply_sockets_make(&others, 1);
        cr_assert_geq(reply_socket(&sockets, &a), 0);
        cr_assert_geq(reply_socket(&others, &a), 0);
        reply_sockets_close(&sockets);
        reply_sockets_close(&others);
}

Test(reply_sockets, never_more_than_there_are_places)
{
        int open = 0;

        for (unsigned i = 0; i < 1000; i++) {
                union address a = at(i);

                cr_assert_geq(reply_socket(&sockets, &a), 0);
        }
        for (size_t i = 0; i < REPLY_SOCKETS; i++)
                open += sockets.at[i].fd >= 0;
        cr_assert_leq(open, REPLY_SOCKETS);
        reply_sockets_close(&sockets);
        for (size_t i = 0; i < REPLY_SOCKETS; i++)
                cr_assert_eq(sockets.at[i].fd, -1);
}

Test(reply_sockets, what_another_program_has_for_itself_cannot_be_had)
{
        union address a = at(3), all = a;
        int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        all.in.sin_addr.s_addr = htonl(INADDR_ANY);
        cr_assert_eq(bind(other, &all.sa, address_len(&all)), 0);
        cr_assert_eq(reply_socket(&sockets, &a), -1);
        close(other);
        cr_assert_geq(reply_socket(&sockets, &a), 0);
        reply_sockets_close(&sockets);
}
