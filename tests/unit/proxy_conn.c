/* proxy/conn.c: what is sent keeps its order, whatever the socket takes of it at once. */
#include "proxy/conn.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MUCH = 4 << 20 };

static struct conn conn;
static int peer;
static char *bytes;

static void open_all(void)
{
        int pair[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        conn_init(&conn, NULL, pair[0], NULL);
        peer = pair[1];
        bytes = calloc(1, 2 * (size_t)MUCH);
        cr_assert_not_null(bytes);
}

static void close_all(void)
{
        conn_close(&conn, false);
        close(peer);
        free(bytes);
}

TestSuite(conn, .init = open_all, .fini = close_all);

/* All that has come; how much that is. */
static size_t receive(char *into, size_t room)
{
        size_t got = 0;
        ssize_t n;

        while (got < room && (n = read(peer, into + got, room - got)) > 0)
                got += (size_t)n;
        return got;
}

Test(conn, what_was_kept_goes_before_what_is_offered)
{
        struct iovec much = {bytes, MUCH}, late = {(char[]){"late"}, 4};
        char *got = malloc(2 * (size_t)MUCH);
        size_t n;

        cr_assert_not_null(got);
        cr_assert_eq(conn_send(&conn, &much, 1), MUCH);
        cr_assert(conn_blocked(&conn));
        n = receive(got, 2 * (size_t)MUCH);
        cr_expect_eq(conn_offer(&conn, &late, 1), 0, "there is room in the socket, but not for this yet");
        while (conn_blocked(&conn)) {
                conn_flush(&conn);
                n += receive(got + n, 2 * (size_t)MUCH - n);
        }
        cr_assert_eq(conn_offer(&conn, &late, 1), 4);
        n += receive(got + n, 2 * (size_t)MUCH - n);
        cr_assert_eq(n, MUCH + 4);
        cr_assert_arr_eq(got + MUCH, "late", 4);
        free(got);
}

Test(conn, what_is_held_goes_with_what_is_offered)
{
        struct iovec body = {(char[]){"body"}, 4};
        char got[16];

        cr_assert_eq(conn_hold(&conn, SPAN("head ")), 5);
        cr_assert_eq(receive(got, sizeof got), 0);
        cr_assert_eq(conn_offer(&conn, &body, 1), 4);
        cr_assert_eq(receive(got, sizeof got), 9);
        cr_assert_arr_eq(got, "head body", 9);
}
