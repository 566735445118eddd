/* What the warden learns of an overload, over a channel that is now and then full. */
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/channel.h"
#include "proxy/proxy.h"
#include "proxy/quota.h"
#include "proxy/worker.h"

static struct proxy p;
static int warden;

static void set_up(void)
{
        int pair[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        warden = pair[0];
        p = (struct proxy){.channel = pair[1], .connections_max = 100, .quota = quota_new(1000)};
        cr_assert_not_null(p.quota);
}

static void tear_down(void)
{
        quota_free(&p.quota);
        close(p.channel);
        close(warden);
}

TestSuite(admission, .init = set_up, .fini = tear_down);

/* The last of what was said; its kind is CHANNEL_BAD if that was nothing. */
static struct channel_message last_word(void)
{
        struct channel_message m, last = {.kind = CHANNEL_BAD};

        while (channel_receive(warden, &m))
                last = m;
        return last;
}

static void fill_channel(void)
{
        const struct channel_message m = {.kind = CHANNEL_BYPASS};

        while (channel_send(p.channel, &m))
                ;
}

static void expect_beat(uint32_t value)
{
        struct channel_message m;

        proxy_beat(&p);
        m = last_word();
        cr_expect_eq(m.kind, CHANNEL_HEARTBEAT);
        cr_expect_eq(m.value, value);
}

Test(admission, an_overload_is_said_at_once_and_with_each_beat)
{
        expect_beat(0);
        atomic_store(&p.connections, 100);
        proxy_overload(&p);
        cr_expect_eq(last_word().kind, CHANNEL_SHUT);
        proxy_overload(&p);
        cr_expect_eq(last_word().kind, CHANNEL_BAD, "once");
        proxy_tend_gate(&p, 0);
        expect_beat(1);
        atomic_store(&p.connections, 90);
        proxy_tend_gate(&p, 0);
        expect_beat(0);
}

Test(admission, what_a_full_channel_does_not_take_is_said_later)
{
        atomic_store(&p.connections, 100);
        fill_channel();
        proxy_overload(&p);
        cr_expect_eq(last_word().kind, CHANNEL_BYPASS, "the word is lost");
        proxy_tend_gate(&p, 0);
        expect_beat(1);
        atomic_store(&p.connections, 0);
        fill_channel();
        proxy_tend_gate(&p, 0);
        proxy_beat(&p);
        cr_expect_eq(last_word().kind, CHANNEL_BYPASS);
        expect_beat(0);
}
