/* The live test of `limpid doctor` for datagrams: one goes from the client to the origin and is answered. That it comes
 * by a port of Limpid's shows that the kernel has told Limpid where it was going (IP_RECVORIGDSTADDR). */
#ifndef PROXY_DOCTOR_DATAGRAM_H
#define PROXY_DOCTOR_DATAGRAM_H

#include "proxy/config.h"
#include "setup/doctor.h"
#include "setup/probe.h"

struct datagram_test {
        const struct config *config;
        const struct probe *client, *origin;
        unsigned pair;
        int family;
};

/* Prints a line if it came through, else calls `tell`. Nothing where no datagrams are relayed. */
void doctor_datagram(const struct datagram_test *, void (*tell)(void *context, const struct finding *), void *context);

#endif
