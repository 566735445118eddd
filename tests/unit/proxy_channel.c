/* Messages are whole or none, and neither side ever waits for the other. */
#include "proxy/channel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static int fds[2];

static void open_pair(void)
{
        cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
}

TestSuite(channel, .init = open_pair);

Test(channel, what_is_sent_is_received)
{
        struct channel_message out = {.kind = CHANNEL_BYPASS, .seconds = 60, .address.sin6_port = 80}, in;

        cr_expect(channel_send(fds[0], &out));
        cr_expect(channel_receive(fds[1], &in));
        cr_expect_eq(in.kind, CHANNEL_BYPASS);
        cr_expect_eq(in.seconds, 60);
        cr_expect_eq(in.address.sin6_port, 80);
}

Test(channel, nothing_there_is_no_end)
{
        struct channel_message in;

        cr_expect_not(channel_receive(fds[1], &in));
        cr_expect_eq(errno, EAGAIN);
}

Test(channel, the_end_is_seen_by_both)
{
        struct channel_message m = {.kind = CHANNEL_DRAIN};

        close(fds[0]);
        cr_expect_not(channel_receive(fds[1], &m));
        cr_expect_eq(errno, EPIPE);
        cr_expect_not(channel_send(fds[1], &m), "and without SIGPIPE");
        cr_expect_eq(errno, EPIPE);
}

Test(channel, another_size_is_a_bad_message)
{
        char large[sizeof(struct channel_message) + 1] = {0};
        struct channel_message in, good = {.kind = CHANNEL_READY};

        cr_assert_eq(send(fds[0], large, sizeof large, 0), (ssize_t)sizeof large);
        cr_assert_eq(send(fds[0], large, 4, 0), 4);
        cr_assert(channel_send(fds[0], &good));
        cr_expect(channel_receive(fds[1], &in));
        cr_expect_eq(in.kind, CHANNEL_BAD);
        cr_expect(channel_receive(fds[1], &in));
        cr_expect_eq(in.kind, CHANNEL_BAD);
        cr_expect(channel_receive(fds[1], &in), "what follows is not lost");
        cr_expect_eq(in.kind, CHANNEL_READY);
}

Test(channel, a_full_channel_refuses_and_does_not_wait)
{
        struct channel_message m = {.kind = CHANNEL_HEARTBEAT};

        for (int i = 0; i < 100000 && channel_send(fds[0], &m); i++)
                ;
        cr_expect_not(channel_send(fds[0], &m));
        cr_expect_eq(errno, EAGAIN);
        cr_expect(channel_receive(fds[1], &m));
        cr_expect(channel_send(fds[0], &m));
}
