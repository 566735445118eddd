/* The shape that summary.h promises. */
#include "proxy/summary.h"

#include "proxy_made_up.h"

#include <errno.h>
#include <math.h>

static struct made_up m;
static struct watch *w;
static json_t *root;

static void open_all(void)
{
        made_up_open(&m);
        w = watch_new(&m.proxy, 0);
        cr_assert_not_null(w);
}

static void close_all(void)
{
        json_decref(root);
        watch_free(&w);
        made_up_close(&m);
}

TestSuite(summary, .init = open_all, .fini = close_all);

static void take(int64_t now, int64_t now_ms)
{
        struct snapshot s;

        cr_assert_eq(snapshot_take(&s, w, now, now_ms), 0);
        json_decref(root);
        root = summary_json(&s);
        snapshot_free(&s);
        cr_assert_not_null(root);
}

/* "a.b.0.c" */
static const json_t *get(const char *path)
{
        const json_t *at = root;
        char copy[128], *rest = copy, *name;

        snprintf(copy, sizeof copy, "%s", path);
        while ((name = strsep(&rest, "."))) {
                if (json_is_array(at))
                        at = json_array_get(at, strtoul(name, NULL, 10));
                else
                        at = json_object_get(at, name);
                cr_assert_not_null(at, "%s", path);
        }
        return at;
}

static double number(const char *path)
{
        cr_expect(json_is_number(get(path)), "%s", path);
        return json_number_value(get(path));
}

static const char *text(const char *path)
{
        cr_assert(json_is_string(get(path)), "%s", path);
        return json_string_value(get(path));
}

static void add(enum counter_id id, int64_t n)
{
        count(&m.counters[0], id, n);
}

Test(summary, everything_is_there_where_nothing_has_happened)
{
        static const char *const members[] = {"version", "time",     "started", "uptime", "state",       "faults",
                                              "gate",    "draining", "workers", "total",  "recent",      "counters",
                                              "rates",   "history",  "hosts",   "stores", "history.time"};

        take(1500, 0);
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
                cr_expect_not_null(get(members[i]));
        cr_expect_str_eq(text("version"), LIMPID_VERSION);
        cr_expect_eq(number("uptime"), 500);
        cr_expect_str_eq(text("state"), "ok");
        cr_expect_str_eq(text("gate"), "open");
        cr_expect(json_is_false(get("draining")));
        cr_expect(json_is_null(get("total.hit_ratio")));
        cr_expect(json_is_null(get("recent.byte_hit_ratio")));
        cr_expect_eq(number("total.bytes_saved"), 0);
        cr_expect_eq(json_array_size(get("history.time")), 0);
}

Test(summary, every_counter_by_its_name_and_rates_of_those_that_only_grow)
{
        take(1500, 0);
#define CHECK(name, kind, help) CHECK_##kind(#name)
#define CHECK_counter(name)                                                                                            \
        cr_expect_eq(number("counters." name), 0);                                                                     \
        cr_expect_eq(number("rates." name), 0);
#define CHECK_gauge(name)                                                                                              \
        cr_expect_eq(number("counters." name), 0);                                                                     \
        cr_expect_null(json_object_get(get("rates"), name));
        COUNTERS(CHECK)
        cr_expect_eq(json_object_size(get("counters")), COUNTER_IDS);
}

Test(summary, time_never_runs_backwards_for_uptime)
{
        take(900, 0);
        cr_expect_eq(number("uptime"), 0);
}

Test(summary, ratios_since_the_start_and_of_late)
{
        add(COUNTER_requests, 100);
        add(COUNTER_hits, 10);
        watch_tick(w, 0);
        add(COUNTER_requests, 10);
        add(COUNTER_hits, 5);
        add(COUNTER_revalidated, 1);
        add(COUNTER_bytes_clients, 1000);
        add(COUNTER_bytes_stored, 750);
        watch_tick(w, 1000);
        take(1500, 1000);
        cr_expect_float_eq(number("total.hit_ratio"), 16.0 / 110, 1e-9);
        cr_expect_float_eq(number("recent.hit_ratio"), 0.6, 1e-9);
        cr_expect_float_eq(number("recent.byte_hit_ratio"), 0.75, 1e-9);
        cr_expect_eq(number("recent.bytes_saved"), 750);
        cr_expect_eq(number("recent.seconds"), HISTORY_SECONDS);
        cr_expect_float_eq(number("rates.requests"), 10, 1e-9);
}

