/* proxy/pump.c: a body's framing comes off on one side and goes on at the other. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/pump.h"
#include "proxy/worker.h"

static struct conn from, to;
static int origin, client;
static struct worker *worker;

static void open_all(void)
{
        int a[2], b[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a), 0);
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b), 0);
        worker = calloc(1, sizeof *worker + 64);
        worker->scratch = malloc(SCRATCH_SIZE);
        conn_init(&from, worker, a[0], NULL);
        conn_init(&to, worker, b[0], NULL);
        origin = a[1];
        client = b[1];
}

static void close_all(void)
{
        conn_close(&from, false);
        conn_close(&to, false);
        close(origin);
        close(client);
        free(worker->scratch);
        free(worker);
}

TestSuite(pump, .init = open_all, .fini = close_all);

static struct message framed(enum framing framing, uint64_t length)
{
        return (struct message){.status = 200, .minor = 1, .framing = (uint8_t)framing, .length = length};
}

/* Runs `sent` through a body of that framing; what the client got is left in `got`. */
static enum body_event run(struct message *m, const char *sent, bool chunked, char got[4096])
{
        body_storage storage;
        struct body *body = body_start(&storage, m);
        struct batch b;
        ssize_t n;

        if (*sent)
                cr_assert_eq(write(origin, sent, strlen(sent)), (ssize_t)strlen(sent));
        conn_receive(&from);
        do {
                batch_gather(&b, body, &from);
                batch_send(&b, body, &to, chunked);
        } while (b.last == BODY_DATA);
        n = read(client, got, 4095);
        got[n > 0 ? n : 0] = 0;
        body_stop(body);
        return b.last;
}

Test(pump, a_length_passes_as_it_is)
{
        struct message m = framed(FRAMING_LENGTH, 5);
        char got[4096];

        cr_assert_eq(run(&m, "helloHTTP", false, got), BODY_END);
        cr_assert_str_eq(got, "hello");
        cr_assert_eq(from.input.len, 4, "what follows belongs to the next message");
}

Test(pump, chunks_go_on_as_chunks_with_their_trailers)
{
        struct message m = framed(FRAMING_CHUNKED, 0);
        char got[4096];

        cr_assert_eq(run(&m, "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n", true, got), BODY_END);
        cr_assert_str_eq(got, "5\r\nabcde\r\n0\r\nX-Sum: 5\r\n\r\n");
}

Test(pump, chunks_are_taken_off_for_a_client_that_knows_none)
{
        struct message m = framed(FRAMING_CHUNKED, 0);
        char got[4096];

        cr_assert_eq(run(&m, "3\r\nabc\r\n0\r\n\r\n", false, got), BODY_END);
        cr_assert_str_eq(got, "abc");
}

Test(pump, a_broken_chunk_is_a_fault)
{
        struct message m = framed(FRAMING_CHUNKED, 0);
        char got[4096];

        cr_assert_eq(run(&m, "0x3\r\nabc\r\n", true, got), BODY_FAULT);
        cr_assert_str_eq(got, "");
}

Test(pump, a_close_ends_what_it_frames)
{
        struct message m = framed(FRAMING_CLOSE, 0);
        char got[4096];

        cr_assert_eq(run(&m, "all of it", true, got), BODY_MORE);
        shutdown(origin, SHUT_WR);
        cr_assert_eq(run(&m, "", true, got), BODY_END);
        cr_assert_str_eq(got, "0\r\n\r\n");
}

Test(pump, a_close_cuts_a_length_short)
{
        struct message m = framed(FRAMING_LENGTH, 100);
        char got[4096];

        shutdown(origin, SHUT_WR);
        cr_assert_eq(run(&m, "", false, got), BODY_FAULT);
}

