/* Traces: see trace.h. */
#include "tests/bench/ratio/trace.h"

#include <math.h>
#include <stdlib.h>

enum { SIZE_MIN = 16, CLIENTS_MAX = 64 };

static const double web_median = 16384.0, web_sigma = 1.58, web_most = 256 << 20;
static const double chunk_least = 1e5, chunk_most = 1e6;
static const double large_least = 4e6, large_most = 64e6, large_share = 1.0 / 200;

/* A set that is under way: how far each of its clients has come. */
struct set {
        uint32_t first, objects, clients;
        uint32_t at[CLIENTS_MAX];
        uint32_t left; /* requests */
};

struct maker {
        const struct trace_spec *spec;
        struct trace *trace;
        uint64_t random;
        double *cumulated; /* of the popularities by rank */
        uint32_t *ranks;   /* which object has it */
        uint32_t room;     /* of trace->sizes */
        struct set set;
};

/* ---- chance --------------------------------------------------------------------------------------------------------
 */

/* splitmix64 (Steele, Lea, Flood, 2014) */
static uint64_t random64(uint64_t *state)
{
        uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
        return z ^ z >> 31;
}

/* In [0, 1). */
static double chance(struct maker *m)
{
        return (double)(random64(&m->random) >> 11) * 0x1p-53;
}

static uint32_t below(struct maker *m, uint32_t n)
{
        return (uint32_t)(chance(m) * n);
}

/* Box and Muller's. */
static double normal(struct maker *m)
{
        double radius = sqrt(-2 * log(1 - chance(m)));

        return radius * cos(2 * M_PI * chance(m));
}

static double web_size(struct maker *m)
{
        double size = web_median * exp(web_sigma * normal(m));

        return size > web_most ? web_most : size;
}

static double game_size(struct maker *m)
{
        if (chance(m) < large_share)
                return large_least + chance(m) * (large_most - large_least);
        return chunk_least + chance(m) * (chunk_most - chunk_least);
}

/* ---- objects -------------------------------------------------------------------------------------------------------
 */

/* A new one; its key. UINT32_MAX: out of memory. */
static uint32_t new_object(struct maker *m, enum sizes sizes)
{
        struct trace *t = m->trace;
        double size = (sizes == GAME ? game_size(m) : web_size(m)) / m->spec->scale;

        if (t->objects == m->room) {
                uint32_t room = m->room ? m->room * 2 : 1024;
                uint32_t *more = realloc(t->sizes, room * sizeof *more);

                if (!more)
                        return UINT32_MAX;
                t->sizes = more;
                m->room = room;
        }
        t->sizes[t->objects] = size < SIZE_MIN ? SIZE_MIN : (uint32_t)size;
        return t->objects++;
}

static uint32_t new_in_catalogue(struct maker *m)
{
        bool game = m->spec->sizes == GAME || (m->spec->games > 0 && chance(m) < m->spec->games);

        return new_object(m, game ? GAME : WEB);
}

static bool make_catalogue(struct maker *m)
{
        const struct trace_spec *spec = m->spec;
        double sum = 0;

        m->cumulated = malloc(spec->objects * sizeof *m->cumulated);
        m->ranks = malloc(spec->objects * sizeof *m->ranks);
        if (!m->cumulated || !m->ranks)
                return false;
        for (uint32_t i = 0; i < spec->objects; i++) {
                sum += pow(i + 1, -spec->zipf);
                m->cumulated[i] = sum;
                m->ranks[i] = new_in_catalogue(m);
                if (m->ranks[i] == UINT32_MAX)
                        return false;
        }
        return true;
}

static uint32_t popular(struct maker *m)
{
        uint32_t low = 0, high = m->spec->objects - 1;
        double at = chance(m) * m->cumulated[high];

        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (m->cumulated[middle] > at)
                        high = middle;
                else
                        low = middle + 1;
        }
        return m->ranks[low];
}

