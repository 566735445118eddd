/* The control socket: a Unix stream socket (mode 0660) that speaks JSON lines. One request object a line, one reply
 * object a line, in order:
 *
 *      {"command":"stats"}                   {"ok":true,"summary":{…}}          as summary.h has it
 *      {"command":"purge","url":"http://…"}  {"ok":true,"removed":n}            all addresses and variants
 *      {"command":"purge","host":"…"}        {"ok":true,"removed":n}
 *      {"command":"purge","all":true}        {"ok":true,"removed":n}
 *      anything else                         {"ok":false,"error":"one sentence"}
 *
 * A line is at most 64 KiB; a longer one, or a 17th client, is answered with an error and closed. */
#ifndef PROXY_CONTROL_H
#define PROXY_CONTROL_H

#include "proxy/snapshot.h"

enum { CONTROL_LINE = 65536, CONTROL_CLIENTS = 16 };

struct event_base;
struct control;

/* Opens the socket on an event loop; watch and base must outlive it. A socket file that nobody answers on is replaced.
 * 0 or an errno: EADDRINUSE where somebody does, EEXIST where the path is something else. */
int control_open(struct control **, struct event_base *, struct watch *, const char *path);
/* Closes all clients and removes the socket file. */
void control_close(struct control **);

#endif