Test(pump, what_the_socket_does_not_take_is_kept_and_flushed)
{
        static char big[SCRATCH_SIZE], got[SCRATCH_SIZE];
        struct iovec all = {big, sizeof big};
        size_t total = 0;

        memset(big, 'x', sizeof big);
        setsockopt(to.fd, SOL_SOCKET, SO_SNDBUF, &(int){4096}, sizeof(int));
        cr_assert_eq(conn_send(&to, &all, 1), sizeof big);
        cr_assert(conn_blocked(&to));
        while (total < sizeof big) {
                ssize_t n = read(client, got, sizeof got);

                cr_assert_gt(n, 0);
                total += (size_t)n;
                conn_flush(&to);
        }
        cr_assert_not(conn_blocked(&to));
        cr_assert_eq(total, sizeof big);
}

/* Of a SOCK_SEQPACKET each write is read by itself, so it shows what went together. */
static void send_in_records(void)
{
        int b[2];

        cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, b), 0);
        close(to.fd);
        close(client);
        to.fd = b[0];
        client = b[1];
}

static void expect_record(const char *record)
{
        char got[64];
        ssize_t n = read(client, got, sizeof got - 1);

        got[n > 0 ? n : 0] = 0;
        cr_assert_str_eq(got, record);
}

Test(pump, a_head_that_is_held_goes_with_what_follows)
{
        send_in_records();
        cr_assert_eq(conn_hold(&to, SPAN("head ")), 5);
        cr_assert_not(conn_blocked(&to));
        expect_record("");
        cr_assert_eq(conn_offer(&to, &(struct iovec){(char[]){"body"}, 4}, 1), 4, "of its own bytes");
        expect_record("head body");
        cr_assert_eq(conn_send(&to, &(struct iovec){(char[]){"more"}, 4}, 1), 4);
        expect_record("more");
}

Test(pump, a_head_that_nothing_follows_goes_at_the_end_of_the_turn)
{
        send_in_records();
        conn_hold(&to, SPAN("head"));
        conn_let_go(&to);
        expect_record("head");
        cr_assert_not(conn_blocked(&to));
        conn_let_go(&to);
        expect_record("");
}

/* As much as the socket takes, and nothing of it is read. */
static size_t stuff(struct conn *c)
{
        static char all[4096];
        size_t total = 0, n;

        while ((n = conn_offer(c, &(struct iovec){all, sizeof all}, 1)))
                total += n;
        return total;
}

Test(pump, a_held_head_that_the_socket_does_not_take_comes_before_what_follows)
{
        struct iovec body = {(char[]){"body"}, 4};
        char got[4096], all[9];
        size_t full = stuff(&to), seen = 0, kept = 0;

        conn_hold(&to, SPAN("head "));
        cr_assert_eq(conn_offer(&to, &body, 1), 0);
        cr_assert(conn_blocked(&to), "now it waits for the socket");
        cr_assert_eq(conn_send(&to, &body, 1), 4);
        while (conn_blocked(&to) || seen < full + 9) {
                ssize_t n = read(client, got, sizeof got);

                cr_assert_gt(n, 0);
                for (ssize_t i = 0; i < n; i++, seen++)
                        if (seen >= full)
                                all[kept++] = got[i];
                conn_flush(&to);
        }
        cr_assert_arr_eq(all, "head body", 9);
}

Test(pump, input_survives_the_end_of_a_turn)
{
        cr_assert_eq(write(origin, "abcdef", 6), 6);
        cr_assert(conn_receive(&from));
        conn_consume(&from, 2);
        conn_settle(&from);
        memset(worker->scratch, 0, 16);
        cr_assert_eq(write(origin, "gh", 2), 2);
        cr_assert(conn_receive(&from));
        cr_assert_eq(from.input.len, 6);
        cr_assert_arr_eq(from.input.at, "cdefgh", 6);
        conn_consume(&from, 6);
        conn_settle(&from);
        cr_assert_null(from.in, "an idle connection holds no buffer");
}

Test(pump, a_reset_peer_is_noticed_on_both_ways)
{
        struct iovec bytes = {(char[]){"x"}, 1};

        signal(SIGPIPE, SIG_IGN);
        close(client);
        client = -1;
        cr_assert_eq(conn_send(&to, &bytes, 1), 0);
        cr_assert(conn_gone(&to));
        cr_assert_neq(to.error, 0);
}
