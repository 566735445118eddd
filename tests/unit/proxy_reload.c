/* What may be changed while the program runs. */
#include "proxy/reload.h"

#include <criterion/criterion.h>

static const uint16_t high[] = {8080}, low[] = {53};

static struct config plain(void)
{
        struct config c = {.user = "limpid"};

        c.setup.self_test = true;
        c.setup.state = "/run/limpid/setup.state";
        c.setup.listen_port = 3129;
        return c;
}

static const char *obstacle(const struct config *next)
{
        const struct config now = plain();

        return reload_obstacle(&now, next);
}

Test(reload, what_the_proxy_or_the_rules_alone_go_by_takes_no_restart)
{
        struct config next = plain();

        cr_expect_null(obstacle(&next));
        next.setup.mark = 0x100;
        next.setup.table = 101;
        next.setup.listen_port = 3130;
        next.setup.fail_closed = true;
        next.workers = 1;
        next.keep_set_cookie = true;
        cr_expect_null(obstacle(&next));
        next.datagram_ports = high;
        next.datagram_port_count = 1;
        cr_expect_null(obstacle(&next));
}

Test(reload, what_privileges_were_given_away_for_takes_a_restart)
{
        struct config next = plain();

        next.user = "nobody";
        cr_expect_str_eq(obstacle(&next), "user");
        next = plain();
        next.setup.self_test = false;
        cr_expect_str_eq(obstacle(&next), "intercept.self_test");
        next = plain();
        next.manual = true;
        cr_expect_str_eq(obstacle(&next), "intercept.manual");
}

Test(reload, a_low_port_takes_a_capability_that_is_gone)
{
        struct config next = plain();

        next.datagram_ports = low;
        next.datagram_port_count = 1;
        cr_expect_not_null(obstacle(&next));
        next = plain();
        next.dns.relay = true;
        cr_expect_not_null(obstacle(&next));
}

Test(reload, what_is_remembered_stays_where_it_is)
{
        struct config next = plain();

        next.setup.state = "/tmp/setup.state";
        cr_expect_str_eq(obstacle(&next), "the folder of admin.control");
}
