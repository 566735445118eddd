/* proxy/client.c: the end of those that are left when the program ends. */
#include "proxy/client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/sigbus.h"
#include "proxy/worker.h"

void sigbus_watch(struct store *const *stores, size_t count)
{
        (void)stores;
        (void)count;
}

/* The other end of a connection that the worker has as a client in this state. */
static int make_client(struct worker *w, enum client_state state)
{
        union address a = {.in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
        socklen_t len = sizeof a.in;
        struct client *c = calloc(1, sizeof *c);
        int listener = socket(AF_INET, SOCK_STREAM, 0), peer = socket(AF_INET, SOCK_STREAM, 0);

        cr_assert(c && bind(listener, &a.sa, len) == 0 && listen(listener, 1) == 0);
        cr_assert(getsockname(listener, &a.sa, &len) == 0 && connect(peer, &a.sa, len) == 0);
        conn_init(&c->conn, w, accept(listener, NULL, NULL), NULL);
        close(listener);
        c->state = (uint8_t)state;
        c->shadow = true; /* it is not counted */
        c->next = w->clients;
        c->link = &w->clients;
        if (c->next)
                c->next->link = &c->next;
        w->clients = c;
        w->client_count++;
        return peer;
}

Test(client, who_is_cut_off_in_the_middle_can_tell)
{
        static const enum client_state states[] = {CLIENT_HEAD, CLIENT_EXCHANGE, CLIENT_TUNNEL, CLIENT_LINGER};
        struct worker *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
        int peers[4];
        char byte;

        cr_assert_not_null(w);
        memset(w, 0, sizeof *w);
        for (int i = 0; i < 4; i++)
                peers[i] = make_client(w, states[i]);
        clients_cut_off(w);
        cr_assert(!w->clients && w->client_count == 0);
        for (int i = 0; i < 4; i++) {
                bool midst = states[i] == CLIENT_EXCHANGE || states[i] == CLIENT_TUNNEL;

                errno = 0;
                cr_expect_eq(recv(peers[i], &byte, 1, 0), midst ? -1 : 0);
                cr_expect_eq(errno, midst ? ECONNRESET : 0);
                close(peers[i]);
        }
        free(w);
}
