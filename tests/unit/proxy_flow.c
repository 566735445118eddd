/* proxy/flow.c: flows are found by both ends, and the oldest is the one that was used longest ago. */
#include "proxy/flow.h"

#include <criterion/criterion.h>

static struct flows table;

static union address at(unsigned host, uint16_t port)
{
        union address a = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000200U + host)}};

        address_set_port(&a, port);
        return a;
}

static void set_up(void)
{
        cr_assert(flows_make(&table, 100, 42));
}

static void tear_down(void)
{
        flows_unmake(&table);
}

TestSuite(flow, .init = set_up, .fini = tear_down);

Test(flow, found_by_client_and_destination_with_their_ports)
{
        struct flow f = {.client = at(1, 1000), .destination = at(2, 53)};
        union address other_client = at(1, 1001), other = at(2, 54);

        flows_add_take(&table, &f);
        cr_assert_eq(flows_find(&table, &f.client, &f.destination), &f);
        cr_assert_null(flows_find(&table, &other_client, &f.destination));
        cr_assert_null(flows_find(&table, &f.client, &other));
        cr_assert_null(flows_find(&table, &f.destination, &f.client));
        flows_remove(&table, &f);
        cr_assert_null(flows_find(&table, &f.client, &f.destination));
}

Test(flow, a_query_has_its_flow_to_itself)
{
        struct flow query = {.client = at(1, 1000), .destination = at(2, 53), .query.question_len = 17};

        flows_add_take(&table, &query);
        cr_assert_null(flows_find(&table, &query.client, &query.destination));
        cr_assert_eq(table.oldest, &query);
        flows_remove(&table, &query);
        cr_assert_eq(table.count, 0);
}

Test(flow, the_oldest_is_the_one_used_longest_ago)
{
        struct flow f[4];

        for (unsigned i = 0; i < 4; i++) {
                f[i] = (struct flow){.client = at(i, 1), .destination = at(9, 53)};
                flows_add_take(&table, &f[i]);
        }
        cr_assert_eq(table.oldest, &f[0]);
        flows_use(&table, &f[0]);
        flows_use(&table, &f[0]);
        cr_assert_eq(table.oldest, &f[1]);
        flows_remove(&table, &f[2]);
        flows_use(&table, &f[1]);
        cr_assert_eq(table.oldest, &f[3]);
        flows_remove(&table, &f[3]);
        flows_remove(&table, &f[1]);
        cr_assert_eq(table.oldest, &f[0]);
        cr_assert_eq(table.newest, &f[0]);
        flows_remove(&table, &f[0]);
        cr_assert_null(table.oldest);
        cr_assert_null(table.newest);
}

Test(flow, many_of_them_share_chains)
{
        static struct flow f[1000];

        for (unsigned i = 0; i < 1000; i++) {
                f[i] = (struct flow){.client = at(i % 7, (uint16_t)i), .destination = at(9, 53)};
                flows_add_take(&table, &f[i]);
        }
        for (unsigned i = 0; i < 1000; i += 2)
                flows_remove(&table, &f[i]);
        for (unsigned i = 0; i < 1000; i++)
                cr_assert_eq(flows_find(&table, &f[i].client, &f[i].destination), i % 2 ? &f[i] : NULL);
        cr_assert_eq(table.count, 500);
}

Test(flow, patience_is_longest_with_what_was_answered)
{
        struct flow query = {.query.question_len = 17}, silent = {.fd = 3}, answered = {.answered = true};

        cr_assert_eq(flow_patience(&query), 10);
        cr_assert_eq(flow_patience(&silent), 30);
        cr_assert_eq(flow_patience(&answered), 120);
}

Test(flow, a_table_for_none_holds_one)
{
        struct flows small;

        cr_assert(flows_make(&small, 0, 1));
        cr_assert_not(flows_full(&small));
        flows_unmake(&small);
}
