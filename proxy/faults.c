/* Each check looks at one thing of the snapshot and says at most a sentence for each worker or store. */
#include "proxy/faults.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { UNSPOOFED_SECONDS = 60 };

struct finding {
        void (*say)(void *, enum fault_level, const char *);
        void *context;
        enum fault_level worst;
};

__attribute__((format(printf, 3, 4))) static void say(struct finding *f, enum fault_level level, const char *format,
                                                      ...)
{
        char text[FAULT_TEXT];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        if (level > f->worst)
                f->worst = level;
        f->say(f->context, level, text);
}

static void check_workers(struct finding *f, const struct snapshot *s)
{
        for (size_t i = 0; i < s->worker_count; i++)
                if (!s->workers[i].moving)
                        say(f, LEVEL_ERROR, "Worker %zu has not moved for %" PRId64 " s.", i,
                            s->workers[i].still_ms / 1000);
}

static void check_broken_stores(struct finding *f, const struct snapshot *s)
{
        for (size_t i = 0; i < s->store_count; i++) {
                const struct store_state *store = &s->stores[i];

                if (!store->open)
                        say(f, LEVEL_ERROR, "Store %s could not be opened: Limpid runs without it.", store->name);
                else if (store->status.set_aside)
                        say(f, LEVEL_ERROR, "Store %s could not be read and is out of use until a restart.",
                            store->name);
        }
}

static void check_suspended_stores(struct finding *f, const struct snapshot *s)
{
        for (size_t i = 0; i < s->store_count; i++) {
                const struct store_status *status = &s->stores[i].status;
                const char *why = strerrordesc_np(status->error);

                if (status->error && !status->set_aside)
                        say(f, LEVEL_WARNING, "Store %s takes nothing new for now: %s.", s->stores[i].name,
                            why ? why : "unknown error");
        }
}

static void check_gate(struct finding *f, const struct snapshot *s)
{
        if (s->draining)
                say(f, LEVEL_WARNING, "Limpid is ending: it finishes what runs and accepts no new connections.");
        else if (s->overloaded)
                say(f, s->fail_closed ? LEVEL_ERROR : LEVEL_WARNING,
                    "All connections that Limpid may have are in use: new ones %s.",
                    s->fail_closed ? "are refused" : "go direct");
        else if (s->gate == GATE_SHUT && s->fail_closed)
                say(f, LEVEL_ERROR, "The gate is shut, and connections do not go past Limpid: clients reach nothing.");
        else if (s->gate == GATE_SHUT)
                say(f, LEVEL_WARNING, "The gate is shut: new connections go direct, past the cache.");
}

static void check_spoofing(struct finding *f, const struct snapshot *s)
{
        uint64_t n = s->history ? history_growth(s->history, COUNTER_unspoofed, UNSPOOFED_SECONDS) : 0;

        if (s->spoof_client && n)
                say(f, LEVEL_WARNING,
                    "In the last minute %" PRIu64 " connections to origins lacked the client's address.", n);
}

enum fault_level faults_find(const struct snapshot *s, void (*found)(void *, enum fault_level, const char *),
                             void *context)
{
        struct finding f = {found, context, LEVEL_OK};

        if (s->fail_closed)
                check_gate(&f, s);
        check_workers(&f, s);
        check_broken_stores(&f, s);
        if (!s->fail_closed)
                check_gate(&f, s);
        check_suspended_stores(&f, s);
        check_spoofing(&f, s);
        return f.worst;
}
