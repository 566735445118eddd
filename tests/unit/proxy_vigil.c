/* When the proxy counts as alive, on a clock that the test holds. */
#include "proxy/vigil.h"

#include <criterion/criterion.h>

static struct vigil v;
static int64_t now;

static void say(enum channel_kind kind, uint32_t value)
{
        struct channel_message m = {.kind = kind, .value = value};

        vigil_heard(&v, &m, now);
}

static void set_up(void)
{
        now = 1000000;
        vigil_begin(&v, now);
        cr_assert(vigil_start_due(&v, now));
        vigil_started(&v, now);
}

TestSuite(vigil, .init = set_up);

static void be_ready(void)
{
        say(CHANNEL_READY, 0);
        cr_assert(vigil_gate(&v, now));
}

Test(vigil, the_gate_waits_for_readiness)
{
        cr_expect_not(vigil_start_due(&v, now), "one runs already");
        say(CHANNEL_HEARTBEAT, 0);
        cr_expect_not(vigil_gate(&v, now));
        be_ready();
}

Test(vigil, heartbeats_hold_the_gate_open_and_silence_shuts_it)
{
        be_ready();
        now += VIGIL_QUIET_MS - 1;
        cr_expect(vigil_gate(&v, now));
        say(CHANNEL_HEARTBEAT, 0);
        now += VIGIL_QUIET_MS - 1;
        cr_expect(vigil_gate(&v, now));
        now += 1;
        cr_expect_not(vigil_gate(&v, now));
        say(CHANNEL_HEARTBEAT, 0);
        cr_expect(vigil_gate(&v, now), "back by itself");
}

Test(vigil, the_proxy_shuts_and_opens_the_gate)
{
        be_ready();
        say(CHANNEL_SHUT, 0);
        cr_expect_not(vigil_gate(&v, now), "at once");
        say(CHANNEL_HEARTBEAT, 0);
        cr_expect(vigil_gate(&v, now));
        say(CHANNEL_HEARTBEAT, 1);
        cr_expect_not(vigil_gate(&v, now), "also where the word itself was lost");
}

Test(vigil, a_new_proxy_does_not_inherit_a_shut_gate)
{
        be_ready();
        say(CHANNEL_SHUT, 0);
        vigil_ended(&v, now);
        vigil_started(&v, now);
        be_ready();
}

Test(vigil, a_hung_proxy)
{
        be_ready();
        now += VIGIL_HUNG_MS - 1;
        cr_expect_not(vigil_hung(&v, now));
        now += 1;
        cr_expect(vigil_hung(&v, now));
        say(CHANNEL_HEARTBEAT, 0);
        cr_expect_not(vigil_hung(&v, now));
}

Test(vigil, one_that_never_gets_ready)
{
        for (int i = 0; i < 59; i++) {
                now += 1000;
                say(CHANNEL_HEARTBEAT, 0);
                cr_expect_not(vigil_hung(&v, now));
        }
        now += 1000;
        cr_expect(vigil_hung(&v, now));
}

Test(vigil, junk_is_no_sign_of_life)
{
        be_ready();
        now += VIGIL_HUNG_MS;
        say(CHANNEL_BAD, 0);
        say(CHANNEL_GATE, 1);
        say(CHANNEL_DRAIN, 1);
        say(77, 1);
        cr_expect(vigil_hung(&v, now));
        cr_expect_not(v.draining);
}

Test(vigil, a_draining_proxy_is_neither_open_nor_hung_nor_replaced)
{
        be_ready();
        v.draining = true;
        cr_expect_not(vigil_gate(&v, now));
        now += 100 * VIGIL_HUNG_MS;
        cr_expect_not(vigil_hung(&v, now));
        vigil_ended(&v, now);
        now += VIGIL_PAUSE_MAX_MS;
        cr_expect_not(vigil_start_due(&v, now));
}

Test(vigil, pauses_double_up_to_a_bound)
{
        const int64_t pauses[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};

        for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
                vigil_ended(&v, now);
                cr_expect_not(vigil_gate(&v, now));
                cr_expect_not(vigil_start_due(&v, now + pauses[i] - 1));
                now += pauses[i];
                cr_expect(vigil_start_due(&v, now));
                vigil_started(&v, now);
        }
}

Test(vigil, who_has_proved_himself_is_started_again_at_once)
{
        for (int i = 0; i < 8; i++) {
                vigil_ended(&v, now);
                vigil_started(&v, now);
        }
        be_ready();
        now += VIGIL_PROVEN_MS;
        vigil_ended(&v, now);
        cr_expect(vigil_start_due(&v, now + VIGIL_PAUSE_MS));
}

