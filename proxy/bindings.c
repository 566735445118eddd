/* A table of sets of eight ways. A pair of host and address is known by 96 bits of its keyed hash alone: the key is
 * random and stays here, so nobody can look for two pairs with one hash, and to guess one takes 2^96 tries.
 *
 * A way is two words: `first`, and `second` = the other 32 bits of the hash and the time when the binding runs out. To
 * learn a pair again is one store to `second`. To put a new pair in a way clears `second`, sets `first`, sets `second`,
 * in this order (release). Who looks reads `second` and then `first` (acquire), so the `first` he sees is at least as
 * new as his `second`: if it is that of his pair, then that pair is in the table, or about to be. The `second` may then
 * be that of the way's previous pair only if both agree in its 32 bits, and even then all that is wrong is the time:
 * that of the pair that ran out before all others. So no look-up needs a lock, or to try again. */
#include "proxy/bindings.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "proxy/siphash.h"

enum { WAYS = 8, NAME_MAX_BYTES = 253, PAIR_MAX = NAME_MAX_BYTES + 1 + sizeof(struct in6_addr) };

#define FORMAT "limpid bindings 1\n"

struct way {
        _Atomic uint64_t first, second;
};

struct bindings {
        pthread_mutex_t lock; /* of who learns; over `changed` too */
        bool changed;
        uint8_t key[SIPHASH_KEY];
        size_t sets;
        struct way ways[]; /* WAYS for each set */
};

/* What is known of a pair: its set is chosen by `first` too. */
struct mark {
        uint64_t first;
        uint32_t second;
};

struct bindings *bindings_new(size_t max)
{
        size_t sets = max / WAYS + (max % WAYS != 0);
        struct bindings *b = NULL;

        if (sets && sets < SIZE_MAX / 2 / WAYS / sizeof(struct way))
                b = calloc(1, sizeof *b + sets * WAYS * sizeof(struct way));
        if (!b)
                return NULL;
        if (getrandom(b->key, sizeof b->key, 0) != sizeof b->key) {
                free(b);
                return NULL;
        }
        b->sets = sets;
        pthread_mutex_init(&b->lock, NULL);
        return b;
}

void bindings_free(struct bindings *b)
{
        if (!b)
                return;
        pthread_mutex_destroy(&b->lock);
        free(b);
}

/* Neither a name of DNS nor an address: nothing is known of it. */
static bool mark_pair(const struct bindings *b, struct span host, const struct sockaddr *address, struct mark *m)
{
        const struct sockaddr_in *v4 = (const void *)address;
        const struct sockaddr_in6 *v6 = (const void *)address;
        bool six = address->sa_family == AF_INET6;
        size_t len = six ? sizeof v6->sin6_addr : sizeof v4->sin_addr;
        char pair[PAIR_MAX];
        uint64_t hash[2];

        if (!host.len || host.len > NAME_MAX_BYTES || (!six && address->sa_family != AF_INET))
                return false;
        for (size_t i = 0; i < host.len; i++)
                pair[i] = (char)(host.at[i] >= 'A' && host.at[i] <= 'Z' ? host.at[i] + ('a' - 'A') : host.at[i]);
        pair[host.len] = six ? 6 : 4; /* the length of what follows, and so where the name ends */
        memcpy(pair + host.len + 1, six ? (const void *)&v6->sin6_addr : (const void *)&v4->sin_addr, len);
        siphash(b->key, (struct span){pair, host.len + 1 + len}, hash);
        *m = (struct mark){hash[0], (uint32_t)hash[1]};
        return true;
}

static const struct way *set_of(const struct bindings *b, uint64_t first)
{
        return &b->ways[first % b->sets * WAYS];
}

static uint64_t until_of(const struct way *w)
{
        return (uint32_t)atomic_load_explicit(&w->second, memory_order_relaxed);
}

static uint64_t second_of(const struct mark *m, uint64_t until)
{
        return (uint64_t)m->second << 32U | (uint32_t)until;
}

enum binding binding_of(int64_t left)
{
        return left > 0 ? BINDING_BOUND : left > -BINDINGS_GRACE ? BINDING_GRACE : BINDING_NONE;
}

int64_t bindings_left(const struct bindings *b, struct span host, const struct sockaddr *address, int64_t now)
{
        const struct way *set;
        struct mark m;

        if (!mark_pair(b, host, address, &m))
                return INT64_MIN;
        set = set_of(b, m.first);
        for (size_t i = 0; i < WAYS; i++) {
                uint64_t second = atomic_load_explicit(&set[i].second, memory_order_acquire);

                if (second >> 32U == m.second && (uint32_t)second &&
                    atomic_load_explicit(&set[i].first, memory_order_acquire) == m.first)
                        return (int64_t)(uint32_t)second - now;
        }
        return INT64_MIN;
}

/* With the lock held: the pair's own way, or the one that runs out first. An empty one has run out long ago. */
static struct way *way_for(struct bindings *b, const struct mark *m)
{
        struct way *set = (struct way *)(uintptr_t)set_of(b, m->first), *oldest = set;

