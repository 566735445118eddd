/* A tunnel: bytes both ways between the client and its original destination, as if Limpid were not there. */
#ifndef PROXY_TUNNEL_H
#define PROXY_TUNNEL_H

#include "proxy/client.h"

/* Whether a connection opened early (silent client) is to be a tunnel: its server has spoken, or is gone. */
bool tunnel_wanted(const struct client *);

/* Makes one of the client, with whatever was received; opens the origin's connection if there is none. */
void tunnel_start(struct client *);

/* Moves what can be moved. True if something changed that matters to the client's state. */
bool tunnel_run(struct client *);
void tunnel_wants(struct client *);
void tunnel_late(struct client *);

#endif
