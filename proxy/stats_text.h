/* A summary (summary.h) as text for a terminal: `limpid stats` and `limpid top`. */
#ifndef PROXY_STATS_TEXT_H
#define PROXY_STATS_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* A screenful: state, faults, ratios, traffic, stores and the busiest `hosts`. Members that are missing are left out;
 * no control character of the summary reaches the terminal. */
void stats_overview(FILE *, const json_t *summary, size_t hosts);

/* Every counter, one a line. */
void stats_counters(FILE *, const json_t *summary);

enum { SIZE_TEXT = 16 };

/* Bytes as "731 B", "1.4 KiB", "20.0 GiB". Returns `text`. */
const char *stats_size(char text[SIZE_TEXT], double bytes);

#endif