        for (size_t i = 0; i < WAYS; i++) {
                uint64_t second = atomic_load_explicit(&set[i].second, memory_order_relaxed);

                if (second && second >> 32U == m->second &&
                    atomic_load_explicit(&set[i].first, memory_order_relaxed) == m->first)
                        return &set[i];
                if (until_of(&set[i]) < until_of(oldest))
                        oldest = &set[i];
        }
        return oldest;
}

/* With the lock held. */
static void put(struct bindings *b, const struct mark *m, uint64_t until)
{
        struct way *w = way_for(b, m);
        uint64_t second = atomic_load_explicit(&w->second, memory_order_relaxed);
        bool same = second && second >> 32U == m->second &&
                    atomic_load_explicit(&w->first, memory_order_relaxed) == m->first;

        if (same && (uint32_t)second >= until)
                return;
        if (!same) {
                atomic_store_explicit(&w->second, 0, memory_order_release);
                atomic_store_explicit(&w->first, m->first, memory_order_release);
        }
        atomic_store_explicit(&w->second, second_of(m, until), memory_order_release);
}

void bindings_learn(struct bindings *b, struct span host, const struct sockaddr *address, uint32_t ttl, int64_t now)
{
        struct mark m;

        if (now <= 0 || now > UINT32_MAX - BINDINGS_TTL_MOST || !mark_pair(b, host, address, &m))
                return;
        ttl = ttl < BINDINGS_TTL_LEAST ? BINDINGS_TTL_LEAST : ttl > BINDINGS_TTL_MOST ? BINDINGS_TTL_MOST : ttl;
        pthread_mutex_lock(&b->lock);
        put(b, &m, (uint64_t)now + ttl);
        b->changed = true;
        pthread_mutex_unlock(&b->lock);
}

size_t bindings_count(const struct bindings *b, int64_t now)
{
        size_t n = 0;

        for (size_t i = 0; i < b->sets * WAYS; i++)
                n += (int64_t)until_of(&b->ways[i]) > now;
        return n;
}

/* ---- over restarts -------------------------------------------------------------------------------------------------
 *
 * The format's line, the key of the hash, the number of pairs, the pairs as `first` and `second` in the machine's own
 * byte order, and a hash of all that. */

struct image {
        char format[sizeof FORMAT - 1];
        uint8_t key[SIPHASH_KEY];
        uint64_t count;
        uint64_t words[];
};

static size_t image_size(size_t count)
{
        return sizeof(struct image) + (2 * count + 2) * sizeof(uint64_t);
}

static void sign(struct image *i, uint64_t out[2])
{
        siphash(i->key, (struct span){(const char *)i, image_size(i->count) - 2 * sizeof(uint64_t)}, out);
}

int bindings_save(struct bindings *b, FILE *to)
{
        struct image *i = calloc(1, image_size(b->sets * WAYS));
        int error = 0;

        if (!i)
                return ENOMEM;
        memcpy(i->format, FORMAT, sizeof i->format);
        memcpy(i->key, b->key, sizeof i->key);
        pthread_mutex_lock(&b->lock); /* so that no way is caught half changed */
        for (size_t n = 0; n < b->sets * WAYS; n++) {
                if (!until_of(&b->ways[n]))
                        continue;
                i->words[2 * i->count] = atomic_load_explicit(&b->ways[n].first, memory_order_relaxed);
                i->words[2 * i->count++ + 1] = atomic_load_explicit(&b->ways[n].second, memory_order_relaxed);
        }
        b->changed = false;
        pthread_mutex_unlock(&b->lock);
        sign(i, &i->words[2 * i->count]);
        if (fwrite(i, image_size(i->count), 1, to) != 1 || fflush(to) != 0)
                error = errno ? errno : EIO;
        free(i);
        return error;
}

bool bindings_changed(struct bindings *b)
{
        bool changed;

        pthread_mutex_lock(&b->lock);
        changed = b->changed;
        pthread_mutex_unlock(&b->lock);
        return changed;
}

static bool image_sound(struct image *i, size_t size)
{
        uint64_t signature[2];

        if (size < image_size(0) || memcmp(i->format, FORMAT, sizeof i->format) != 0 || i->count > size ||
            size != image_size(i->count))
                return false;
        sign(i, signature);
        return memcmp(signature, &i->words[2 * i->count], sizeof signature) == 0;
}

int bindings_load(struct bindings *b, FILE *from)
{
        size_t most = image_size(2 * b->sets * WAYS) + 1, size;
        struct image *i = calloc(1, most);
        int error = EINVAL;

        if (!i)
                return ENOMEM;
        size = fread(i, 1, most, from);
        if (!ferror(from) && size < most && image_sound(i, size)) {
                error = 0;
                pthread_mutex_lock(&b->lock);
                memcpy(b->key, i->key, sizeof b->key);
                for (uint64_t n = 0; n < i->count; n++) {
                        struct mark m = {i->words[2 * n], (uint32_t)(i->words[2 * n + 1] >> 32U)};

                        put(b, &m, (uint32_t)i->words[2 * n + 1]);
                }
                pthread_mutex_unlock(&b->lock);
        }
        free(i);
        return error;
}
