/* One policy through one trace: see policy.h. */
#include "tests/bench/ratio/policy.h"

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
