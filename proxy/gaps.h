/* The parts of bodies that are being fetched (proxy/step_part.c), so that a part that several want is fetched once.
 *
 * Who is about to fetch a part claims it. Who wants what somebody else has claimed waits until that has come as far, or
 * has ended, and looks again. A claim is let go when the last of its slices is committed, so that who then looks finds
 * them. All of it is shared by the workers, under one lock. */
#ifndef PROXY_GAPS_H
#define PROXY_GAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/key.h"

struct gaps;
struct gap_claim;
struct note;
struct worker;

/* Somebody who waits; lies in whatever the note lies in. All zero: it waits for nothing. */
struct gap_wait {
        struct gap_wait *next, **link;
        struct worker *worker;
        struct note *note;
        uint64_t at; /* the byte it waits for */
};

struct gaps *gaps_new(void);
void gaps_free(struct gaps **);

enum gaps_claimed {
        GAPS_CLAIMED, /* *claim is the caller's until gaps_unclaim, and the part is what it is to fetch */
        GAPS_WAIT,    /* somebody is fetching it: wait->note will be posted to wait->worker, once */
        GAPS_ERROR    /* out of memory: to be fetched without a claim */
};

/* A part of a body: whole units of the store around what is wanted, at <= first < past <= end. */
struct gap_part {
        uint64_t at, end, first, past;
};

/* Claims a part of a key's body. Neighbours that want parts of one unit do not wait for each other for that: the part
 * is then cut to what is wanted at that end, and where another's claim lies in the middle of it, it ends there. `wait`
 * NULL: nothing is posted. */
enum gaps_claimed gaps_claim(struct gaps *, const struct key *, struct gap_part *, struct gap_claim **claim,
                             struct gap_wait *wait);

/* Waits for who is fetching all of it, from `first` up to `past`, in one part that is small enough to be kept where
 * nothing can be added to it (SLICE_MAX). False: nobody is. */
bool gaps_await(struct gaps *, const struct key *, uint64_t first, uint64_t past, struct gap_wait *);

/* It waits no longer. False: the note is on its way already. */
bool gaps_cancel(struct gaps *, struct gap_wait *);

/* Another holder of a claim; every holder lets go on its own. NULL is fine. */
void gaps_hold(struct gap_claim *);
void gaps_unclaim(struct gap_claim *);

/* What lies before `at` has come. */
void gaps_advance(struct gap_claim *, uint64_t at);

/* No more than up to `end` will come. NULL is fine here as well. */
void gaps_cut(struct gap_claim *, uint64_t end);

/* Who fetches the claimed part is told on `worker`, by `wake`, each time that somebody begins to wait for it: his own
 * client may be slower than the others. `wake` NULL: no more. A claim that is NULL is fine here and below. */
void gaps_lead(struct gap_claim *, struct worker *, void (*wake)(void *), void *argument);

/* Whether others hold it besides who fetches: slices that are not committed yet. Then he is told, as above, when the
 * next of them lets go. */
bool gaps_lags(struct gap_claim *);

/* Behind the farthest byte that anybody has waited for; 0: nobody has. */
uint64_t gaps_awaited(const struct gap_claim *);

/* ---- sparse responses that have just begun -------------------------------------------------------------------------
 */

enum { BEGUN_VALIDATOR = 128 };

/* A record that has been put and may not be committed yet; parts that follow it in the store's queue are its. */
struct gaps_begun {
        uint64_t id, total, variant;
        size_t validator_len;
        char validator[BEGUN_VALIDATOR];
};

/* Remembers the last one of a key. */
void gaps_begin(struct gaps *, const struct key *, const struct gaps_begun *);
/* The id of the one that was begun last, if it is in all else what `wanted` says; else 0. To be asked while a change of
 * the key is pending: after that the store knows. */
uint64_t gaps_find_begun(struct gaps *, const struct key *, const struct gaps_begun *wanted);

/* ---- reading on ---------------------------------------------------------------------------------------------------
 */

/* A client has asked for the bytes from `first` to `end`, which of a body that is read in pieces is where the last
 * piece ended. If the piece is one of a row of them, *from and *to are what should be fetched beyond it before it is
 * asked for, and true is returned; each byte is said once. */
bool gaps_read_on(struct gaps *, const struct key *, uint64_t first, uint64_t end, uint64_t *from, uint64_t *to);

#endif
