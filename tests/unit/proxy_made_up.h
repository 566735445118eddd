/* A proxy that nobody runs: two workers and up to two stores, filled by the test. The test's own struct store and
 * store_status stand before those of cache/, so that a store can say anything of itself. */
#ifndef TESTS_UNIT_PROXY_MADE_UP_H
#define TESTS_UNIT_PROXY_MADE_UP_H

#include "proxy/fill.h"
#include "proxy/snapshot.h"
#include <criterion/criterion.h>
#include <string.h>

struct store {
        struct store_status status;
};

struct made_up {
        struct config config;
        struct config_store config_stores[2];
        struct proxy proxy;
        struct worker_view views[2];
        struct counters counters[2];
        _Atomic uint64_t beats[2];
        struct store stores[2];
        struct store *store_list[2];
};

void store_status(struct store *s, struct store_status *status)
{
        *status = s->status;
}

/* In place of proxy/fills.c; what was to be forgotten of what is arriving. */
static struct {
        int count;
        enum purge_kind kind;
} outdated;

void fills_outdate(struct fills *f, enum purge_kind kind, struct span text)
{
        (void)f;
        (void)text;
        outdated.count++;
        outdated.kind = kind;
}

int store_list(struct store *s, struct span url, void (*tell)(void *, const struct listed *), void *context)
{
        (void)url;
        (void)tell;
        (void)context;
        return s->status.error; /* nothing is stored */
}

static inline void made_up_open(struct made_up *m)
{
        memset(m, 0, sizeof *m);
        m->config_stores[0] = (struct config_store){"main", "/var/lib/limpid", 1 << 30};
        m->config_stores[1] = (struct config_store){"games", "/srv/games", 1 << 30};
        m->config.stores = m->config_stores;
        m->config.store_count = m->proxy.store_count = 2;
        m->config.admin.listen = m->config.admin.password_file = m->config.admin.control = "";
        m->proxy.config = &m->config;
        m->proxy.started = 1000;
        m->proxy.worker_count = 2;
        m->proxy.views = m->views;
        m->proxy.stores = m->store_list;
        m->proxy.gate = 1;
        for (int i = 0; i < 2; i++) {
                m->store_list[i] = &m->stores[i];
                m->views[i] = (struct worker_view){&m->counters[i], hosts_new(), &m->beats[i]};
                cr_assert_not_null(m->views[i].hosts);
        }
}

static inline void made_up_close(struct made_up *m)
{
        for (int i = 0; i < 2; i++)
                hosts_free(&m->views[i].hosts);
}

#endif
