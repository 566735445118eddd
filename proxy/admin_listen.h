/* Where the page listens: every address that admin.listen stands for. */
#ifndef PROXY_ADMIN_LISTEN_H
#define PROXY_ADMIN_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADMIN_LISTENERS = 8 };

struct event_base;
struct evconnlistener;
struct evhttp;

struct admin_listen {
        struct evconnlistener *listeners[ADMIN_LISTENERS]; /* evhttp's from now on */
        size_t count;
        uint16_t port; /* of the first */
};

/* Listens on "address:port", "[v6]:port" or "name:port". Refuses what others than this machine can reach unless a
 * password is asked for. False if nothing was opened; either way the log has been told. */
bool admin_listen_open(struct admin_listen *, struct event_base *, struct evhttp *, const char *listen,
                       bool has_password);

/* Whether it could be listened on now: 0, or errno of the first address. What is wrong with the text is told the log.
 */
int admin_listen_try(const char *where);

/* Stops accepting, or goes on. */
void admin_listen_pause(struct admin_listen *, bool pause);

#endif
