/* A snapshot in the text format that Prometheus reads (exposition format 0.0.4). */
#ifndef PROXY_METRICS_H
#define PROXY_METRICS_H

#include <stdio.h>

#include "proxy/snapshot.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Each counter of the table in counters.h as limpid_NAME_total, each gauge as limpid_NAME, then gate, workers (label
 * "worker") and stores (label "store"). */
void metrics_write(FILE *, const struct snapshot *);

#endif
