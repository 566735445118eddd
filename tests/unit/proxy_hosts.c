/* The busiest hosts: names in one form, sums over tables, and heavy hosts that survive any flood of light ones. */
#include "proxy/hosts.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>

enum { TOP = 8, FLOOD = 20000 };

static struct hosts *table;
static struct host_total top[TOP];

static void open_table(void)
{
        table = hosts_new();
        cr_assert_not_null(table);
}

static void close_table(void)
{
        hosts_free(&table);
        cr_expect_null(table);
        hosts_free(&table);
}

TestSuite(hosts, .init = open_table, .fini = close_table);

static size_t find_top(void)
{
        return hosts_top(&table, 1, top, TOP);
}

Test(hosts, one_host_in_all_its_spellings)
{
        hosts_add(table, SPAN("Example.COM"), true, 100, 60);
        hosts_add(table, SPAN("example.com"), false, 10, 0);
        cr_assert_eq(find_top(), 1);
        cr_expect_str_eq(top[0].name, "example.com");
        cr_expect_eq(top[0].requests, 2);
        cr_expect_eq(top[0].hits, 1);
        cr_expect_eq(top[0].bytes, 110);
        cr_expect_eq(top[0].bytes_stored, 60);
}

Test(hosts, by_bytes_and_no_more_than_asked_for)
{
        hosts_add(table, SPAN("small"), false, 1, 0);
        hosts_add(table, SPAN("large"), false, 1000, 0);
        hosts_add(table, SPAN("middle"), false, 100, 0);
        cr_assert_eq(hosts_top(&table, 1, top, 2), 2);
        cr_expect_str_eq(top[0].name, "large");
        cr_expect_str_eq(top[1].name, "middle");
}

Test(hosts, several_tables_are_one)
{
        struct hosts *both[2] = {table, hosts_new()};

        cr_assert_not_null(both[1]);
        hosts_add(both[0], SPAN("a"), true, 5, 5);
        hosts_add(both[1], SPAN("b"), false, 7, 0);
        hosts_add(both[1], SPAN("a"), false, 3, 0);
        cr_assert_eq(hosts_top(both, 2, top, TOP), 2);
        cr_expect_str_eq(top[0].name, "a");
        cr_expect_eq(top[0].bytes, 8);
        cr_expect_eq(top[0].requests, 2);
        cr_expect_eq(top[1].bytes, 7);
        hosts_free(&both[1]);
}

Test(hosts, names_hold_printable_ascii_only)
{
        hosts_add(table, SPAN("a\n<\xc3\xa9\0b c"), false, 1, 0);
        cr_assert_eq(find_top(), 1);
        cr_expect_str_eq(top[0].name, "a?<???b?c");
}

Test(hosts, long_names_are_cut_and_empty_ones_left_out)
{
        char name[1000];

        memset(name, 'x', sizeof name);
        hosts_add(table, (struct span){name, sizeof name}, false, 1, 0);
        hosts_add(table, (struct span){NULL, 0}, false, 1, 0);
        cr_assert_eq(find_top(), 1);
        cr_expect_eq(strlen(top[0].name), HOST_MAX);
}

Test(hosts, a_heavy_host_survives_a_flood)
{
        char name[32];
        size_t i;

        for (i = 0; i < FLOOD; i++) {
                snprintf(name, sizeof name, "flood%zu.test", i);
                hosts_add(table, (struct span){name, strlen(name)}, false, 100, 0);
                if (i % 10 == 0)
                        hosts_add(table, SPAN("heavy.test"), true, 5000, 5000);
        }
        find_top();
        cr_expect_str_eq(top[0].name, "heavy.test");
        cr_expect_eq(top[0].requests, FLOOD / 10);
        cr_expect_eq(top[0].bytes, FLOOD / 10 * 5000UL);
        cr_expect_leq(top[1].bytes, 200, "a place's former weight is not counted as bytes of the next one");
}

Test(hosts, an_empty_table_has_no_top)
{
        cr_expect_eq(find_top(), 0);
        cr_expect_eq(hosts_top(NULL, 0, top, TOP), 0);
}

static void *read_often(void *unused)
{
        (void)unused;
        for (int i = 0; i < 200; i++)
                find_top();
        return NULL;
}

/* Under the thread sanitizer this is the proof of the lock. What is added while the table is read may be put off. */
Test(hosts, reading_and_adding_at_once)
{
        pthread_t reader;

        cr_assert_eq(pthread_create(&reader, NULL, read_often, NULL), 0);
        for (int i = 0; i < FLOOD; i++)
                hosts_add(table, i % 2 ? SPAN("odd") : SPAN("even"), false, 1, 0);
        pthread_join(reader, NULL);
        hosts_add(table, SPAN("odd"), false, 1, 0);
        cr_assert_eq(find_top(), 2);
        cr_expect_leq(top[0].requests + top[1].requests, FLOOD + 1);
        cr_expect_gt(top[0].requests, 0);
}
