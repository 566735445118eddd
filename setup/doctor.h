/* What is wrong with a machine on which connections are to be intercepted. Pure: a look at the machine goes in,
 * findings come out.
 */
#ifndef SETUP_DOCTOR_H
#define SETUP_DOCTOR_H

#include "setup/machine.h"
#include "setup/setup.h"

enum doctor_severity { DOCTOR_WARNING = 1, DOCTOR_BROKEN };

struct finding {
        enum doctor_severity severity;
        const char *what, *why;
        const char *mend; /* a command, or what to do */
};

struct doctor_case {
        const struct setup_options *options;
        const struct machine *machine;
        bool running;                /* `limpid run` is */
        bool open;                   /* … and says that its gate is open */
        bool manual;                 /* the rules are the operator's */
        bool spoofs;                 /* origin.spoof_client */
        uint64_t connects, failures; /* of it to origins since it began; of these, destinations without an answer */
};

/* Whether no server has answered at all. */
bool doctor_unanswered(const struct doctor_case *);

/* Calls `tell` for each finding; its texts are good until `tell` returns. */
void doctor_examine(const struct doctor_case *, void (*tell)(void *context, const struct finding *), void *context);

#endif
