/* The hand and the fence: see sweep.h. */
#include "cache/sweep.h"

enum { PROBATION = 20 /* part of the room */, LAP_TENTHS = 7 };

void sweep_begin(struct sweep *s, uint64_t room, const struct sweep_ids *at)
{
        *s = (struct sweep){.room = room, .at = *at};
        if (at->lap > at->fence)
                s->at.lap = at->fence;
}

/* One mark for so many bytes: the oldest is then as old as a probation is long. */
static uint64_t mark_bytes(const struct sweep *s)
{
        return s->room / PROBATION / (SWEEP_MARKS - 2) + 1;
}

/* What was put before the youngest mark that has a probation's bytes behind it is due. */
static void advance_due(struct sweep *s)
{
        for (unsigned i = 0; i < s->count; i++) {
                const struct sweep_mark *m = &s->marks[(s->first + i) % SWEEP_MARKS];

                if (s->put - m->put < s->room / PROBATION)
                        break;
                if (m->id > s->at.due)
                        s->at.due = m->id;
        }
}

void sweep_put(struct sweep *s, uint64_t id, uint64_t bytes)
{
        const struct sweep_mark *last = &s->marks[(s->first + s->count - 1) % SWEEP_MARKS];

        s->put += bytes;
        if (id >= s->next)
                s->next = id + 1;
        advance_due(s);
        if (s->count > 0 && s->put - last->put < mark_bytes(s))
                return;
        if (s->count == SWEEP_MARKS) {
                s->first = (s->first + 1) % SWEEP_MARKS;
                s->count--;
        }
        s->marks[(s->first + s->count++) % SWEEP_MARKS] = (struct sweep_mark){s->next, s->put};
}

struct sweep_reach sweep_reach(const struct sweep *s, bool starved)
{
        uint64_t due = starved ? UINT64_MAX : s->at.due;

        if (s->at.fence < due)
                return (struct sweep_reach){s->at.fence, due, true};
        return (struct sweep_reach){s->at.hand, s->at.lap + (s->at.fence - s->at.lap) / 10 * LAP_TENTHS, false};
}

void sweep_passed(struct sweep *s, const struct sweep_reach *reach, uint64_t id)
{
        if (reach->fence)
                s->at.fence = id + 1;
        else
                s->at.hand = id + 1;
}

bool sweep_ended(struct sweep *s, const struct sweep_reach *reach)
{
        if (reach->fence) {
                if (reach->to != UINT64_MAX)
                        s->at.fence = reach->to;
                return false;
        }
        s->at.hand = 0;
        s->at.lap = s->at.fence;
        return true;
}
