/* What the counters said, second by second, over the last minutes: for rates and for the chart. Time is an argument:
 * milliseconds of a clock that never steps. */
#ifndef PROXY_HISTORY_H
#define PROXY_HISTORY_H

#include <stddef.h>

#include "proxy/counters.h"

enum {
        HISTORY_SECONDS = 300,
        HISTORY_SAMPLES = HISTORY_SECONDS + 1 /* one more: what is shown are differences */
};

struct history_sample {
        int64_t at_ms;
        uint64_t value[COUNTER_IDS];
};

struct history {
        size_t next, count;
        struct history_sample samples[HISTORY_SAMPLES];
};

/* Remembers the totals of this moment; the oldest sample goes. A moment that is not after the last one is ignored. */
void history_add(struct history *, int64_t at_ms, const uint64_t value[COUNTER_IDS]);

/* The sample that is `back` places before the newest (0), or NULL if there is none so old. */
const struct history_sample *history_back(const struct history *, size_t back);

/* By how much a counter has grown in the last `seconds`, or in as much of them as is known. */
uint64_t history_growth(const struct history *, enum counter_id, unsigned seconds);

/* The same for each second; 0 where fewer than two samples are known. */
double history_rate(const struct history *, enum counter_id, unsigned seconds);

#endif
