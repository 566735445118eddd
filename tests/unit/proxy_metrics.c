/* Prometheus' text format: every name once, HELP and TYPE first, values that are numbers, labels that are escaped. */
#include "proxy/metrics.h"

#include "proxy_made_up.h"

#include <errno.h>

static struct made_up m;
static struct watch *w;
static char *text;

static void open_all(void)
{
        made_up_open(&m);
        w = watch_new(&m.proxy, 0);
        cr_assert_not_null(w);
}

static void close_all(void)
{
        free(text);
        watch_free(&w);
        made_up_close(&m);
}

TestSuite(metrics, .init = open_all, .fini = close_all);

static void write_all(int64_t now_ms)
{
        struct snapshot s;
        size_t len;
        FILE *out;

        free(text);
        cr_assert_eq(snapshot_take(&s, w, 2000, now_ms), 0);
        out = open_memstream(&text, &len);
        metrics_write(out, &s);
        fclose(out);
        snapshot_free(&s);
}

/* Whether this is one of the lines. */
static bool has(const char *line)
{
        size_t len = strlen(line);

        for (const char *at = text; (at = strstr(at, line)); at++)
                if ((at == text || at[-1] == '\n') && at[len] == '\n')
                        return true;
        return false;
}

Test(metrics, counters_are_totals_and_gauges_are_not)
{
        count(&m.counters[0], COUNTER_requests, 12);
        count(&m.counters[1], COUNTER_connections_open, 3);
        write_all(0);
        cr_expect(has("# HELP limpid_requests_total requests answered"));
        cr_expect(has("# TYPE limpid_requests_total counter"));
        cr_expect(has("limpid_requests_total 12"));
        cr_expect(has("# TYPE limpid_connections_open gauge"));
        cr_expect(has("limpid_connections_open 3"));
        cr_expect_null(strstr(text, "connections_open_total"));
}

Test(metrics, the_program_itself)
{
        write_all(0);
        cr_expect(has("limpid_info{version=\"" LIMPID_VERSION "\"} 1"));
        cr_expect(has("limpid_start_time_seconds 1000"));
        cr_expect(has("limpid_gate_open 1"));
        cr_expect(has("limpid_draining 0"));
        atomic_store(&m.proxy.gate, 0);
        atomic_store(&m.proxy.draining, true);
        write_all(0);
        cr_expect(has("limpid_gate_open 0"));
        cr_expect(has("limpid_draining 1"));
        atomic_store(&m.proxy.gate, -1);
        write_all(0);
        cr_expect_null(strstr(text, "limpid_gate_open"), "what is not known has no sample");
}

Test(metrics, workers)
{
        m.beats[1] = 1;
        write_all(WORKER_STILL_MS + 1);
        cr_expect(has("limpid_worker_moving{worker=\"0\"} 0"));
        cr_expect(has("limpid_worker_moving{worker=\"1\"} 1"));
}

Test(metrics, stores_by_label)
{
        m.stores[0].status = (struct store_status){.size = 100, .used = 60, .responses = 5, .damaged = 1};
        m.stores[1].status.error = ENOSPC;
        write_all(0);
        cr_expect(has("# TYPE limpid_store_used_bytes gauge"));
        cr_expect(has("limpid_store_used_bytes{store=\"main\"} 60"));
        cr_expect(has("limpid_store_used_bytes{store=\"games\"} 0"));
        cr_expect(has("# TYPE limpid_store_damaged_total counter"));
        cr_expect(has("limpid_store_damaged_total{store=\"main\"} 1"));
        cr_expect(has("limpid_store_up{store=\"main\"} 1"));
        cr_expect(has("limpid_store_up{store=\"games\"} 0"));
        m.store_list[0] = NULL;
        m.stores[1].status = (struct store_status){.set_aside = true};
        write_all(0);
        cr_expect(has("limpid_store_up{store=\"main\"} 0"));
        cr_expect(has("limpid_store_up{store=\"games\"} 0"));
}

Test(metrics, labels_are_escaped)
{
        m.config_stores[0].name = "a\"b\\c\nd";
        write_all(0);
        cr_expect(has("limpid_store_up{store=\"a\\\"b\\\\c\\nd\"} 1"));
}

/* The name of a sample or of a HELP or TYPE line. */
static void name_of(const char *line, char name[128])
{
        size_t skip = strncmp(line, "# ", 2) == 0 ? strlen("# HELP ") : 0;

        snprintf(name, 128, "%.*s", (int)strcspn(line + skip, " {"), line + skip);
}

Test(metrics, each_name_has_its_help_and_type_before_its_samples)
{
        char name[128], current[128] = "", *rest, *line;
        int state = 0; /* 1: HELP seen, 2: TYPE seen */

        write_all(0);
        cr_assert_eq(text[strlen(text) - 1], '\n');
        rest = text;
        while ((line = strsep(&rest, "\n")) && line[0]) {
                name_of(line, name);
                cr_expect_eq(strncmp(name, "limpid_", 7), 0, "%s", line);
                if (strncmp(line, "# HELP ", 7) == 0) {
                        cr_expect(state != 1);
                        snprintf(current, sizeof current, "%s", name);
                        state = 1;
                } else if (strncmp(line, "# TYPE ", 7) == 0) {
                        cr_expect_eq(state, 1);
                        state = 2;
                } else {
                        cr_expect_eq(state, 2);
                        cr_expect(strrchr(line, ' ')[1] >= '0' && strrchr(line, ' ')[1] <= '9', "%s", line);
                }
                cr_expect_str_eq(name, current);
        }
}
