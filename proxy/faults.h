/* What is wrong at the moment, in sentences for the operator: the page, `limpid stats` and `limpid top` show them. */
#ifndef PROXY_FAULTS_H
#define PROXY_FAULTS_H

#include "proxy/snapshot.h"

enum fault_level { LEVEL_OK, LEVEL_WARNING, LEVEL_ERROR };

enum { FAULT_TEXT = 256 };

/* Calls `say` for each fault, errors first; returns the worst level. */
enum fault_level faults_find(const struct snapshot *, void (*found)(void *, enum fault_level, const char *text),
                             void *context);

#endif
