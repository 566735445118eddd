/* Batches of datagrams. Only between two sockets of one pair they are there as soon as they have been sent: over the
 * loopback the kernel brings them, and an ICMP error, when it comes to it. */
#include "proxy/datagram_batch.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct datagram_batch batch;

static int bound(union address *a)
{
        socklen_t len = sizeof *a;
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        *a = (union address){.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
        cr_assert_eq(bind(fd, &a->sa, sizeof a->in), 0);
        cr_assert_eq(getsockname(fd, &a->sa, &len), 0);
        return fd;
}

static int connected(const union address *to)
{
        int fd = socket(AF_INET, SOCK_DGRAM, 0);

        cr_assert_eq(connect(fd, &to->sa, sizeof to->in), 0);
        return fd;
}

static void put(int count)
{
        for (int i = 0; i < count; i++) {
                memset(batch.bytes[i], 'a' + i, 4);
                batch.parts[i].iov_base = batch.bytes[i];
                batch.messages[i].msg_len = 4;
        }
}

Test(datagram_batch, what_is_sent_arrives)
{
        int pair[2], error = EIO;

        cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
        put(3);
        cr_expect_eq(datagram_send(&batch, pair[0], NULL, 0, 3, &error), 3);
        cr_expect_eq(error, 0);
        cr_expect_eq(datagram_receive(&batch, pair[1]), 3);
        cr_expect_eq(batch.bytes[2][0], 'c');
        close(pair[0]);
        close(pair[1]);
}

Test(datagram_batch, an_icmp_error_is_told_to_whoever_sends_next)
{
        union address there;
        int to = bound(&there), from = connected(&there), error;

        close(to);
        put(1);
        cr_expect_eq(datagram_send(&batch, from, NULL, 0, 1, &error), 1);
        cr_expect_eq(error, 0);
        cr_assert_eq(poll(&(struct pollfd){from, 0, 0}, 1, -1), 1);
        put(1);
        cr_expect_eq(datagram_send(&batch, from, NULL, 0, 1, &error), 0);
        cr_expect_eq(error, ECONNREFUSED);
        close(from);
}

Test(datagram_batch, a_full_socket_is_no_error)
{
        int pair[2], sent = 1, error = 0;

        cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
        while (sent && !error) {
                put(1);
                sent = datagram_send(&batch, pair[0], NULL, 0, 1, &error);
        }
        cr_expect_eq(error, 0);
        close(pair[0]);
        close(pair[1]);
}
