/* A part of a sparse response on its way into its store: bytes from some position on, cut into slices. All but the
 * first begin at multiples of SLICE_UNIT; the first and the last one begin and end where the part does. */
#ifndef PROXY_PART_H
#define PROXY_PART_H

#include "cache/store.h"
#include "proxy/gaps.h"

struct part {
        struct store *store; /* NULL: nothing is being stored */
        uint64_t id;         /* of the response */
        uint64_t at;         /* of the next byte that comes */
        uint64_t resume;     /* no slice begins before: the store could not keep up */
        struct part_slice *slice;
        struct gap_claim *claim; /* on what is fetched; let go when all of it is committed */
};

/* Positions as part_add takes them must lie within an eighth of the store; what does not is not stored. Takes the claim
 * over. */
void part_start(struct part *, struct store *, uint64_t id, uint64_t at, struct gap_claim *);

/* Gives up by itself where it must. */
void part_add(struct part *, struct span more);

/* What has come from `at` on and is not yet on its way into the store: the part's own, until it changes. */
struct span part_kept(const struct part *, uint64_t at);

/* No more will come. What came is stored, however it ended. `done`, if not NULL, is called once all of it is
 * committed or has failed: on the writer's thread, or at once where nothing is left to do. */
void part_end(struct part *, void (*done)(void *, int), void *context);

#endif