/* What a night changes. */
static bool new_day(struct maker *m)
{
        const struct trace_spec *spec = m->spec;

        for (uint32_t i = 0; i < spec->objects; i++) {
                if (spec->shift > 0 && chance(m) < spec->shift) {
                        uint32_t other = below(m, spec->objects), key = m->ranks[i];

                        m->ranks[i] = m->ranks[other];
                        m->ranks[other] = key;
                }
                if (spec->news > 0 && chance(m) < spec->news && (m->ranks[i] = new_in_catalogue(m)) == UINT32_MAX)
                        return false;
        }
        return true;
}

/* ---- sets ----------------------------------------------------------------------------------------------------------
 */

static bool new_set(struct maker *m)
{
        const struct trace_spec *spec = m->spec;
        struct set *set = &m->set;

        *set = (struct set){m->trace->objects, spec->set_objects, spec->set_clients, {0}, 0};
        set->left = set->objects * set->clients;
        for (uint32_t i = 0; i < set->objects; i++)
                if (new_object(m, spec->sizes) == UINT32_MAX)
                        return false;
        return true;
}

/* Clients come one after the other, each when the one before has a part of it: all are under way for a while. */
static uint32_t of_set(struct maker *m)
{
        struct set *set = &m->set;
        uint32_t client = below(m, set->clients);

        while (set->at[client] == set->objects ||
               (client > 0 && set->at[client - 1] < set->objects / 4 && set->at[client] == 0))
                client = (client + 1) % set->clients;
        set->left--;
        return set->first + set->at[client]++;
}

/* ---- all of it -----------------------------------------------------------------------------------------------------
 */

static uint32_t one_request(struct maker *m)
{
        if (m->set.left > 0 && chance(m) < m->spec->set_share)
                return of_set(m);
        if (chance(m) < m->spec->once)
                return new_object(m, m->spec->sizes);
        return popular(m);
}

static bool make_requests(struct maker *m)
{
        const struct trace_spec *spec = m->spec;
        size_t day = spec->requests / (spec->days ? spec->days : 1), set = spec->requests / (spec->sets + 1);

        for (size_t i = 0; i < spec->requests; i++) {
                if (i && day && i % day == 0 && !new_day(m))
                        return false;
                if (spec->sets && i && i % set == 0 && !m->set.left && !new_set(m))
                        return false;
                m->trace->keys[i] = one_request(m);
                if (m->trace->keys[i] == UINT32_MAX)
                        return false;
        }
        return true;
}

bool trace_make(struct trace *t, const struct trace_spec *spec)
{
        struct maker m = {.spec = spec, .trace = t, .random = spec->seed};
        bool made;

        *t = (struct trace){
                .count = spec->requests, .largest = UINT64_MAX, .keys = malloc(spec->requests * sizeof *t->keys)};
        made = t->keys && spec->set_clients <= CLIENTS_MAX && make_catalogue(&m) && make_requests(&m);
        free(m.cumulated);
        free(m.ranks);
        if (!made)
                trace_free(t);
        return made;
}

void trace_free(struct trace *t)
{
        free(t->keys);
        free(t->sizes);
        *t = (struct trace){0};
}

uint32_t *trace_next(const struct trace *t)
{
        uint32_t *next = malloc(t->count * sizeof *next), *last = malloc(t->objects * sizeof *last);

        for (uint32_t i = 0; next && last && i < t->objects; i++)
                last[i] = (uint32_t)t->count;
        for (size_t i = t->count; next && last && i-- > 0;) {
                next[i] = last[t->keys[i]];
                last[t->keys[i]] = (uint32_t)i;
        }
        if (!last) {
                free(next);
                next = NULL;
        }
        free(last);
        return next;
}

bool trace_look(const struct trace *t, struct trace_facts *facts)
{
        uint32_t *asked = calloc(t->objects, sizeof *asked), once = 0;

        *facts = (struct trace_facts){0};
        if (!asked)
                return false;
        for (size_t i = 0; i < t->count; i++) {
                facts->bytes += t->sizes[t->keys[i]];
                asked[t->keys[i]]++;
        }
        for (uint32_t i = 0; i < t->objects; i++)
                if (asked[i]) {
                        facts->distinct++;
                        facts->footprint += t->sizes[i];
                        once += asked[i] == 1;
                }
        facts->once = facts->distinct ? (double)once / facts->distinct : 0;
        free(asked);
        return true;
}
