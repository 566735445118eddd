/* The live test of `limpid doctor`: a client and its origin are made, each in a network namespace that is thrown away
 * afterwards, with this machine between them as for any other client; one request goes from one to the other by the
 * rules that are in force, and through the program that runs, and where they are relayed a datagram after it
 * (doctor_datagram.h). What each of them sees tells how far it came. */
#ifndef PROXY_DOCTOR_LIVE_H
#define PROXY_DOCTOR_LIVE_H

#include "proxy/config.h"
#include "setup/doctor.h"

/* Over IPv4, and over IPv6 where that is wanted and there. Prints a line for each that came through, and calls `tell`
 * for what did not; its texts are good until it returns. Takes some milliseconds, or seconds where nobody answers. As
 * root, in a process of one thread. */
void doctor_live(const struct config *, void (*tell)(void *context, const struct finding *), void *context);

#endif
