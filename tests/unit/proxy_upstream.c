/* proxy/upstream.c: what becomes of a connection when its exchange is over. */
#include "proxy/upstream.h"

#include <criterion/criterion.h>
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

Test(upstream, an_idle_one_holds_no_buffer)
{
        struct config config = {.origin = {.idle_timeout_ms = 1000}};
        struct proxy proxy = {.config = &config};
        struct worker *worker = aligned_alloc(64, (sizeof *worker + 63) / 64 * 64);
        struct upstream *u = calloc(1, sizeof *u), *idle = u;
        char bytes[1000] = {0};
        int pair[2];

        cr_assert(worker && u);
        memset(worker, 0, sizeof *worker);
        worker->proxy = &proxy;
        worker->scratch = malloc(SCRATCH_SIZE);
        worker->base = event_base_new();
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        conn_init(&u->conn, worker, pair[0], NULL);
        cr_assert_eq(write(pair[1], bytes, sizeof bytes), (ssize_t)sizeof bytes);
        cr_assert(conn_receive(&u->conn));
        conn_settle(&u->conn); /* its client takes nothing for now */
        conn_consume(&u->conn, sizeof bytes);
        upstream_release(&u);
        cr_assert_null(u);
        cr_assert_eq(worker->pool.newest, idle);
        cr_expect_null(idle->conn.in);
        pool_remove(&worker->pool, idle);
        upstream_close(&idle, false);
        close(pair[1]);
        event_base_free(worker->base);
        free(worker->scratch);
        free(worker);
}