Test(summary, history_is_what_clients_saw_each_second)
{
        watch_tick(w, 0);
        add(COUNTER_bytes_clients, 3000);
        add(COUNTER_bytes_stored, 1000);
        add(COUNTER_requests, 8);
        add(COUNTER_hits, 2);
        add(COUNTER_revalidated, 2);
        watch_tick(w, 2000);
        add(COUNTER_requests, 1);
        watch_tick(w, 3001); /* one in 1,001 ms is still one */
        take(1700, 3501);
        cr_expect_eq(json_array_size(get("history.time")), 2);
        cr_expect_float_eq(number("history.time.0"), 1700 - 1.501, 1e-6);
        cr_expect_float_eq(number("history.time.1"), 1700 - 0.5, 1e-6);
        cr_expect_eq(number("history.store.0"), 500);
        cr_expect_eq(number("history.origin.0"), 1000);
        cr_expect_eq(number("history.requests.0"), 4);
        cr_expect_eq(number("history.hits.0"), 2);
        cr_expect_eq(number("history.requests.1"), 1);
        cr_expect_eq(number("history.store.1"), 0);
}

Test(summary, history_is_bounded)
{
        for (int64_t i = 0; i < 3 * HISTORY_SAMPLES; i++)
                watch_tick(w, i * 1000);
        take(5000, 3 * HISTORY_SAMPLES * 1000);
        cr_expect_eq(json_array_size(get("history.time")), HISTORY_SECONDS);
        cr_expect_eq(json_array_size(get("history.origin")), HISTORY_SECONDS);
}

Test(summary, more_from_the_store_than_was_sent_is_not_negative)
{
        watch_tick(w, 0);
        add(COUNTER_bytes_stored, 10);
        watch_tick(w, 1000);
        take(1500, 1000);
        cr_expect_eq(number("history.origin.0"), 0);
}

Test(summary, workers_and_the_worst_fault)
{
        m.beats[0] = 7;
        take(1500, WORKER_STILL_MS + 1);
        cr_expect_eq(number("workers.0.id"), 0);
        cr_expect_eq(number("workers.0.beats"), 7);
        cr_expect(json_is_true(get("workers.0.moving")));
        cr_expect(json_is_false(get("workers.1.moving")));
        cr_expect_str_eq(text("state"), "error");
        cr_expect_str_eq(text("faults.0.level"), "error");
        cr_expect_not_null(strstr(text("faults.0.text"), "Worker 1"));
}

Test(summary, gates_by_name)
{
        atomic_store(&m.proxy.gate, 0);
        take(1500, 0);
        cr_expect_str_eq(text("gate"), "shut");
        cr_expect_str_eq(text("state"), "warning");
        atomic_store(&m.proxy.gate, -1);
        take(1500, 0);
        cr_expect_str_eq(text("gate"), "unknown");
        m.config.manual = true;
        take(1500, 0);
        cr_expect_str_eq(text("gate"), "manual");
}

Test(summary, stores_with_their_states)
{
        m.stores[0].status = (struct store_status){.size = 100, .used = 60, .file = 80, .responses = 5, .evicted = 2};
        take(1500, 0);
        cr_expect_str_eq(text("stores.0.state"), "ok");
        cr_expect(json_is_null(get("stores.0.error")));
        cr_expect_eq(number("stores.0.used"), 60);
        cr_expect_eq(number("stores.0.evicted"), 2);
        cr_expect_str_eq(text("stores.1.path"), "/srv/games");
        m.stores[0].status.error = ENOSPC;
        m.stores[1].status.set_aside = true;
        take(1500, 0);
        cr_expect_str_eq(text("stores.0.state"), "suspended");
        cr_expect_str_eq(text("stores.0.error"), "No space left on device");
        cr_expect_str_eq(text("stores.1.state"), "set_aside");
        m.stores[0].status.error = -30795;
        m.store_list[1] = NULL;
        take(1500, 0);
        cr_expect_str_eq(text("stores.0.error"), "unknown error");
        cr_expect_str_eq(text("stores.1.state"), "not_open");
}

Test(summary, text_that_is_not_utf8_is_shown_as_far_as_it_goes)
{
        m.config_stores[0].path = "/srv/caf\xe9";
        m.config_stores[1].name = "caf\xc3\xa9";
        take(1500, 0);
        cr_expect_str_eq(text("stores.0.path"), "/srv/caf?");
        cr_expect_str_eq(text("stores.1.name"), "caf\xc3\xa9");
}

Test(summary, a_host_is_a_string_and_nothing_else)
{
        char *dump;

        hosts_add(m.views[0].hosts, SPAN("\"><script>\x01\xff"), true, 10, 4);
        take(1500, 0);
        cr_expect_str_eq(text("hosts.0.name"), "\"><script>??");
        cr_expect_eq(number("hosts.0.bytes"), 10);
        cr_expect_eq(number("hosts.0.bytes_stored"), 4);
        cr_expect_eq(number("hosts.0.requests"), 1);
        cr_expect_eq(number("hosts.0.hits"), 1);
        dump = json_dumps(root, JSON_COMPACT);
        cr_expect_not_null(strstr(dump, "\"\\\"><script>??\""));
        free(dump);
}
