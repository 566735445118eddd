/* proxy/resolve.c: which hosts are asked for, and what becomes of a question that nobody hears. What resolvers answer
 * is tested in the lab. */
#include "proxy/resolve.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "proxy/resolvers.h"

static struct resolvers known(const char *one, const char *other)
{
        const char *const named[] = {one, other};
        struct config config = {.dns = {.trusted_resolvers = named, .trusted_resolver_count = other ? 2 : 1}};
        struct resolvers r;

        resolvers_read(&r, &config, NULL);
        return r;
}

static const struct config no_clients;

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
        struct resolvers nowhere = known("127.0.0.77", NULL);
        struct resolver *r = resolver_new(&nowhere, &no_clients);
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
        struct resolvers nowhere = known("192.0.2.53", "2001:db8::53");
        struct resolver *r = resolver_new(&nowhere, &no_clients);
        struct query *q = query_start(r, "a.test");

        query_free(&q);
        q = query_start(r, ".");
        query_free(&q);
        resolver_free(&r);
        cr_assert_null(r);
        query_free(&q);
        resolver_free(&r);
}

/* Nobody listens at either: only the first one's refusal comes at once. */
Test(resolve, a_query_goes_to_those_that_were_told_last)
{
        struct resolvers silent = known("192.0.2.53", NULL), refusing = known("127.0.0.77", "::1");
        struct resolver *r = resolver_new(&silent, &no_clients);
        const struct answer *a;
        struct pollfd fds[QUERY_FDS];
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;
        struct query *q;

        cr_assert(resolver_set(r, &refusing));
        q = query_start(r, "a.test");
        cr_assert_gt(query_fds(q, fds), 0);
        cr_assert_eq(getpeername(fds[0].fd, (struct sockaddr *)&peer, &len), 0);
        cr_assert(address_same_host(&refusing.at[0], (const union address *)&peer));
        a = query_run(q, fds, 0);
        cr_assert_eq(a->resolved, RESOLVED_PENDING);
        query_free(&q);
        resolver_free(&r);
}
