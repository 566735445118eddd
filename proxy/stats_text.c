/* The labels stand in a column of their own; numbers are rounded for reading (`--json` has them all). */
#include "proxy/stats_text.h"

#include <inttypes.h>
#include <string.h>

const char *stats_size(char text[SIZE_TEXT], double bytes)
{
        static const char units[][4] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
        size_t unit = 0;

        while (bytes >= 1023.95 && unit + 1 < sizeof units / sizeof *units) {
                bytes /= 1024;
                unit++;
        }
        snprintf(text, SIZE_TEXT, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
        return text;
}

static const json_t *member(const json_t *object, const char *first, const char *second)
{
        const json_t *found = json_object_get(object, first);

        return second ? json_object_get(found, second) : found;
}

static double number(const json_t *object, const char *first, const char *second)
{
        return json_number_value(member(object, first, second));
}

/* Text that may have come from anywhere, on one line and without control characters. */
static void print(FILE *out, const char *text)
{
        for (; text && *text; text++)
                fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static void label(FILE *out, const char *name)
{
        fprintf(out, "%-10s ", name);
}

static void percent(FILE *out, const json_t *ratio)
{
        if (json_is_number(ratio))
                fprintf(out, "%.1f %%", json_number_value(ratio) * 100);
        else
                fputs("-", out);
}

/* ---- the parts of the overview ----------------------------------------------------------------------------------- */

static void print_uptime(FILE *out, int64_t s)
{
        if (s >= 86400)
                fprintf(out, "%" PRId64 " d ", s / 86400);
        fprintf(out, "%02d:%02d:%02d", (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60));
}

static void print_head(FILE *out, const json_t *s)
{
        const json_t *fault;
        size_t i;

        fputs("Limpid ", out);
        print(out, json_string_value(json_object_get(s, "version")));
        fputs(", up ", out);
        print_uptime(out, (int64_t)number(s, "uptime", NULL));
        fputs(", gate ", out);
        print(out, json_string_value(json_object_get(s, "gate")));
        fputs(json_is_true(json_object_get(s, "draining")) ? ", finishing what runs\n" : "\n", out);
        json_array_foreach(json_object_get(s, "faults"), i, fault)
        {
                print(out, json_string_value(json_object_get(fault, "level")));
                fputs(": ", out);
                print(out, json_string_value(json_object_get(fault, "text")));
                fputc('\n', out);
        }
}

static void print_account(FILE *out, const json_t *s, const char *name, const char *of)
{
        char size[SIZE_TEXT];

        label(out, name);
        fputs("hit ratio ", out);
        percent(out, member(s, of, "hit_ratio"));
        fputs(" of requests, ", out);
        percent(out, member(s, of, "byte_hit_ratio"));
        fprintf(out, " of bytes; saved %s\n", stats_size(size, number(s, of, "bytes_saved")));
}

static void print_traffic(FILE *out, const json_t *s)
{
        char clients[SIZE_TEXT], stored[SIZE_TEXT], origins[SIZE_TEXT];

        label(out, "traffic");
        fprintf(out, "%s/s to clients, %s/s of it from stores; %s/s from origins\n",
                stats_size(clients, number(s, "rates", "bytes_clients")),
                stats_size(stored, number(s, "rates", "bytes_stored")),
                stats_size(origins, number(s, "rates", "bytes_origins")));
        label(out, "requests");
        fprintf(out, "%.1f/s, %.0f connections open\n", number(s, "rates", "requests"),
                number(s, "counters", "connections_open"));
}

static void print_workers(FILE *out, const json_t *s)
{
        const json_t *worker, *list = json_object_get(s, "workers");
        size_t i, moving = 0;

        json_array_foreach(list, i, worker)
        {
                moving += json_is_true(json_object_get(worker, "moving"));
        }
        label(out, "workers");
        fprintf(out, "%zu of %zu moving\n", moving, json_array_size(list));
}

static void print_stores(FILE *out, const json_t *s)
{
        char used[SIZE_TEXT], size[SIZE_TEXT];
        const json_t *store;
        size_t i;

        json_array_foreach(json_object_get(s, "stores"), i, store)
        {
                label(out, "store");
                print(out, json_string_value(json_object_get(store, "name")));
                fprintf(out, ": %s of %s, %.0f responses, %.0f evicted, ",
                        stats_size(used, number(store, "used", NULL)), stats_size(size, number(store, "size", NULL)),
                        number(store, "responses", NULL), number(store, "evicted", NULL));
                print(out, json_string_value(json_object_get(store, "state")));
                fputc('\n', out);
        }
}

static void print_hosts(FILE *out, const json_t *s, size_t most)
{
        const json_t *host, *list = json_object_get(s, "hosts");
        char size[SIZE_TEXT];
        size_t i;

        if (most == 0 || json_array_size(list) == 0)
                return;
        fprintf(out, "\n%12s %10s %8s  %s\n", "bytes", "requests", "stored", "host");
        json_array_foreach(list, i, host)
        {
                double bytes = number(host, "bytes", NULL);

                if (i == most)
                        break;
                fprintf(out, "%12s %10.0f %6.1f %%  ", stats_size(size, bytes), number(host, "requests", NULL),
                        bytes > 0 ? number(host, "bytes_stored", NULL) * 100 / bytes : 0);
                print(out, json_string_value(json_object_get(host, "name")));
                fputc('\n', out);
        }
}

void stats_overview(FILE *out, const json_t *s, size_t hosts)
{
        print_head(out, s);
        print_account(out, s, "5 minutes", "recent");
        print_account(out, s, "all", "total");
        print_traffic(out, s);
        print_workers(out, s);
        print_stores(out, s);
        print_hosts(out, s, hosts);
}

void stats_counters(FILE *out, const json_t *s)
{
        const char *name;
        json_t *value;

        fputc('\n', out);
        /* The names are those of counters.h. */
        json_object_foreach(json_object_get(s, "counters"), name, value)
        {
                fprintf(out, "%-20s %16" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
        }
}
