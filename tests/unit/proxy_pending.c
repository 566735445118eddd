/* proxy/pending.c: who misses on a key that is being committed is woken when it is. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/pending.h"
#include "proxy/sigbus.h"
#include "proxy/worker.h"

static struct worker *worker;

/* main.c has the real one, and no test links main.c. */
void sigbus_watch(struct store *const *stores, size_t count)
{
        (void)stores;
        (void)count;
}

static void make(void)
{
        worker = aligned_alloc(64, (sizeof *worker + 63) / 64 * 64);
        memset(worker, 0, sizeof *worker);
        pthread_mutex_init(&worker->mail_lock, NULL);
        worker->mail_fd = eventfd(0, EFD_NONBLOCK);
}

static void unmake(void)
{
        close(worker->mail_fd);
        pthread_mutex_destroy(&worker->mail_lock);
        free(worker);
}

TestSuite(pending, .init = make, .fini = unmake);

static struct key key_of(const char *text)
{
        struct key k;

        key_of_text(&k, (struct span){text, strlen(text)});
        return k;
}

Test(pending, nobody_waits_for_what_is_not_pending)
{
        struct pending *p = pending_new();
        struct key k = key_of("http://a:80/");
        struct note note = {0};

        cr_assert_not(pending_wait(p, &k, worker, &note));
        cr_assert_null(worker->mail);
        pending_free(&p);
}

Test(pending, all_who_wait_are_woken_once)
{
        struct pending *p = pending_new();
        struct key k = key_of("http://a:80/"), other = key_of("http://b:80/");
        struct note one = {0}, two = {0};
        void *context = pending_add(p, &k);

        cr_assert_not(pending_wait(p, &other, worker, &one));
        cr_assert(pending_wait(p, &k, worker, &one));
        cr_assert(pending_wait(p, &k, worker, &two));
        cr_assert_null(worker->mail);
        pending_done(context, 0);
        cr_assert_not_null(worker->mail);
        cr_assert_not_null(worker->mail->next);
        cr_assert_null(worker->mail->next->next);
        cr_assert_not(pending_wait(p, &k, worker, &one), "it is done");
        pending_free(&p);
}

Test(pending, a_failed_commit_wakes_too)
{
        struct pending *p = pending_new();
        struct key k = key_of("http://a:80/");
        struct note note = {0};
        void *context = pending_add(p, &k);

        cr_assert(pending_wait(p, &k, worker, &note));
        pending_done(context, 5);
        cr_assert_eq(worker->mail, &note);
        pending_done(NULL, 0);
        pending_free(&p);
}

Test(pending, other_keys_are_not_held_up)
{
        struct pending *p = pending_new();
        struct key k = key_of("http://a:80/"), other = key_of("http://b:80/");
        void *one = pending_add(p, &k), *two = pending_add(p, &k);

        cr_assert(pending_maybe(p, &k));
        cr_assert_not(pending_maybe(p, &other));
        pending_purged(one, 3);
        cr_assert(pending_maybe(p, &k), "a second change of the key is still under way");
        pending_purged(two, -1);
        cr_assert_not(pending_maybe(p, &k));
        pending_free(&p);
}

Test(pending, a_claim_is_for_one)
{
        struct pending *p = pending_new();
        struct key k = key_of("http://a:80/");
        void *claim = pending_claim(p, &k);

        cr_assert_not_null(claim);
        cr_assert_null(pending_claim(p, &k));
        pending_done(claim, 0);
        claim = pending_claim(p, &k);
        cr_assert_not_null(claim);
        pending_done(claim, 0);
        pending_free(&p);
}
