/* proxy/names.c and its thread, with resolvers that are made up: who waits, for how long, and what is learnt. */
#include "proxy/names.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "proxy/bindings.h"
#include "proxy/counters.h"
#include "proxy/resolve.h"
#include "proxy/trusted.h"
#include "proxy/worker.h"

/* ---- made up -------------------------------------------------------------------------------------------------------
 *
 * In place of proxy/resolve.c and proxy/worker.c: "good…" has the address 192.0.2.1, "none…" has none, "never…" is not
 * answered before `release`; the probe is answered while `answers`. */

struct resolver {
        int nothing;
};

struct query {
        struct answer answer;
        bool good, none;
};

static struct resolver resolver;
static _Atomic bool answers = true, release;
static _Atomic int queries, posted, set;
static struct trusted trusted;

void resolver_free(struct resolver **r)
{
        *r = NULL;
}

bool resolver_set(struct resolver *r, const struct resolvers *known)
{
        cr_assert_eq(r, &resolver);
        set = (int)known->count;
        return true;
}

struct query *query_start(struct resolver *r, const char *name)
{
        struct query *q = calloc(1, sizeof *q);

        cr_assert_eq(r, &resolver);
        q->none = strncmp(name, "none", 4) == 0 || (strcmp(name, ".") == 0 && answers);
        q->good = strncmp(name, "good", 4) == 0;
        if (strcmp(name, ".") == 0 && !answers)
                q->answer.resolved = RESOLVED_SILENT;
        else
                queries += strcmp(name, ".") != 0;
        return q;
}

void query_free(struct query **q)
{
        free(*q);
        *q = NULL;
}

int query_fds(const struct query *q, struct pollfd fds[QUERY_FDS])
{
        (void)q;
        (void)fds;
        return 0;
}

int query_wait(const struct query *q, int most)
{
        (void)q;
        return most < 2 ? most : 2;
}

const struct answer *query_run(struct query *q, const struct pollfd *fds, int count)
{
        struct answer *a = &q->answer;

        (void)fds;
        (void)count;
        if (q->none)
                a->resolved = RESOLVED_NONE;
        if (q->good || release) {
                a->resolved = RESOLVED_ADDRESSES;
                a->count = 1;
                a->addresses[0].ttl = 60;
                a->addresses[0].address.in =
                        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(0xc0000201)}};
        }
        return a;
}

bool resolve_askable(const char *host, size_t len)
{
        return len > 0 && host[0] != '1';
}

int64_t worker_clock(void)
{
        return (int64_t)time(NULL) * 1000000;
}

void worker_post(struct worker *w, struct note *n)
{
        (void)w;
        (void)n;
        posted++;
}

/* ---- the tests -----------------------------------------------------------------------------------------------------
 */

static struct bindings *bindings;
static struct names *names;
static union address here, there, client;

static void begin(void)
{
        bindings = bindings_new(100);
        here.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(0xc0000201)}};
        there.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(0xc0000202)}};
        client.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(0x0a000001)}};
        trusted_begin(&trusted, &(struct resolvers){.count = 1});
        cr_assert_eq(names_new(&names, bindings, &resolver, &trusted, NULL), 0);
}

static void end(void)
{
        names_free(&names);
        bindings_free(bindings);
}

TestSuite(names, .init = begin, .fini = end, .timeout = 60);

static struct question about(const char *host, const union address *destination, struct note *note)
{
        return (struct question){{host, strlen(host)}, destination, &client, NULL, note};
}

static bool worth(const char *host, const union address *destination)
{
        struct question q = about(host, destination, NULL);

        return names_worth_asking(names, &q, time(NULL));
}

static bool ask(const char *host, const union address *destination, struct note *note)
{
        struct question q = about(host, destination, note);

        return names_ask(names, &q);
}

static void until(_Atomic int *value, int least)
{
        while (*value < least)
                usleep(1000);
}

static void until_worth(const char *host, bool is)
{
        while (worth(host, &here) != is)
                usleep(1000);
}

static enum binding look(const char *host, const union address *a)
{
        return bindings_look(bindings, (struct span){host, strlen(host)}, &a->sa, time(NULL));
}

Test(names, an_answer_binds_and_wakes_who_asked)
{
        struct note note;

        until_worth("good.test", true);
        cr_assert(ask("good.test", &here, &note));
        until(&posted, 1);
        cr_assert_eq(look("good.test", &here), BINDING_BOUND);
        cr_assert_eq(look("good.test", &there), BINDING_NONE);
        cr_assert_eq(names_counters(names)->value[COUNTER_lookups], 1);
        cr_assert_eq(names_counters(names)->value[COUNTER_lookups_failed], 0);
}

