/* cache/time_slice.c: what is asked for is what the kernel keeps, where it keeps such a thing. */
#include <criterion/criterion.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cache/time_slice.h"

/* As the kernel says it (sched_getattr(2)): the slice is the fourth of the words behind the first two numbers. */
static uint64_t slice_now(void)
{
        uint64_t words[7] = {sizeof words};

        cr_assert_eq(syscall(SYS_sched_getattr, 0, words, (unsigned)sizeof words, 0), 0);
        return words[3];
}

Test(time_slice, is_what_was_asked_for_and_the_nice_value_stays)
{
        int before;

        cr_assert_neq(nice(1), -1);
        before = nice(0);
        if (slice_now() == 0) /* Linux before 6.12 */
                cr_skip_test("this kernel has no slices of one's own");
        time_slice(TIME_SLICE_WRITER_NS);
        cr_expect_eq(slice_now(), TIME_SLICE_WRITER_NS);
        time_slice(TIME_SLICE_WORKER_NS);
        cr_expect_eq(slice_now(), TIME_SLICE_WORKER_NS);
        cr_expect_eq(nice(0), before);
}
