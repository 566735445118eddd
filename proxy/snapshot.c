/* Reads what the other threads write: counters with relaxed loads (each a moment of its own, which no reader of totals
 * can tell), beats, the hosts' tables under their small locks, and the stores' own account of themselves. */
#include "proxy/snapshot.h"

#include <errno.h>
#include <stdlib.h>

static uint64_t beats_of(const struct proxy *p, size_t worker)
{
        return atomic_load_explicit(p->views[worker].beats, memory_order_relaxed);
}

static void sum_counters(const struct proxy *p, uint64_t totals[COUNTER_IDS])
{
        const struct counters *names = p->names_counters;

        for (int id = 0; id < COUNTER_IDS; id++) {
                totals[id] = names ? atomic_load_explicit(&names->value[id], memory_order_relaxed) : 0;
                for (size_t i = 0; i < p->worker_count; i++)
                        totals[id] += atomic_load_explicit(&p->views[i].counters->value[id], memory_order_relaxed);
        }
}

/* ---- between two looks ------------------------------------------------------------------------------------------ */

struct watch *watch_new(struct proxy *p, int64_t now_ms)
{
        struct watch *w = calloc(1, sizeof *w);

        if (!w)
                return NULL;
        w->proxy = p;
        w->pulses = calloc(p->worker_count + 1, sizeof *w->pulses);
        if (!w->pulses) {
                free(w);
                return NULL;
        }
        for (size_t i = 0; i < p->worker_count; i++)
                w->pulses[i] = (struct pulse){beats_of(p, i), now_ms};
        return w;
}

void watch_free(struct watch **w)
{
        if (*w)
                free((*w)->pulses);
        free(*w);
        *w = NULL;
}

static void feel_pulses(struct watch *w, int64_t now_ms)
{
        for (size_t i = 0; i < w->proxy->worker_count; i++) {
                uint64_t beats = beats_of(w->proxy, i);

                if (beats != w->pulses[i].beats)
                        w->pulses[i] = (struct pulse){beats, now_ms};
        }
}

void watch_tick(struct watch *w, int64_t now_ms)
{
        uint64_t totals[COUNTER_IDS];

        feel_pulses(w, now_ms);
        sum_counters(w->proxy, totals);
        history_add(&w->history, now_ms, totals);
}

/* ---- one moment -------------------------------------------------------------------------------------------------- */

static enum gate_state gate_of(struct proxy *p)
{
        if (p->config->manual)
                return GATE_MANUAL;
        switch (atomic_load(&p->gate)) {
        case 0:
                return GATE_SHUT;
        case 1:
                return GATE_OPEN;
        default:
                return GATE_UNKNOWN;
        }
}

static int take_workers(struct snapshot *s, const struct watch *w)
{
        s->worker_count = w->proxy->worker_count;
        s->workers = calloc(s->worker_count + 1, sizeof *s->workers);
        if (!s->workers)
                return ENOMEM;
        for (size_t i = 0; i < s->worker_count; i++) {
                int64_t still = s->now_ms - w->pulses[i].moved_ms;

                s->workers[i] = (struct worker_state){w->pulses[i].beats, still, still <= WORKER_STILL_MS};
        }
        return 0;
}

static int take_stores(struct snapshot *s, const struct proxy *p)
{
        s->store_count = p->store_count;
        s->stores = calloc(s->store_count + 1, sizeof *s->stores);
        if (!s->stores)
                return ENOMEM;
        for (size_t i = 0; i < s->store_count; i++) {
                struct store_state *state = &s->stores[i];

                state->name = p->config->stores[i].name;
                state->path = p->config->stores[i].path;
                state->open = p->stores[i] != NULL;
                if (state->open)
                        store_status(p->stores[i], &state->status);
        }
        return 0;
}

static int take_hosts(struct snapshot *s, const struct proxy *p)
{
        struct hosts **tables = calloc(p->worker_count + 1, sizeof *tables);

        s->hosts = calloc(SNAPSHOT_HOSTS, sizeof *s->hosts);
        if (tables && s->hosts) {
                for (size_t i = 0; i < p->worker_count; i++)
                        tables[i] = p->views[i].hosts;
                s->host_count = hosts_top(tables, p->worker_count, s->hosts, SNAPSHOT_HOSTS);
        }
        free(tables);
        return tables && s->hosts ? 0 : ENOMEM;
}

int snapshot_take(struct snapshot *s, struct watch *w, int64_t now, int64_t now_ms)
{
        struct proxy *p = w->proxy;
        int error;

        *s = (struct snapshot){.now = now, .now_ms = now_ms, .started = p->started, .history = &w->history};
        feel_pulses(w, now_ms);
        sum_counters(p, s->totals);
        s->gate = gate_of(p);
        s->fail_closed = p->config->setup.fail_closed;
        s->spoof_client = p->config->origin.spoof_client;
        s->draining = atomic_load(&p->draining);
        s->overloaded = atomic_load(&p->overloaded);
        error = take_workers(s, w);
        if (!error)
                error = take_stores(s, p);
        if (!error)
                error = take_hosts(s, p);
        return error;
}

void snapshot_free(struct snapshot *s)
{
        free(s->workers);
        free(s->stores);
        free(s->hosts);
        *s = (struct snapshot){0};
}
