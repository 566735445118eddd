/* When a self-test is due and what its end means, on a clock that the test holds. */
#include "proxy/evidence.h"

#include <criterion/criterion.h>

static struct evidence e;
static int64_t now;

static void set_up(void)
{
        now = 1000000;
        e = (struct evidence){0};
}

TestSuite(evidence, .init = set_up);

static void come_through(void)
{
        evidence_begun(&e);
        evidence_ended(&e, STAGE_ANSWERED, now);
}

Test(evidence, the_first_test_is_due_at_once)
{
        cr_expect(evidence_due(&e, now));
        cr_expect_not(e.there);
        evidence_begun(&e);
        cr_expect_not(evidence_due(&e, now), "one runs");
        cr_expect_not(e.there);
}

Test(evidence, one_that_came_through_holds_until_the_next_has_ended)
{
        come_through();
        cr_expect(e.there);
        now += EVIDENCE_FRESH_MS - 1;
        cr_expect_not(evidence_due(&e, now));
        now += 1;
        cr_expect(evidence_due(&e, now));
        evidence_begun(&e);
        cr_expect(e.there);
        evidence_ended(&e, STAGE_SWALLOWED, now);
        cr_expect_not(e.there);
}

Test(evidence, after_a_failure_the_next_comes_soon_and_the_pauses_grow)
{
        int64_t pause = EVIDENCE_PAUSE_MS;

        for (int i = 0; i < 10; i++) {
                evidence_begun(&e);
                evidence_ended(&e, STAGE_REFUSED, now);
                cr_expect_not(evidence_due(&e, now + pause - 1));
                now += pause;
                cr_expect(evidence_due(&e, now));
                pause = pause * 2 < EVIDENCE_PAUSE_MAX_MS ? pause * 2 : EVIDENCE_PAUSE_MAX_MS;
        }
        come_through();
        evidence_begun(&e);
        evidence_ended(&e, STAGE_REFUSED, now);
        cr_expect(evidence_due(&e, now + EVIDENCE_PAUSE_MS), "from the beginning again");
}

Test(evidence, an_end_like_the_last_is_no_news)
{
        evidence_begun(&e);
        cr_expect(evidence_ended(&e, STAGE_SWALLOWED, now));
        evidence_begun(&e);
        cr_expect_not(evidence_ended(&e, STAGE_SWALLOWED, now));
        evidence_begun(&e);
        cr_expect(evidence_ended(&e, STAGE_ANSWERED, now));
        evidence_begun(&e);
        cr_expect_not(evidence_ended(&e, STAGE_ANSWERED, now));
}

Test(evidence, another_proxy_is_tested_anew)
{
        come_through();
        evidence_lost(&e, now);
        cr_expect_not(e.there);
        cr_expect(evidence_due(&e, now));
        evidence_begun(&e);
        evidence_lost(&e, now);
        cr_expect(evidence_due(&e, now), "the one that ran is no more");
}

Test(evidence, doubt_asks_for_a_test_and_shuts_nothing)
{
        come_through();
        evidence_doubted(&e, now);
        cr_expect(e.there);
        cr_expect(evidence_due(&e, now));
}
