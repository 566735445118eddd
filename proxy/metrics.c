/* One table for the counters, which stands in counters.h, and one for what a store says of itself. Every metric has its
 * HELP and TYPE before its samples, once. */
#include "proxy/metrics.h"

#include <inttypes.h>

static void head(FILE *out, const char *name, const char *kind, const char *help)
{
        fprintf(out, "# HELP limpid_%s %s\n# TYPE limpid_%s %s\n", name, help, name, kind);
}

static void plain(FILE *out, const char *name, const char *kind, const char *help, int64_t value)
{
        head(out, name, kind, help);
        fprintf(out, "limpid_%s %" PRId64 "\n", name, value);
}

/* A label's value: backslash, quote and line feed are the three that must be escaped. */
static void label(FILE *out, const char *value)
{
        for (; *value; value++) {
                if (*value == '\n')
                        fputs("\\n", out);
                else if (*value == '\\' || *value == '"')
                        fprintf(out, "\\%c", *value);
                else
                        fputc(*value, out);
        }
}

static void write_counters(FILE *out, const struct snapshot *s)
{
        enum { counter, gauge };
        static const struct {
                const char *name, *help;
                int kind;
        } table[] = {
#define METRIC(name, kind, help) {#name, help, kind},
                COUNTERS(METRIC)
#undef METRIC
        };

        for (int id = 0; id < COUNTER_IDS; id++) {
                const char *suffix = table[id].kind == counter ? "_total" : "";

                fprintf(out, "# HELP limpid_%s%s %s\n", table[id].name, suffix, table[id].help);
                fprintf(out, "# TYPE limpid_%s%s %s\n", table[id].name, suffix,
                        table[id].kind == counter ? "counter" : "gauge");
                fprintf(out, "limpid_%s%s %" PRIu64 "\n", table[id].name, suffix, s->totals[id]);
        }
}

static void write_workers(FILE *out, const struct snapshot *s)
{
        head(out, "worker_moving", "gauge", "1 while the worker's event loop turns");
        for (size_t i = 0; i < s->worker_count; i++)
                fprintf(out, "limpid_worker_moving{worker=\"%zu\"} %d\n", i, s->workers[i].moving);
}

/* ---- stores ------------------------------------------------------------------------------------------------------ */

static uint64_t is_storing(const struct store_state *s)
{
        return s->open && !s->status.error && !s->status.set_aside;
}

/* X(name, kind, help, value of `s`) */
#define STORE_METRICS(X)                                                                                               \
        X(store_up, gauge, "1 while the store takes and gives responses", is_storing(s))                               \
        X(store_size_bytes, gauge, "bytes the store may have, as configured", s->status.size)                          \
        X(store_used_bytes, gauge, "bytes of pages in use", s->status.used)                                            \
        X(store_file_bytes, gauge, "bytes of the store's file", s->status.file)                                        \
        X(store_responses, gauge, "stored responses", s->status.responses)                                             \
        X(store_body_bytes, gauge, "bytes of stored bodies", s->status.body_bytes)                                     \
        X(store_queued_bytes, gauge, "bytes that wait for the store's writer", s->status.queued)                       \
        X(store_evicted_total, counter, "responses evicted", s->status.evicted)                                        \
        X(store_dropped_total, counter, "responses not stored because the disk was slow", s->status.dropped)           \
        X(store_damaged_total, counter, "checksums that were wrong", s->status.damaged)

struct store_metric {
        const char *name, *kind, *help;
        uint64_t (*value)(const struct store_state *);
};

#define STORE_VALUE(name, kind, help, expression)                                                                      \
        static uint64_t name(const struct store_state *s)                                                              \
        {                                                                                                              \
                return expression;                                                                                     \
        }
STORE_METRICS(STORE_VALUE)
#undef STORE_VALUE

static void write_stores(FILE *out, const struct snapshot *s)
{
        static const struct store_metric table[] = {
#define STORE_METRIC(name, kind, help, expression) {#name, #kind, help, name},
                STORE_METRICS(STORE_METRIC)
#undef STORE_METRIC
        };

        for (const struct store_metric *m = table; m < table + sizeof table / sizeof *table; m++) {
                head(out, m->name, m->kind, m->help);
                for (size_t i = 0; i < s->store_count; i++) {
                        fprintf(out, "limpid_%s{store=\"", m->name);
                        label(out, s->stores[i].name);
                        fprintf(out, "\"} %" PRIu64 "\n", m->value(&s->stores[i]));
                }
        }
}

void metrics_write(FILE *out, const struct snapshot *s)
{
        head(out, "info", "gauge", "always 1; the version is the label");
        fputs("limpid_info{version=\"" LIMPID_VERSION "\"} 1\n", out);
        plain(out, "start_time_seconds", "gauge", "unix time at which the proxy was started", s->started);
        if (s->gate == GATE_OPEN || s->gate == GATE_SHUT)
                plain(out, "gate_open", "gauge", "1 while clients' connections are intercepted", s->gate == GATE_OPEN);
        plain(out, "draining", "gauge", "1 once no new connections are accepted", s->draining);
        write_counters(out, s);
        write_workers(out, s);
        write_stores(out, s);
}
