/* Whether a test connection has come through (design.md §6), and when the next is due. Decisions alone, on a clock that
 * is passed in (milliseconds); prober.c makes the connections. */
#ifndef PROXY_EVIDENCE_H
#define PROXY_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

enum {
        EVIDENCE_FRESH_MS = 60000,   /* from one test that came through to the next */
        EVIDENCE_PAUSE_MS = 1000,    /* after the first that did not; twice as long with each … */
        EVIDENCE_PAUSE_MAX_MS = 8000 /* … up to this */
};

/* How far a test connection came. */
enum stage {
        STAGE_NONE,       /* not known yet */
        STAGE_ANSWERED,   /* all the way, and back */
        STAGE_UNSENT,     /* it could not be tried at all */
        STAGE_BRIDGED,    /* not tried: a client bridge is known to lose what is intercepted */
        STAGE_REFUSED,    /* no listener was found for it, or a firewall refuses it */
        STAGE_SWALLOWED,  /* nobody answered its SYN */
        STAGE_UNACCEPTED, /* a socket answered, and no worker took it */
        STAGE_UNHEARD     /* a worker took it, and its answer was lost */
};

struct evidence {
        bool there;   /* the gate may be open, as far as this goes */
        bool running; /* a test */
        int64_t due;  /* the next */
        unsigned pause_ms;
        enum stage stage; /* of the last that has ended */
};

bool evidence_due(const struct evidence *, int64_t now);
void evidence_begun(struct evidence *);

/* A test has ended so. True if that is news. */
bool evidence_ended(struct evidence *, enum stage, int64_t now);

/* What was tested is no more (another proxy, or rules made anew): a test at once. What is known of the last one's end
 * stays, so that the same fault is not said again. */
void evidence_lost(struct evidence *, int64_t now);

/* The same, while what is there may be trusted until the test has ended. */
void evidence_doubted(struct evidence *, int64_t now);

#endif
