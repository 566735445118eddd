/* cache/pin.c, cache/visit.c: a reader and eviction never both win. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "cache/store_private.h"

static struct store *s;

static void make(void)
{
        s = calloc(1, sizeof *s);
}

static void unmake(void)
{
        visit_free(s);
        free(s);
}

TestSuite(pin, .init = make, .fini = unmake);

Test(pin, what_is_pinned_is_not_condemned)
{
        cr_assert(store_pin(s, 7));
        cr_assert(store_pin(s, 7));
        cr_assert_not(pin_condemn(s, 7));
        store_unpin(s, 7);
        cr_assert_not(pin_condemn(s, 7));
        store_unpin(s, 7);
        cr_assert(pin_condemn(s, 7));
}

Test(pin, what_is_condemned_is_not_pinned)
{
        cr_assert(pin_condemn(s, 7));
        cr_assert_not(store_pin(s, 7));
        cr_assert_not(pin_condemn(s, 7));
        pin_absolve(s, 7);
        cr_assert(store_pin(s, 7));
        store_unpin(s, 7);
}

enum { ROUNDS = 20000 };

static _Atomic int inside, clashes;

static void *reads(void *argument)
{
        (void)argument;
        for (int i = 0; i < ROUNDS; i++)
                if (store_pin(s, 42)) {
                        atomic_fetch_add(&inside, 1);
                        atomic_fetch_sub(&inside, 1);
                        store_unpin(s, 42);
                }
        return NULL;
}

Test(pin, threads_agree_on_who_won)
{
        pthread_t threads[3];

        for (int i = 0; i < 3; i++)
                pthread_create(&threads[i], NULL, reads, NULL);
        for (int i = 0; i < ROUNDS; i++)
                if (pin_condemn(s, 42)) {
                        if (atomic_load(&inside))
                                atomic_fetch_add(&clashes, 1);
                        pin_absolve(s, 42);
                }
        for (int i = 0; i < 3; i++)
                pthread_join(threads[i], NULL);
        cr_assert_eq(atomic_load(&clashes), 0);
}

Test(pin, a_visit_is_remembered_until_the_hand_comes_by)
{
        visit_mark(s, 5); /* no room was made for it: nothing happens */
        cr_assert_not(visit_clear(s, 5));
        cr_assert(visit_begin(s, 5));
        cr_assert_not(visit_clear(s, 5));
        visit_mark(s, 5);
        cr_assert_not(visit_clear(s, 4));
        cr_assert(visit_clear(s, 5));
        cr_assert_not(visit_clear(s, 5));
}
