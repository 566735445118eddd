/* A ring of samples. What a counter did in a span of time is the difference of two of them, divided by the time that
 * really lies between the two: a late tick changes no rate. */
#include "proxy/history.h"

#include <string.h>

void history_add(struct history *h, int64_t at_ms, const uint64_t value[COUNTER_IDS])
{
        const struct history_sample *newest = history_back(h, 0);
        struct history_sample *s = &h->samples[h->next];

        if (newest && at_ms <= newest->at_ms)
                return;
        s->at_ms = at_ms;
        memcpy(s->value, value, sizeof s->value);
        h->next = (h->next + 1) % HISTORY_SAMPLES;
        if (h->count < HISTORY_SAMPLES)
                h->count++;
}

const struct history_sample *history_back(const struct history *h, size_t back)
{
        if (back >= h->count)
                return NULL;
        return &h->samples[(h->next + HISTORY_SAMPLES - 1 - back) % HISTORY_SAMPLES];
}

/* The youngest sample that is at least `seconds` older than the newest, or the oldest. NULL if there is none at all. */
static const struct history_sample *sample_before(const struct history *h, unsigned seconds)
{
        const struct history_sample *newest = history_back(h, 0), *found = newest;

        for (size_t back = 1; back < h->count && newest->at_ms - found->at_ms < (int64_t)seconds * 1000; back++)
                found = history_back(h, back);
        return found;
}

static uint64_t growth(const struct history_sample *old, const struct history_sample *new, enum counter_id id)
{
        return new->value[id] > old->value[id] ? new->value[id] - old->value[id] : 0;
}

uint64_t history_growth(const struct history *h, enum counter_id id, unsigned seconds)
{
        const struct history_sample *old = sample_before(h, seconds);

        return old ? growth(old, history_back(h, 0), id) : 0;
}

double history_rate(const struct history *h, enum counter_id id, unsigned seconds)
{
        const struct history_sample *old = sample_before(h, seconds), *new = history_back(h, 0);

        if (!old || new->at_ms == old->at_ms)
                return 0;
        return (double)growth(old, new, id) * 1000 / (double)(new->at_ms - old->at_ms);
}
