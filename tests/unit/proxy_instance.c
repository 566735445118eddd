/* One Limpid in a network namespace: who holds the claim, and that asking for it never wears out. */
#include "proxy/instance.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <unistd.h>

enum { ASKERS = 10000 /* more than a queue of the kernel's holds */ };

Test(instance, who_asks_often_is_answered_as_well_as_the_first)
{
        int claim;

        if (unshare(CLONE_NEWNET) != 0)
                cr_skip_test("a network namespace of its own takes root");
        cr_assert_eq(instance_running(), 0);
        cr_assert_eq(instance_claim(&claim), 0);
        cr_assert_geq(claim, 0);
        for (int i = 0; i < ASKERS; i++) {
                cr_assert_eq(instance_running(), getpid(), "asker %d", i);
                if (i % 1000 == 0)
                        instance_tend(claim);
        }
        close(claim);
        cr_assert_eq(instance_running(), 0);
}

Test(instance, a_second_one_learns_who_is_the_first)
{
        int claim, other;

        if (unshare(CLONE_NEWNET) != 0)
                cr_skip_test("a network namespace of its own takes root");
        cr_assert_eq(instance_claim(&claim), 0);
        cr_assert_eq(instance_claim(&other), getpid());
        cr_assert_eq(other, -1);
}
