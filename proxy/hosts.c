/* Hosts by traffic: "space saving" with weights (Metwally, Agrawal, El Abbadi 2005). A table of fixed size; a host that
 * is not in it takes the place of the lightest one and inherits its weight, so that whoever is truly heavy is never
 * missed. What is shown are the numbers counted since the host came in: never more than there was.
 *
 * Three parts: totals; their weights apart, so that the lightest is found by running through 4 KiB; and hash chains. */
#include "proxy/hosts.h"

#include <pthread.h>
#include <stdlib.h>

enum {
        PLACES = 512,
        CHAINS = 1024,
        NONE = PLACES,
        WAITING = 64 /* updates kept while the table is being read; more are lost, which a statistic can bear */
};

struct update {
        struct host_total add; /* the name in its normal form, and what to add */
        size_t name_len;
};

struct hosts {
        pthread_mutex_t lock; /* over all but `waiting`, which is the worker's alone */
        size_t used;
        uint64_t weight[PLACES];
        uint16_t chain[CHAINS], next[PLACES];
        struct host_total total[PLACES];
        struct update waiting[WAITING];
        size_t waiting_count;
};

struct hosts *hosts_new(void)
{
        struct hosts *h = calloc(1, sizeof *h);

        if (!h)
                return NULL;
        pthread_mutex_init(&h->lock, NULL);
        for (size_t i = 0; i < CHAINS; i++)
                h->chain[i] = NONE;
        return h;
}

void hosts_free(struct hosts **h)
{
        if (!*h)
                return;
        pthread_mutex_destroy(&(*h)->lock);
        free(*h);
        *h = NULL;
}

/* FNV-1a: names are short, and a chain is never longer than the table. */
static uint16_t *chain_of(struct hosts *h, const char *name)
{
        uint32_t hash = 2166136261U;

        for (; *name; name++)
                hash = (hash ^ (unsigned char)*name) * 16777619U;
        return &h->chain[(hash ^ hash >> 16U) % CHAINS];
}

static uint16_t find(struct hosts *h, const char *name, size_t len)
{
        uint16_t i = *chain_of(h, name);

        while (i != NONE && memcmp(h->total[i].name, name, len + 1) != 0)
                i = h->next[i];
        return i;
}

static void unchain(struct hosts *h, uint16_t i)
{
        uint16_t *link = chain_of(h, h->total[i].name);

        while (*link != i)
                link = &h->next[*link];
        *link = h->next[i];
}

static uint16_t lightest(const struct hosts *h)
{
        uint16_t best = 0;

        for (int i = 1; i < PLACES; i++)
                if (h->weight[i] < h->weight[best])
                        best = (uint16_t)i;
        return best;
}

/* A place for a new name: a free one, or the lightest one, whose weight stays. */
static uint16_t admit(struct hosts *h, const char *name, size_t len)
{
        uint16_t i, *chain;

        if (h->used < PLACES) {
                i = (uint16_t)h->used++;
        } else {
                i = lightest(h);
                unchain(h, i);
        }
        h->total[i] = (struct host_total){.requests = 0};
        memcpy(h->total[i].name, name, len + 1);
        chain = chain_of(h, name);
        h->next[i] = *chain;
        *chain = i;
        return i;
}

static void sum(struct host_total *to, const struct host_total *from)
{
        to->requests += from->requests;
        to->hits += from->hits;
        to->bytes += from->bytes;
        to->bytes_stored += from->bytes_stored;
}

static void apply(struct hosts *h, const struct update *u)
{
        uint16_t i = find(h, u->add.name, u->name_len);

        if (i == NONE)
                i = admit(h, u->add.name, u->name_len);
        sum(&h->total[i], &u->add);
        h->weight[i] += u->add.bytes + 1; /* requests without bytes count as well */
}

/* Lower case, and nothing that a page or a terminal could stumble over. */
static size_t normal_name(char *to, struct span host)
{
        size_t len = host.len < HOST_MAX ? host.len : HOST_MAX;

        for (size_t i = 0; i < len; i++) {
                unsigned char c = (unsigned char)host.at[i];

                if (c >= 'A' && c <= 'Z')
                        c += 'a' - 'A';
                to[i] = c > ' ' && c < 0x7f ? (char)c : '?';
        }
        to[len] = 0;
        return len;
}

void hosts_add(struct hosts *h, struct span host, bool hit, uint64_t bytes, uint64_t bytes_stored)
{
        struct update *u;

        if (host.len == 0)
                return;
        /* The last place is always free to build an update in; if it stays there, the next one overwrites it. */
        u = &h->waiting[h->waiting_count];
        u->name_len = normal_name(u->add.name, host);
        u->add.requests = 1;
        u->add.hits = hit;
        u->add.bytes = bytes;
        u->add.bytes_stored = bytes_stored;
        if (pthread_mutex_trylock(&h->lock) != 0) {
                if (h->waiting_count < WAITING - 1)
                        h->waiting_count++;
                return;
        }
        for (size_t i = 0; i <= h->waiting_count; i++)
                apply(h, &h->waiting[i]);
        h->waiting_count = 0;
        pthread_mutex_unlock(&h->lock);
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct host_total *)a)->name, ((const struct host_total *)b)->name);
}

static int by_bytes(const void *a, const void *b)
{
        const struct host_total *x = a, *y = b;

        return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : by_name(a, b);
}

static size_t copy(struct hosts *h, struct host_total *to)
{
        size_t n;

        pthread_mutex_lock(&h->lock);
        n = h->used;
        memcpy(to, h->total, n * sizeof *to);
        pthread_mutex_unlock(&h->lock);
        return n;
}

/* One entry a name, in place; returns how many are left. */
static size_t merge(struct host_total *all, size_t n)
{
        size_t kept = 0;

        qsort(all, n, sizeof *all, by_name);
        for (size_t i = 0; i < n; i++) {
                if (kept && by_name(&all[kept - 1], &all[i]) == 0)
                        sum(&all[kept - 1], &all[i]);
                else
                        all[kept++] = all[i];
        }
        return kept;
}

size_t hosts_top(struct hosts *const *tables, size_t count, struct host_total *out, size_t max)
{
        struct host_total *all = calloc(count ? count * PLACES : 1, sizeof *all);
        size_t n = 0;

        if (!all)
                return 0;
        for (size_t i = 0; i < count; i++)
                n += copy(tables[i], all + n);
        n = merge(all, n);
        qsort(all, n, sizeof *all, by_bytes);
        n = n < max ? n : max;
        memcpy(out, all, n * sizeof *out);
        free(all);
        return n;
}
