/* proxy/resolve.c: which hosts are asked for, and what becomes of a question that nobody hears. What resolvers answer
 * is tested in the lab. */
#include "proxy/resolve.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static bool askable(const char *host)
{
        return resolve_askable(host, strlen(host));
}

Test(resolve, names_are_asked_for)
{
        cr_assert(askable("a.test"));
        cr_assert(askable("intranet"));
        cr_assert(askable("xn--bcher-kva.example"));
        cr_assert(askable("_service.1.example"));
        cr_assert(askable("4chan.org"));
}

Test(resolve, what_is_no_name_is_not)
{
        char label[300];

        cr_assert_not(askable(""));
        cr_assert_not(askable("192.0.2.1"));
        cr_assert_not(askable("a.1"));
        cr_assert_not(askable("[2001:db8::1]"));
        cr_assert_not(askable("a..test"));
        cr_assert_not(askable(".test"));
        cr_assert_not(askable("a.test."));
        cr_assert_not(askable("a b.test"));
        cr_assert_not(resolve_askable("a\0.test", 7));
        memset(label, 'x', sizeof label);
        cr_assert(resolve_askable(label, 63));
        cr_assert_not(resolve_askable(label, 64));
        for (int i = 60; i < 300; i += 60)
                label[i] = '.';
        cr_assert_not(resolve_askable(label, 254));
        cr_assert(resolve_askable(label, 253));
}

/* A socket that takes questions on port 53 cannot be had here: nobody listens at this address. */
Test(resolve, where_nobody_answers_it_ends)
{
        const char *nowhere = "127.0.0.77";
        struct resolver *r = resolver_new(&nowhere, 1);
        struct query *q = query_start(r, "a.test");
        const struct answer *a = NULL;
        struct pollfd fds[QUERY_FDS];
        int count, turns = 0;

        cr_assert_not_null(q);
        do {
                count = query_fds(q, fds);
                poll(fds, (nfds_t)count, query_wait(q, 5000));
                a = query_run(q, fds, count);
        } while (a->resolved == RESOLVED_PENDING && ++turns < 100);
        cr_assert_eq(a->resolved, RESOLVED_SILENT);
        cr_assert_eq(a->count, 0);
        cr_assert_eq(query_wait(q, 5000), 0);
        query_free(&q);
        resolver_free(&r);
}

Test(resolve, a_query_can_be_given_up)
{
        const char *nowhere[] = {"192.0.2.53", "2001:db8::53"};
        struct resolver *r = resolver_new(nowhere, 2);
        struct query *q = query_start(r, "a.test");

        query_free(&q);
        q = query_start(r, ".");
        query_free(&q);
        resolver_free(&r);
        cr_assert_null(r);
        query_free(&q);
        resolver_free(&r);
}

Test(resolve, an_address_that_is_none_is_an_error)
{
        const char *wrong = "resolver.test";

        cr_assert_null(resolver_new(&wrong, 1));
}
