/* Lines that heads of both origins share: those that are passed on and those from the store. */
#ifndef HTTP_RENDER_PRIVATE_H
#define HTTP_RENDER_PRIVATE_H

#include "http/render.h"

/* Connection, where there is something to say. */
void render_connection(struct out *, bool close, bool keep_alive, bool upgrade);

/* Via for a message that came as HTTP/1.minor (RFC 9110 §7.6.3). */
void render_via(struct out *, unsigned minor);

#endif
