/* A client's connection: intercepted, so its local address is where the client was going.
 *
 *   HEAD      reading a request head, or idle between two
 *   EXCHANGE  one request and its reply (proxy/exchange.h)
 *   TUNNEL    bytes both ways, not looked at (proxy/tunnel.h)
 *   LINGER    all is said: reading what still comes, so that the close resets nothing on its way (RFC 9112 §9.6)
 *   DEAD      freed at the end of this turn
 *
 * All that happens to it or to its origin's connection ends in client_turn(), which lets everything go on that can, and
 * then registers what is waited for. */
#ifndef PROXY_CLIENT_H
#define PROXY_CLIENT_H

#include "http/parse.h"
#include "proxy/address.h"
#include "proxy/conn.h"

struct exchange;
struct upstream;
struct worker;

enum client_state { CLIENT_HEAD, CLIENT_EXCHANGE, CLIENT_TUNNEL, CLIENT_LINGER, CLIENT_DEAD };

struct client {
        struct conn conn;
        struct client *next, **link;     /* the worker's list */
        struct exchange *exchange;       /* while EXCHANGE; of a TUNNEL: what is logged at its end */
        struct upstream *upstream;       /* the exchange's or the tunnel's; or opened early, or pinned */
        union address peer, destination; /* the client, and its original destination */
        struct head_scan scan;
        uint8_t state;
        bool first;      /* no request has been taken from it yet */
        bool pinned;     /* the upstream is authenticated: this client's for life (cases.md H12) */
        bool silent;     /* it was silent for two seconds: its server may speak first */
        bool reset;      /* close with a reset */
        bool shadow;     /* nobody's: it has no socket, and is not counted */
        bool head_begun; /* some of a head has come, and its deadline stands */
};

/* A connection that accept4 returned; takes fd over. Serves it as far as it can at once. */
void client_accept(struct worker *, int fd, const union address *peer);

/* A client without a socket, bound for the same destination: what is sent to it has been sent. In state EXCHANGE; ends
 * with the exchange that it is made for. NULL: out of memory. */
struct client *client_shadow(const struct client *);

/* Everything that can go on goes on; may free the client. */
void client_turn(struct client *);

/* Registers what the client's socket is waited for (for exchange and tunnel, in their `wants`). */
void client_wants(struct client *, short what);

/* The exchange makes progress: its deadline for the client starts anew. */
void client_moved(struct client *);

/* Bytes came from the origin: the deadlines of this exchange start anew. */
void client_upstream_moved(struct client *);

/* It is we who do not read from the origin: its deadline starts anew, the client's does not. */
void client_upstream_waits(struct client *);

/* The origin's connection is past its deadline. */
void client_upstream_late(struct client *);

/* Ends the connection at the end of this turn: a close, after what is queued was sent; or at once with a reset. */
void client_end(struct client *);
void client_abort(struct client *);

/* Input and output are over but the peer may be sending: close without losing the reply. */
void client_linger(struct client *);

/* Closes at once, whatever it is doing. */
void client_destroy(struct client *);

/* Closes all that are idle (the program is draining). */
void clients_close_idle(struct worker *);

/* Closes all that are left; with a reset where something is under way, lest what came of it be taken for the whole. */
void clients_cut_off(struct worker *);

#endif
