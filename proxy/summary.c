/* Puts a snapshot into JSON, member by member as summary.h lists them. Out of memory shows itself as NULL somewhere
 * below, which jansson's functions that take a reference pass on as a failure. */
#include "proxy/summary.h"

#include <string.h>

#include "proxy/faults.h"

enum { RATE_SECONDS = 10 };

static json_t *number(uint64_t n)
{
        return json_integer((json_int_t)n);
}

json_t *summary_text(const char *text)
{
        json_t *string = json_string(text);
        char clean[512];
        size_t n = 0;

        if (string)
                return string;
        for (; n < sizeof clean - 1 && text[n]; n++)
                clean[n] = (text[n] & 0x80) ? '?' : text[n];
        return json_stringn(clean, n);
}

/* ---- faults ------------------------------------------------------------------------------------------------------ */

static const char *level_name(enum fault_level level)
{
        static const char *const names[] = {"ok", "warning", "error"};

        return names[level];
}

static void add_fault(void *list, enum fault_level level, const char *text)
{
        json_array_append_new(list, json_pack("{s:s, s:o}", "level", level_name(level), "text", summary_text(text)));
}

static int add_faults(json_t *root, const struct snapshot *s)
{
        json_t *list = json_array();
        enum fault_level worst;

        if (!list)
                return -1;
        worst = faults_find(s, add_fault, list);
        return json_object_set_new(root, "state", json_string(level_name(worst))) |
               json_object_set_new(root, "faults", list);
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static int add_counters(json_t *root, const struct snapshot *s)
{
        enum { counter, gauge };
        static const struct {
                const char *name;
                int kind;
        } table[] = {
#define NAMED(name, kind, help) {#name, kind},
                COUNTERS(NAMED)
#undef NAMED
        };
        json_t *totals = json_object(), *rates = json_object();

        for (int id = 0; id < COUNTER_IDS; id++) {
                double rate = history_rate(s->history, (enum counter_id)id, RATE_SECONDS);

                json_object_set_new(totals, table[id].name, number(s->totals[id]));
                if (table[id].kind == counter)
                        json_object_set_new(rates, table[id].name, json_real(rate));
        }
        return json_object_set_new(root, "counters", totals) | json_object_set_new(root, "rates", rates);
}

/* RFC 8259 has no number for "of nothing": null. */
static json_t *ratio(uint64_t part, uint64_t whole)
{
        return whole ? json_real((double)part / (double)whole) : json_null();
}

/* What a span of time came to, from how much each counter grew in it. */
static json_t *account(const uint64_t grown[COUNTER_IDS])
{
        return json_pack("{s:o, s:o, s:o}", "hit_ratio",
                         ratio(grown[COUNTER_hits] + grown[COUNTER_revalidated], grown[COUNTER_requests]),
                         "byte_hit_ratio", ratio(grown[COUNTER_bytes_stored], grown[COUNTER_bytes_clients]),
                         "bytes_saved", number(grown[COUNTER_bytes_stored]));
}

static int add_accounts(json_t *root, const struct snapshot *s)
{
        uint64_t grown[COUNTER_IDS];
        json_t *recent;

        for (int id = 0; id < COUNTER_IDS; id++)
                grown[id] = history_growth(s->history, (enum counter_id)id, HISTORY_SECONDS);
        recent = account(grown);
        return json_object_set_new(recent, "seconds", number(HISTORY_SECONDS)) |
               json_object_set_new(root, "recent", recent) | json_object_set_new(root, "total", account(s->totals));
}

/* ---- history ----------------------------------------------------------------------------------------------------- */

struct interval {
        const struct history_sample *old, *new;
};

static uint64_t per_second(struct interval i, enum counter_id id)
{
        uint64_t grown = i.new->value[id] > i.old->value[id] ? i.new->value[id] - i.old->value[id] : 0;
        uint64_t ms = (uint64_t)(i.new->at_ms - i.old->at_ms);

        return (grown * 1000 + ms / 2) / ms;
}

static uint64_t store_bytes(struct interval i)
{
        return per_second(i, COUNTER_bytes_stored);
}

/* Counters are read one after the other: a reply in between may make the part larger than the whole. */
static uint64_t origin_bytes(struct interval i)
{
        uint64_t all = per_second(i, COUNTER_bytes_clients), stored = store_bytes(i);

        return all > stored ? all - stored : 0;
}

static uint64_t requests(struct interval i)
{
        return per_second(i, COUNTER_requests);
}

static uint64_t hits(struct interval i)
{
        return per_second(i, COUNTER_hits) + per_second(i, COUNTER_revalidated);
}

static json_t *series(const struct history *h, uint64_t (*value)(struct interval))
{
        json_t *list = json_array();

        for (size_t back = h->count; back-- > 1;) {
                struct interval i = {history_back(h, back), history_back(h, back - 1)};

                json_array_append_new(list, number(value(i)));
        }
        return list;
}

static json_t *times(const struct snapshot *s)
{
        json_t *list = json_array();

        for (size_t back = s->history->count; back-- > 1;) {
                int64_t ago = s->now_ms - history_back(s->history, back - 1)->at_ms;

                json_array_append_new(list, json_real((double)(s->now * 1000 - ago) / 1000));
        }
        return list;
}

static json_t *history(const struct snapshot *s)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o}", "time", times(s), "store", series(s->history, store_bytes),
                         "origin", series(s->history, origin_bytes), "requests", series(s->history, requests), "hits",
                         series(s->history, hits));
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static json_t *workers(const struct snapshot *s)
{
        json_t *list = json_array();

        for (size_t i = 0; i < s->worker_count; i++)
                json_array_append_new(list,
                                      json_pack("{s:o, s:o, s:b}", "id", number(i), "beats",
                                                number(s->workers[i].beats), "moving", (int)s->workers[i].moving));
        return list;
}

