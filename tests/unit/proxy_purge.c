/* A purge ends when every store has answered, on whatever thread and in whatever order; and what operators type becomes
 * the text of keys. */
#include "proxy/purge.h"

#include "proxy/fill.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>

enum { STORES = 3 };

/* Stands before cache/'s: a store that answers when the test says so. */
struct store {
        int refusal;
        void (*done)(void *, int64_t);
        void *context;
        enum purge_kind kind;
        char text[64];
};

int store_purge(struct store *s, enum purge_kind kind, struct span text, void (*done)(void *, int64_t), void *context)
{
        s->done = done;
        s->context = context;
        s->kind = kind;
        snprintf(s->text, sizeof s->text, "%.*s", (int)text.len, text.at);
        return s->refusal;
}

static enum purge_kind outdated;

/* In place of proxy/fills.c. */
void fills_outdate(struct fills *f, enum purge_kind kind, struct span text)
{
        (void)f;
        cr_expect(text.len == 0 || kind != PURGE_ALL);
        outdated = kind;
}

static struct store stores[STORES], *list[STORES];
static struct proxy proxy;
static struct purges *desk;
static int64_t result;
static int results;

static void open_desk(void)
{
        for (int i = 0; i < STORES; i++) {
                stores[i] = (struct store){0};
                list[i] = &stores[i];
        }
        proxy.stores = list;
        proxy.store_count = STORES;
        proxy.fills = (struct fills *)&outdated; /* only its being there matters */
        outdated = PURGE_KEY;
        results = 0;
        cr_assert_eq(purges_new(&desk), 0);
}

static void close_desk(void)
{
        purges_free(&desk);
        cr_expect_null(desk);
        purges_free(&desk);
}

TestSuite(purge, .init = open_desk, .fini = close_desk);

static void done(void *context, int64_t removed)
{
        cr_expect_eq(context, &results);
        result = removed;
        results++;
}

static struct purge *start(void)
{
        struct purge *p = purge_start(desk, &proxy, PURGE_HOST, SPAN("a.example"), done, &results);
        cr_expect_eq(outdated, PURGE_HOST, "what is arriving is not kept either");

        cr_assert_not_null(p);
        return p;
}

static void answer(int store, int64_t removed)
{
        stores[store].done(stores[store].context, removed);
}

static bool ready(void)
{
        struct pollfd fd = {purges_fd(desk), POLLIN, 0};

        return poll(&fd, 1, 0) == 1;
}

Test(purge, is_over_when_the_last_store_has_answered)
{
        start();
        for (int i = 0; i < STORES; i++) {
                cr_expect_not(ready());
                cr_expect_eq(stores[i].kind, PURGE_HOST);
                cr_expect_str_eq(stores[i].text, "a.example");
                answer(i, 10 + i);
        }
        cr_expect_eq(results, 0, "only purges_collect calls back");
        cr_expect(ready());
        purges_collect(desk);
        cr_expect_eq(results, 1);
        cr_expect_eq(result, 33);
        cr_expect_not(ready());
}

Test(purge, two_at_once)
{
        struct store first[STORES];

        start();
        memcpy(first, stores, sizeof first);
        start();
        for (int i = 0; i < STORES; i++) {
                answer(i, 1);
                first[i].done(first[i].context, 5);
        }
        purges_collect(desk);
        cr_expect_eq(results, 2);
        cr_expect_eq(result == 3 || result == 15, 1);
}

Test(purge, a_store_that_fails_or_refuses_is_a_failure)
{
        start();
        answer(0, 4);
        answer(1, -1);
        answer(2, 4);
        purges_collect(desk);
        cr_expect_eq(result, -1);
        stores[1].refusal = ENOBUFS;
        start();
        answer(0, 4);
        answer(2, 4);
        purges_collect(desk);
        cr_expect_eq(results, 2);
        cr_expect_eq(result, -1);
}

Test(purge, without_stores_nothing_is_removed)
{
        list[0] = list[1] = list[2] = NULL;
        start();
        cr_expect(ready());
        purges_collect(desk);
        cr_expect_eq(results, 1);
        cr_expect_eq(result, 0);
}

Test(purge, a_purge_that_is_forgotten_calls_nobody)
{
        struct purge *p = start();

        answer(0, 1);
        purge_forget(p);
        answer(1, 1);
        answer(2, 1);
        purges_collect(desk);
        cr_expect_eq(results, 0);
}

Test(purge, stores_may_answer_after_the_end)
{
        start();
        answer(0, 1);
        purges_free(&desk);
        answer(1, 1);
        answer(2, 1);
        cr_expect_eq(results, 0);
}

Test(purge, what_was_not_collected_goes_with_the_desk)
{
        start();
        for (int i = 0; i < STORES; i++)
                answer(i, 1);
        purges_free(&desk);
        cr_expect_eq(results, 0);
}

