/* Whether servers that could not be reached in a client's name can be reached from this machine's own address: then
 * what they answer to clients goes another way, or is refused on this one. */
#ifndef PROXY_DOCTOR_REACH_H
#define PROXY_DOCTOR_REACH_H

#include "proxy/config.h"
#include "setup/doctor.h"

/* Tries some of those of the last minute, all at once; takes two seconds at the most, and no time where there are none.
 */
void doctor_reach(const struct config *, void (*tell)(void *context, const struct finding *), void *context);

#endif
