/* Which of the stored responses goes next, in ids alone: S3-FIFO's two queues (Yang et al., SOSP 2023) laid over one
 * row of ids that only grow, with one bit for each ("was it read?"), so that nothing changes its place.
 *
 *       0 ......... hand ............ fence ............ due ................ newest
 *       |     old: the hand goes round      | on probation: the last twentieth of what was put
 *
 * What is put is on probation until a twentieth of the store's size has been put after it. Then the fence passes it:
 * what was read meanwhile stays, and is old from then on; what was not goes. So what is asked for once is gone soon,
 * and a scan takes a twentieth of the store and no more. What went and is put again soon afterwards (cache/ghost.h)
 * counts as read.
 *
 * When there is nothing for the fence to do, the hand makes room among the old as SIEVE's does (Zhang et al., NSDI
 * 2024): it clears the bit of what was read and takes what was not. SIEVE's own hand would go up to the fence, and meet
 * there what has only just become old and had no time to be read again: where everybody wants the same new thing, half
 * of the hits are lost by that. A clock's hand would spare all that has become old since its lap began, and favours
 * what is new too much. Ours goes seven tenths of the way between the two. The twentieth and the seven tenths were
 * chosen by measurement (docs/performance.md). */
#ifndef CACHE_SWEEP_H
#define CACHE_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

enum { SWEEP_MARKS = 32 };

struct sweep {
        uint64_t room; /* bytes that there are to use */
        /* Ids, good over a restart. `due`: what is less has had its probation; `lap`: where the fence stood when the
         * hand's lap began. */
        struct sweep_ids {
                uint64_t hand, fence, due, lap;
        } at;
        uint64_t put;  /* bytes, since it was begun */
        uint64_t next; /* greater than any id that was put since */
        struct sweep_mark {
                uint64_t id, put; /* what was put from this id on was put when so many bytes had been */
        } marks[SWEEP_MARKS];
        unsigned first, count; /* a ring */
};

/* `at`: where an earlier run has come to. */
void sweep_begin(struct sweep *, uint64_t room, const struct sweep_ids *at);

/* So many bytes more are in use since something was put, under this id or older ones. */
void sweep_put(struct sweep *, uint64_t id, uint64_t bytes);

/* Where the next one to go is to be looked for: the first id that is there, from `from` on and before `to`. `starved`:
 * there is nothing to be had among the old, so let the fence go beyond what is due. */
struct sweep_reach {
        uint64_t from, to;
        bool fence; /* it is on probation */
};
struct sweep_reach sweep_reach(const struct sweep *, bool starved);

/* This one was looked at, and was spared or removed: on behind it. */
void sweep_passed(struct sweep *, const struct sweep_reach *, uint64_t id);

/* There was none. True: the hand has begun a new lap. */
bool sweep_ended(struct sweep *, const struct sweep_reach *);

#endif