Test(vigil, the_next_change_is_never_slept_through)
{
        be_ready();
        cr_expect_eq(vigil_next(&v, now), now + VIGIL_RENEW_MS);
        now += 1500;
        cr_expect_eq(vigil_next(&v, now), v.beat + VIGIL_QUIET_MS);
        now = v.beat + VIGIL_HUNG_MS - 10;
        cr_expect_eq(vigil_next(&v, now), now + 10);
        now += 10;
        cr_expect_eq(vigil_next(&v, now), now + VIGIL_RENEW_MS, "what is past does not make it spin");
        vigil_ended(&v, now);
        cr_expect_eq(vigil_next(&v, now), now + VIGIL_PAUSE_MS);
}

static struct channel_message bypass(sa_family_t family, uint16_t port, uint32_t seconds)
{
        struct channel_message m = {.kind = CHANNEL_BYPASS, .seconds = seconds};

        m.address.sin6_family = family;
        m.address.sin6_port = port;
        return m;
}

Test(vigil, what_may_be_bypassed)
{
        const struct channel_message good[] = {bypass(AF_INET, 80, 60), bypass(AF_INET6, 80, 1),
                                               bypass(AF_INET, 1, 600)};
        const struct channel_message bad[] = {bypass(AF_UNIX, 80, 60), bypass(0, 80, 60), bypass(AF_INET, 0, 60),
                                              bypass(AF_INET, 80, 0), bypass(AF_INET6, 80, 601)};

        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
                cr_expect(vigil_bypass_good(&good[i]), "%zu", i);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect_not(vigil_bypass_good(&bad[i]), "%zu", i);
}

Test(vigil, a_client_is_an_address_without_a_port)
{
        const struct channel_message good[] = {bypass(AF_INET, 0, 10), bypass(AF_INET6, 0, 600)};
        const struct channel_message bad[] = {bypass(AF_UNIX, 0, 10), bypass(AF_INET, 0, 0), bypass(AF_INET6, 0, 601)};

        for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
                cr_expect(vigil_crowded_good(&good[i]), "%zu", i);
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect_not(vigil_crowded_good(&bad[i]), "%zu", i);
}

Test(vigil, bypasses_are_rationed)
{
        struct allowance a = {0};

        for (int i = 0; i < 200; i++)
                cr_expect(allowance_take(&a, now));
        cr_expect_not(allowance_take(&a, now));
        now += 49;
        cr_expect_not(allowance_take(&a, now));
        now += 1;
        cr_expect(allowance_take(&a, now));
        cr_expect_not(allowance_take(&a, now));
        now += 1000000;
        for (int i = 0; i < 200; i++)
                cr_expect(allowance_take(&a, now));
        cr_expect_not(allowance_take(&a, now), "a long rest does not save up more");
}

/* A beat each second, for so long. */
static void live(int64_t ms)
{
        for (int64_t until = now + ms; now < until;) {
                now += 1000;
                say(CHANNEL_HEARTBEAT, 0);
        }
}

Test(vigil, cookies_shut_the_gate_for_a_while)
{
        be_ready();
        cr_expect_not(vigil_cookies(&v, 77, true, now), "what was sent before counts for nothing");
        cr_expect(vigil_gate(&v, now));
        cr_expect(vigil_cookies(&v, 78, true, now));
        cr_expect_not(vigil_gate(&v, now));
        live(4000);
        cr_expect_not(vigil_cookies(&v, 80, true, now), "it is known");
        live(4000);
        cr_expect_not(vigil_gate(&v, now), "it went on");
        cr_expect_not(vigil_cookies(&v, 80, true, now));
        live(1000);
        cr_expect(vigil_gate(&v, now));
        cr_expect_not(vigil_cookies(&v, 80, true, now));
}

Test(vigil, cookies_of_others_shut_nothing)
{
        be_ready();
        vigil_cookies(&v, 77, true, now);
        cr_expect_not(vigil_cookies(&v, 78, false, now));
        cr_expect(vigil_gate(&v, now));
        cr_expect_not(vigil_cookies(&v, 78, true, now), "those were not ours");
        cr_expect(vigil_cookies(&v, 79, true, now));
}

Test(vigil, cookies_again_and_again_shut_it_for_longer)
{
        uint64_t sent = 1;

        be_ready();
        vigil_cookies(&v, 0, true, now);
        for (unsigned ms = VIGIL_FLOOD_MS; ms < VIGIL_FLOOD_MAX_MS; ms *= 2) {
                cr_expect(vigil_cookies(&v, sent++, true, now));
                cr_expect_eq(v.flood_ms, ms);
                live(ms);
        }
        cr_expect(vigil_cookies(&v, sent++, true, now));
        cr_expect_eq(v.flood_ms, VIGIL_FLOOD_MAX_MS);
        live(2 * VIGIL_FLOOD_MAX_MS);
        cr_expect(vigil_cookies(&v, sent++, true, now));
        cr_expect_eq(v.flood_ms, VIGIL_FLOOD_MS, "that was long ago");
        cr_expect_leq(vigil_next(&v, now), now + 1000);
}
