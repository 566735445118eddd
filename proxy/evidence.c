/* One test a minute while all is well; after one that failed the next soon, and the pauses grow. */
#include "proxy/evidence.h"

bool evidence_due(const struct evidence *e, int64_t now)
{
        return !e->running && now >= e->due;
}

void evidence_begun(struct evidence *e)
{
        e->running = true;
}

bool evidence_ended(struct evidence *e, enum stage stage, int64_t now)
{
        bool news = stage != e->stage;

        e->running = false;
        e->stage = stage;
        e->there = stage == STAGE_ANSWERED;
        if (e->there)
                e->pause_ms = 0;
        else if (!e->pause_ms)
                e->pause_ms = EVIDENCE_PAUSE_MS;
        else if (e->pause_ms < EVIDENCE_PAUSE_MAX_MS)
                e->pause_ms *= 2;
        e->due = now + (e->there ? EVIDENCE_FRESH_MS : e->pause_ms);
        return news;
}

void evidence_lost(struct evidence *e, int64_t now)
{
        e->there = e->running = false;
        e->due = now;
}

void evidence_doubted(struct evidence *e, int64_t now)
{
        if (!e->running)
                e->due = now;
}
