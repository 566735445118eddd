/* The admin thread as a whole: page and control socket answer, ticks become history, and it ends when it is told. */
#include "proxy/admin.h"

#include "proxy_made_up.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/control_ask.h"

static struct made_up m;
static struct admin *admin;
static char folder[] = "/tmp/limpid-admin-XXXXXX", path[128];

int store_purge(struct store *s, enum purge_kind kind, struct span text, void (*done)(void *, int64_t), void *context)
{
        (void)s;
        (void)kind;
        (void)text;
        done(context, 2);
        return 0;
}

static void open_all(void)
{
        made_up_open(&m);
        cr_assert_not_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/control", folder);
        m.config.admin.control = path;
        m.config.admin.listen = "127.0.0.1:0";
        cr_assert_eq(setenv("LIMPID_WWW", folder, 1), 0);
}

static void close_all(void)
{
        admin_stop(&admin);
        cr_expect_null(admin);
        admin_stop(&admin);
        made_up_close(&m);
        cr_expect_eq(rmdir(folder), 0, "the control socket is gone");
}

TestSuite(admin, .init = open_all, .fini = close_all);

static json_t *converse(const char *command)
{
        json_t *request = json_loads(command, 0, NULL), *reply;
        char why[ASK_WHY];
        struct ask *a = ask_open(path, why);

        cr_assert_not_null(a, "%s", why);
        reply = ask(a, request, why);
        cr_assert_not_null(reply, "%s", why);
        json_decref(request);
        ask_close(&a);
        return reply;
}

Test(admin, the_control_socket_answers)
{
        json_t *reply;

        cr_assert_eq(admin_start(&admin, &m.proxy), 0);
        count(&m.counters[1], COUNTER_hits, 9);
        reply = converse("{\"command\":\"stats\"}");
        cr_expect_eq(json_integer_value(
                             json_object_get(json_object_get(json_object_get(reply, "summary"), "counters"), "hits")),
                     9);
        json_decref(reply);
        reply = converse("{\"command\":\"purge\",\"all\":true}");
        cr_expect_eq(json_integer_value(json_object_get(reply, "removed")), 4);
        json_decref(reply);
}

Test(admin, the_page_answers)
{
        static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char reply[16] = "";

        cr_assert_eq(admin_start(&admin, &m.proxy), 0);
        address.sin_port = htons(admin_port(admin));
        cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        cr_assert_eq(send(fd, request, sizeof request - 1, 0), (ssize_t)sizeof request - 1);
        cr_assert_eq(recv(fd, reply, 12, MSG_WAITALL), 12);
        cr_expect_str_eq(reply, "HTTP/1.1 200");
        close(fd);
}

Test(admin, time_becomes_history)
{
        size_t samples = 0;

        cr_assert_eq(admin_start(&admin, &m.proxy), 0);
        while (samples == 0) { /* a second at the most, whatever the machine is doing */
                json_t *reply = converse("{\"command\":\"stats\"}");

                samples = json_array_size(
                        json_object_get(json_object_get(json_object_get(reply, "summary"), "history"), "time"));
                json_decref(reply);
        }
        cr_expect_gt(samples, 0);
}

Test(admin, without_page_and_control_socket_it_runs_all_the_same)
{
        m.config.admin.control = "/nonexistent/folder/control";
        m.config.admin.listen = "no address";
        cr_assert_eq(admin_start(&admin, &m.proxy), 0);
        cr_expect_eq(admin_port(admin), 0);
        admin_stop(&admin);
        m.config.admin.control = m.config.admin.listen = "";
        cr_assert_eq(admin_start(&admin, &m.proxy), 0);
        cr_expect_eq(admin_port(admin), 0);
}

Test(admin, ends_with_clients_still_there)
{
        char why[ASK_WHY];
        struct ask *a;

        cr_assert_eq(admin_start(&admin, &m.proxy), 0);
        a = ask_open(path, why);
        cr_assert_not_null(a);
        admin_stop(&admin);
        ask_close(&a);
}
