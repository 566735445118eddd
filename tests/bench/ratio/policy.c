/* One policy through one trace: see policy.h. */
#include "tests/bench/ratio/policy.h"

#include <stdlib.h>

enum { ALIGNED = 16 };

void *policy_arrays(const struct trace *t, const size_t sizes[], size_t count, void *arrays[])
{
        size_t len = 0;
        char *block;

        for (size_t i = 0; i < count; i++)
                len += (t->objects * sizes[i] + ALIGNED - 1) / ALIGNED * ALIGNED;
        block = calloc(len ? len : 1, 1);
        len = 0;
        for (size_t i = 0; i < count && block; i++) {
                arrays[i] = block + len;
                len += (t->objects * sizes[i] + ALIGNED - 1) / ALIGNED * ALIGNED;
        }
        return block;
}

bool policy_run(const struct policy *p, const struct trace *t, uint64_t room, size_t from, struct ratios *r)
{
        double bytes = 0;
        void *cache = p->make(t, room);

        if (!cache)
                return false;
        *r = (struct ratios){0};
        for (size_t i = 0; i < t->count; i++) {
                bool hit = p->ask(cache, i);
                double size = t->sizes[t->keys[i]];

                if (i < from)
                        continue;
                bytes += size;
                r->objects += hit;
                r->bytes += hit ? size : 0;
        }
        r->objects /= (double)(t->count - from);
        r->bytes /= bytes;
        p->free(cache);
        return true;
}
