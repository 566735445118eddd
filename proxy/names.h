/* Limpid's own look-ups (design.md §5): a thread asks trusted resolvers for hosts whose address is not known to be
 * bound, and teaches the table of bindings what they say. Nobody waits for longer than NAMES_WAIT_MS, nor at all while
 * no resolver answers. */
#ifndef PROXY_NAMES_H
#define PROXY_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "http/span.h"
#include "proxy/address.h"

struct bindings;
struct counters;
struct names;
struct note;
struct resolver;
struct trusted;
struct worker;

enum { NAMES_WAIT_MS = 50 };

struct question {
        struct span host; /* without a final dot */
        const union address *destination, *client;
        struct worker *worker; /* who gets the note when there is an answer, or no time left; NULL: nobody waits */
        struct note *note;
};

/* Starts the thread. Bindings and `trusted` must outlive it; the resolver, which was made of what is trusted now, is
 * its own from now on, whatever comes. What is bound is kept in a file of `directory` (proxy/bindings_file.h); NULL:
 * nowhere. 0 or errno. */
int names_new(struct names **, struct bindings *, struct resolver *, struct trusted *, const char *directory);

/* Ends the thread; who still waits gets the note. Nobody may ask after names_free. NULL is allowed everywhere. */
void names_stop(struct names *);
void names_free(struct names **);

/* Whether an answer can be hoped for: a resolver answers, the host can be asked for, and this pair of host and address
 * was not asked for in vain lately. Any thread; no lock. `now`: Unix time in seconds. */
bool names_worth_asking(const struct names *, const struct question *, int64_t now);

/* Any thread. Asks, with whoever else asks for the same host. True: the note will be posted. False: nobody waits. */
bool names_ask(struct names *, const struct question *);

/* Any thread. Asks for what is known still, or was lately: nobody waits, and only one asks for a pair in a second. `q`
 * has no note. `now`: Unix time in seconds. */
void names_refresh(struct names *, const struct question *q, int64_t now);

/* Written by the thread alone. NULL where there is no thread. */
const struct counters *names_counters(const struct names *);

#endif