Test(names, a_pair_that_was_asked_for_in_vain_rests)
{
        struct note note;

        until_worth("good.test", true);
        cr_assert(ask("good.test", &there, &note));
        until(&posted, 1);
        cr_assert_not(worth("good.test", &there));
        cr_assert(ask("none.test", &here, &note));
        until(&posted, 2);
        cr_assert_not(worth("none.test", &here));
        cr_assert(worth("none.test", &there), "another pair");
        cr_assert_eq(names_counters(names)->value[COUNTER_lookups_failed], 1);
}

Test(names, nobody_waits_for_long_and_many_share_a_query)
{
        struct note notes[3];

        until_worth("never.test", true);
        for (int i = 0; i < 3; i++)
                cr_assert(ask("never.test", &here, &notes[i]));
        until(&posted, 3);
        cr_assert_eq(queries, 1);
        cr_assert_eq(look("never.test", &here), BINDING_NONE);
        release = true; /* it is learnt all the same */
        while (look("never.test", &here) != BINDING_BOUND)
                usleep(1000);
        cr_assert_eq(posted, 3);
}

Test(names, who_asks_behind_waits_for_nothing)
{
        until_worth("good.test", true);
        cr_assert_not(ask("good.test", &here, NULL));
        while (look("good.test", &here) != BINDING_BOUND)
                usleep(1000);
        cr_assert_eq(posted, 0);
}

Test(names, what_runs_out_soon_is_known_for_longer_by_a_new_answer)
{
        struct span host = {"good.test", 9};
        int64_t now = time(NULL);

        bindings_learn(bindings, host, &here.sa, BINDINGS_TTL_LEAST, now);
        until_worth("good.test", true);
        cr_assert_not(ask("good.test", &here, NULL));
        while (bindings_left(bindings, host, &here.sa, now) < 30)
                usleep(1000);
        cr_assert(worth("good.test", &here));
}

Test(names, many_who_refresh_one_name_spend_one_token)
{
        const struct question q = about("good.test", &here, NULL);
        char host[32];
        struct note note;
        int asked = 0;

        until_worth("good.test", true);
        for (int i = 0; i < 1000; i++)
                names_refresh(names, &q, 1700000000);
        while (look("good.test", &here) != BINDING_BOUND)
                usleep(1000);
        for (int i = 0; i < 30; i++) {
                snprintf(host, sizeof host, "good%d.test", i);
                asked += ask(host, &here, &note);
        }
        cr_assert_eq(asked, 30);
        until(&posted, 30);
}

Test(names, what_runs_out_soon_and_is_not_in_the_answer_rests)
{
        struct span host = {"good.test", 9};

        bindings_learn(bindings, host, &there.sa, BINDINGS_TTL_LEAST, time(NULL) - BINDINGS_TTL_LEAST + 1);
        until_worth("good.test", true);
        cr_assert_not(ask("good.test", &there, NULL));
        while (worth("good.test", &there))
                usleep(1000);
}

Test(names, a_client_asks_only_so_often)
{
        char host[32];
        struct note note;
        int asked = 0;

        until_worth("good.test", true);
        for (int i = 0; i < 1000; i++) {
                snprintf(host, sizeof host, "good%d.test", i);
                asked += ask(host, &here, &note);
        }
        cr_assert_lt(asked, 200);
        until(&posted, asked);
}

Test(names, where_nobody_answers_nobody_asks)
{
        struct note note;

        until_worth("never.test", true);
        answers = false;
        cr_assert(ask("never.test", &here, &note));
        until(&posted, 1);
        until_worth("good.test", false);
        answers = true;
        until_worth("good.test", true);
}

Test(names, some_hosts_are_never_asked_for)
{
        until_worth("good.test", true);
        cr_assert_not(worth("192.0.2.1", &here));
        cr_assert_not(worth("", &here));
        cr_assert_not(names_worth_asking(NULL, &(struct question){.host = SPAN("good.test")}, 0));
}

Test(names, other_resolvers_are_asked_from_then_on)
{
        struct channel_message m = {.kind = CHANNEL_RESOLVER, .count = 2, .address.sin6_family = AF_INET};

        cr_assert_eq(set, 0);
        trusted_hear(&trusted, &m);
        m.value = 1;
        cr_assert(trusted_hear(&trusted, &m));
        while (set != 2)
                usleep(1000);
}

Test(names, at_the_end_everybody_is_told)
{
        struct note note;

        until_worth("never.test", true);
        cr_assert(ask("never.test", &here, &note));
        names_stop(names);
        cr_assert_eq(posted, 1);
        cr_assert_not(ask("good.test", &here, &note));
        cr_assert_not(ask("good.test", &here, NULL));
        cr_assert_eq(posted, 1);
}