static void *answer_all(void *unused)
{
        (void)unused;
        for (int i = 0; i < STORES; i++)
                answer(i, 7);
        return NULL;
}

Test(purge, answers_come_from_other_threads)
{
        struct pollfd fd;
        pthread_t thread;

        start();
        pthread_create(&thread, NULL, answer_all, NULL);
        fd = (struct pollfd){purges_fd(desk), POLLIN, 0};
        cr_expect_eq(poll(&fd, 1, -1), 1);
        purges_collect(desk);
        pthread_join(thread, NULL);
        cr_expect_eq(result, 21);
}

/* ---- what an operator types -------------------------------------------------------------------------------------- */

static const char *url(const char *typed)
{
        static char buffer[KEY_TEXT_MAX], copy[KEY_TEXT_MAX + 1];
        char *exact = strndup(typed, strlen(typed)); /* ASan sees a step too far */
        struct span text = {NULL, 0};
        const char *wrong = purge_url((struct span){exact, strlen(typed)}, buffer, &text);

        free(exact);
        if (wrong)
                return wrong;
        snprintf(copy, sizeof copy, "%.*s", (int)text.len, text.at);
        return copy;
}

Test(purge_url, becomes_the_text_of_a_key)
{
        cr_expect_str_eq(url("http://Example.org/Path?q=A"), "http://example.org:80/Path?q=A");
        cr_expect_str_eq(url("HTTP://example.org"), "http://example.org:80/");
        cr_expect_str_eq(url("http://example.org:8080/x"), "http://example.org:8080/x");
        cr_expect_str_eq(url("http://[2001:db8::1]/x"), "http://[2001:db8::1]:80/x");
        cr_expect_str_eq(url("http://[2001:db8::1]:81/x"), "http://[2001:db8::1]:81/x");
        cr_expect_str_eq(url("http://example.org/a%20b"), "http://example.org:80/a%20b");
}

Test(purge_url, is_refused_with_the_reason)
{
        static const char *const table[][2] = {
                {"", "a URL begins with http://"},
                {"http://a/b c", "a URL has no blanks and no control characters"},
                {"http://a/\xc3\xa9", "a URL has no blanks and no control characters"},
                {"https://a/", "a URL begins with http://"},
                {"http:/", "a URL begins with http://"},
                {"http://", "this is no host, or no port"},
                {"example.org/x", "a URL begins with http://"},
                {"http:///x", "this is no host, or no port"},
                {"http://a:0/x", "this is no host, or no port"},
                {"http://a:/x", "this is no host, or no port"},
                {"http://a:65536/x", "this is no host, or no port"},
                {"http://a:99999999999999999999999/x", "this is no host, or no port"},
                {"http://a:8x/x", "this is no host, or no port"},
                {"http://u@a/x", "this is no host, or no port"},
                {"http://a?x", "a path begins with /"},
                {"http://a/x#y", "a fragment (#) is never sent, so nothing is stored under it"},
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                cr_expect_str_eq(url(table[i][0]), table[i][1], "%s", table[i][0]);
}

Test(purge_url, has_an_end)
{
        char *typed = malloc(2 * KEY_TEXT_MAX);
        struct span text;
        char buffer[KEY_TEXT_MAX];

        memset(typed, 'x', 2 * KEY_TEXT_MAX);
        memcpy(typed, "http://a/", 9);
        cr_expect_str_eq(purge_url((struct span){typed, 2 * KEY_TEXT_MAX}, buffer, &text), "the URL is too long");
        free(typed);
}

Test(purge_host, in_lower_case_without_the_final_dot)
{
        char buffer[HOST_MAX];
        struct span text;

        cr_expect_null(purge_host(SPAN("WWW.Example.org."), buffer, &text));
        cr_expect(span_equal(text, SPAN("www.example.org")));
        cr_expect_null(purge_host(SPAN("[2001:DB8::1]"), buffer, &text));
        cr_expect(span_equal(text, SPAN("[2001:db8::1]")));
}

Test(purge_host, is_refused_with_the_reason)
{
        char buffer[HOST_MAX], name[HOST_MAX + 1];
        struct span text;

        cr_expect_str_eq(purge_host(SPAN(""), buffer, &text), "this is no host's name");
        cr_expect_str_eq(purge_host(SPAN("."), buffer, &text), "this is no host's name");
        cr_expect_str_eq(purge_host(SPAN("a.example:80"), buffer, &text), "this is no host's name");
        cr_expect_str_eq(purge_host(SPAN("a b"), buffer, &text), "this is no host's name");
        cr_expect_str_eq(purge_host(SPAN("http://a/"), buffer, &text), "this is no host's name");
        memset(name, 'x', sizeof name);
        cr_expect_str_eq(purge_host((struct span){name, sizeof name}, buffer, &text), "the name is too long");
        cr_expect_null(purge_host((struct span){name, HOST_MAX}, buffer, &text));
}