static json_t *hosts(const struct snapshot *s)
{
        json_t *list = json_array();

        for (size_t i = 0; i < s->host_count; i++) {
                const struct host_total *h = &s->hosts[i];

                json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", summary_text(h->name),
                                                      "requests", number(h->requests), "hits", number(h->hits), "bytes",
                                                      number(h->bytes), "bytes_stored", number(h->bytes_stored)));
        }
        return list;
}

static const char *store_state_name(const struct store_state *s)
{
        if (!s->open)
                return "not_open";
        if (s->status.set_aside)
                return "set_aside";
        return s->status.error ? "suspended" : "ok";
}

static json_t *store(const struct store_state *s)
{
        const struct store_status *t = &s->status;
        const char *why = t->error ? strerrordesc_np(t->error) : NULL;

        return json_pack("{s:o, s:o, s:s, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                         summary_text(s->name), "path", summary_text(s->path), "state", store_state_name(s), "error",
                         t->error && !why ? "unknown error" : why, "size", number(t->size), "used", number(t->used),
                         "file", number(t->file), "responses", number(t->responses), "body_bytes",
                         number(t->body_bytes), "queued", number(t->queued), "evicted", number(t->evicted), "dropped",
                         number(t->dropped), "damaged", number(t->damaged));
}

static json_t *stores(const struct snapshot *s)
{
        json_t *list = json_array();

        for (size_t i = 0; i < s->store_count; i++)
                json_array_append_new(list, store(&s->stores[i]));
        return list;
}

json_t *summary_json(const struct snapshot *s)
{
        static const char *const gates[] = {"unknown", "open", "shut", "manual"};
        json_t *root = json_pack("{s:s, s:o, s:o, s:o, s:s, s:b}", "version", LIMPID_VERSION, "time",
                                 number((uint64_t)s->now), "started", number((uint64_t)s->started), "uptime",
                                 json_integer(s->now > s->started ? s->now - s->started : 0), "gate", gates[s->gate],
                                 "draining", (int)s->draining);

        if (!root)
                return NULL;
        if (add_faults(root, s) || add_counters(root, s) || add_accounts(root, s) ||
            json_object_set_new(root, "workers", workers(s)) || json_object_set_new(root, "history", history(s)) ||
            json_object_set_new(root, "hosts", hosts(s)) || json_object_set_new(root, "stores", stores(s))) {
                json_decref(root);
                return NULL;
        }
        return root;
}
