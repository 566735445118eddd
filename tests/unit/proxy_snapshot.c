/* One moment of the whole program. */
#include "proxy_made_up.h"

#include <errno.h>

static struct made_up m;
static struct watch *w;
static struct snapshot s;

static void open_all(void)
{
        made_up_open(&m);
        w = watch_new(&m.proxy, 0);
        cr_assert_not_null(w);
}

static void close_all(void)
{
        snapshot_free(&s);
        watch_free(&w);
        cr_expect_null(w);
        watch_free(&w);
        made_up_close(&m);
}

TestSuite(snapshot, .init = open_all, .fini = close_all);

static void take(int64_t now_ms)
{
        snapshot_free(&s);
        cr_assert_eq(snapshot_take(&s, w, 2000, now_ms), 0);
}

Test(snapshot, counters_are_the_sum_over_workers)
{
        count(&m.counters[0], COUNTER_hits, 3);
        count(&m.counters[1], COUNTER_hits, 4);
        count(&m.counters[1], COUNTER_connections_open, 2);
        count(&m.counters[1], COUNTER_connections_open, -1);
        take(10);
        cr_expect_eq(s.totals[COUNTER_hits], 7);
        cr_expect_eq(s.totals[COUNTER_connections_open], 1);
        cr_expect_eq(s.totals[COUNTER_misses], 0);
        cr_expect_eq(s.now, 2000);
        cr_expect_eq(s.started, 1000);
}

Test(snapshot, a_worker_moves_for_three_seconds_after_a_beat)
{
        take(WORKER_STILL_MS);
        cr_expect(s.workers[0].moving && s.workers[1].moving, "they have just been started");
        m.beats[1] = 5;
        take(WORKER_STILL_MS + 1);
        cr_expect_not(s.workers[0].moving);
        cr_expect_eq(s.workers[0].still_ms, WORKER_STILL_MS + 1);
        cr_expect(s.workers[1].moving);
        cr_expect_eq(s.workers[1].beats, 5);
        take(2 * WORKER_STILL_MS + 2);
        cr_expect_not(s.workers[1].moving);
        m.beats[0] = m.beats[1] = 6;
        watch_tick(w, 2 * WORKER_STILL_MS + 2);
        take(2 * WORKER_STILL_MS + 3);
        cr_expect(s.workers[0].moving && s.workers[1].moving);
}

Test(snapshot, ticks_become_history)
{
        watch_tick(w, 0);
        count(&m.counters[0], COUNTER_requests, 20);
        watch_tick(w, 2000);
        take(2500);
        cr_expect_eq(s.history->count, 2);
        cr_expect_float_eq(history_rate(s.history, COUNTER_requests, 10), 10, 1e-9);
}

Test(snapshot, the_gate_is_what_the_warden_said)
{
        static const struct {
                int said;
                enum gate_state state;
        } table[] = {{1, GATE_OPEN}, {0, GATE_SHUT}, {-1, GATE_UNKNOWN}};

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                atomic_store(&m.proxy.gate, table[i].said);
                take(1);
                cr_expect_eq(s.gate, table[i].state);
        }
        m.config.manual = true;
        take(1);
        cr_expect_eq(s.gate, GATE_MANUAL);
}

Test(snapshot, stores_that_are_not_open_are_there)
{
        m.stores[0].status = (struct store_status){.used = 5, .error = ENOSPC};
        m.store_list[1] = NULL;
        take(1);
        cr_assert_eq(s.store_count, 2);
        cr_expect(s.stores[0].open);
        cr_expect_str_eq(s.stores[0].name, "main");
        cr_expect_eq(s.stores[0].status.used, 5);
        cr_expect_not(s.stores[1].open);
        cr_expect_eq(s.stores[1].status.used, 0);
}

Test(snapshot, hosts_of_all_workers_the_busiest_first)
{
        hosts_add(m.views[0].hosts, SPAN("a.example"), true, 10, 10);
        hosts_add(m.views[0].hosts, SPAN("b.example"), false, 15, 0);
        hosts_add(m.views[1].hosts, SPAN("a.example"), true, 10, 10);
        take(1);
        cr_assert_eq(s.host_count, 2);
        cr_expect_str_eq(s.hosts[0].name, "a.example");
        cr_expect_eq(s.hosts[0].bytes, 20);
        cr_expect_str_eq(s.hosts[1].name, "b.example");
}

Test(snapshot, without_workers_and_stores)
{
        m.proxy.worker_count = m.proxy.store_count = 0;
        take(1);
        cr_expect_eq(s.worker_count + s.store_count + s.host_count, 0);
        cr_expect_eq(s.totals[COUNTER_requests], 0);
}
