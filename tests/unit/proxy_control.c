/* The control socket as a client sees it: lines in, lines out, in order, and what is done about clients that do not
 * behave. The loop runs on the test's own thread, a turn at a time. */
#include "proxy/control.h"

#include "proxy_made_up.h"

#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/control_socket.h"

enum { LINE = 1 << 20 };

static struct made_up m;
static struct watch *w;
static struct event_base *base;
static struct control *control;
static char folder[] = "/tmp/limpid-control-XXXXXX", path[128];

/* What the stores were asked for; they answer at once, unless they are held. */
static struct {
        int count;
        enum purge_kind kind;
        char text[256];
        bool hold;
        int64_t removed;
        void (*done[8])(void *, int64_t);
        void *context[8];
} purge;

int store_purge(struct store *s, enum purge_kind kind, struct span text, void (*done)(void *, int64_t), void *context)
{
        (void)s;
        purge.kind = kind;
        snprintf(purge.text, sizeof purge.text, "%.*s", (int)text.len, text.len ? text.at : "");
        purge.done[purge.count] = done;
        purge.context[purge.count++] = context;
        if (!purge.hold)
                done(context, purge.removed);
        return 0;
}

static void answer_held(void)
{
        for (int i = 0; i < purge.count; i++)
                purge.done[i](purge.context[i], purge.removed);
}

static void open_all(void)
{
        signal(SIGPIPE, SIG_IGN); /* as the program does */
        made_up_open(&m);
        w = watch_new(&m.proxy, 0);
        base = event_base_new();
        cr_assert_not_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/control", folder);
        cr_assert_eq(control_open(&control, base, w, path), 0);
        purge.removed = 3;
}

static void close_all(void)
{
        control_close(&control);
        control_close(&control);
        event_base_free(base);
        watch_free(&w);
        made_up_close(&m);
        cr_expect_eq(rmdir(folder), 0, "the socket file is gone");
}

TestSuite(control, .init = open_all, .fini = close_all);

static int join(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_un address;

        cr_assert_eq(control_address(&address, path), 0);
        cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        return fd;
}

static void turn(void)
{
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static void tell(int fd, const char *text)
{
        for (size_t sent = 0, len = strlen(text); sent < len; turn()) {
                ssize_t n = send(fd, text + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

                cr_assert(n > 0 || errno == EAGAIN || errno == EPIPE);
                if (n < 0 && errno == EPIPE)
                        return;
                sent += n > 0 ? (size_t)n : 0;
        }
}

/* The next line, as JSON; NULL if the connection ends instead. */
static json_t *hear(int fd)
{
        static char line[LINE];
        json_t *reply;
        size_t len = 0;

        while (len == 0 || line[len - 1] != '\n') {
                ssize_t n = recv(fd, line + len, 1, MSG_DONTWAIT);

                if (n == 0 || (n < 0 && errno != EAGAIN))
                        return NULL;
                len += n > 0;
                cr_assert(len < LINE);
                if (n < 0)
                        turn();
        }
        reply = json_loadb(line, len, 0, NULL);
        cr_assert_not_null(reply);
        return reply;
}

#define EXPECT_REPLY(fd, want)                                                                                         \
        do {                                                                                                           \
                json_t *reply_ = hear(fd);                                                                             \
                char *text_ = reply_ ? json_dumps(reply_, JSON_COMPACT) : strdup("closed");                            \
                cr_expect_str_eq(text_, want);                                                                         \
                free(text_);                                                                                           \
                json_decref(reply_);                                                                                   \
        } while (0)

#define REFUSED(why) "{\"ok\":false,\"error\":\"" why "\"}"

Test(control, stats)
{
        int fd = join();
        json_t *reply;

        count(&m.counters[0], COUNTER_requests, 5);
        tell(fd, "{\"command\":\"stats\"}\n");
        reply = hear(fd);
        cr_expect(json_is_true(json_object_get(reply, "ok")));
        cr_expect_eq(json_integer_value(json_object_get(json_object_get(json_object_get(reply, "summary"), "counters"),
                                                        "requests")),
                     5);
        json_decref(reply);
        close(fd);
}

Test(control, purges_of_each_kind)
{
        int fd = join();

        tell(fd, "{\"command\":\"purge\",\"url\":\"http://A.example/x\"}\n");
        EXPECT_REPLY(fd, "{\"ok\":true,\"removed\":6}");
        cr_expect_eq(purge.kind, PURGE_URL);
        cr_expect_str_eq(purge.text, "http://a.example:80/x");
        tell(fd, "{\"command\":\"purge\",\"host\":\"A.example\"}\n");
        EXPECT_REPLY(fd, "{\"ok\":true,\"removed\":6}");
        cr_expect_eq(purge.kind, PURGE_HOST);
        cr_expect_str_eq(purge.text, "a.example");
        tell(fd, "{\"command\":\"purge\",\"all\":true}\n");
        EXPECT_REPLY(fd, "{\"ok\":true,\"removed\":6}");
        cr_expect_eq(purge.kind, PURGE_ALL);
        cr_expect_eq(purge.count, 6, "each store once");
        close(fd);
}

Test(control, a_purge_that_fails)
{
        int fd = join();

        purge.removed = -1;
        tell(fd, "{\"command\":\"purge\",\"all\":true}\n");
        EXPECT_REPLY(fd, REFUSED("a store could not purge; see the log"));
        close(fd);
}

Test(control, requests_that_make_no_sense)
{
        static const char *const table[][2] = {
                {"\n", REFUSED("the line is not JSON")},
                {"{\n", REFUSED("the line is not JSON")},
                {"{\"command\":\"stats\",\"command\":\"purge\"}\n", REFUSED("the line is not JSON")},
                {"{\"command\":\"\xff\"}\n", REFUSED("the line is not JSON")},
                {"[1]\n", REFUSED("a request is an object with a command")},
                {"{}\n", REFUSED("a request is an object with a command")},
                {"{\"command\":1}\n", REFUSED("a request is an object with a command")},
                {"{\"command\":\"die\"}\n", REFUSED("no such command")},
                {"{\"command\":\"purge\"}\n", REFUSED("purge wants one of url, host and all")},
                {"{\"command\":\"purge\",\"all\":false}\n", REFUSED("purge wants one of url, host and all")},
                {"{\"command\":\"purge\",\"url\":5}\n", REFUSED("purge wants one of url, host and all")},
                {"{\"command\":\"purge\",\"all\":true,\"host\":\"a\"}\n",
                 REFUSED("purge wants one of url, host and all")},
                {"{\"command\":\"purge\",\"url\":\"ftp://a/\"}\n", REFUSED("a URL begins with http://")},
                {"{\"command\":\"purge\",\"host\":\"a/b\"}\n", REFUSED("this is no host's name")},
        };
        int fd = join();

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                tell(fd, table[i][0]);
                EXPECT_REPLY(fd, table[i][1]);
        }
        cr_expect_eq(purge.count, 0);
        close(fd);
}

Test(control, replies_come_in_order)
{
        int fd = join();

        purge.hold = true;
        tell(fd, "{\"command\":\"purge\",\"all\":true}\n{\"command\":\"x\"}\n{}\n");
        turn();
        cr_expect_eq(recv(fd, &(char){0}, 1, MSG_DONTWAIT), -1, "nothing overtakes the purge");
        answer_held();
        EXPECT_REPLY(fd, "{\"ok\":true,\"removed\":6}");
        EXPECT_REPLY(fd, REFUSED("no such command"));
        EXPECT_REPLY(fd, REFUSED("a request is an object with a command"));
        close(fd);
}

Test(control, clients_do_not_wait_for_each_other)
{
        int slow = join(), quick = join();

        purge.hold = true;
        tell(slow, "{\"command\":\"purge\",\"all\":true}\n");
        tell(quick, "{}\n");
        EXPECT_REPLY(quick, REFUSED("a request is an object with a command"));
        answer_held();
        EXPECT_REPLY(slow, "{\"ok\":true,\"removed\":6}");
        close(slow);
        close(quick);
}

Test(control, a_client_that_says_no_more_still_gets_its_answer)
{
        int fd = join();

        purge.hold = true;
        tell(fd, "{}\n{\"command\":\"purge\",\"all\":true}\n");
        shutdown(fd, SHUT_WR);
        EXPECT_REPLY(fd, REFUSED("a request is an object with a command"));
        turn();
        answer_held();
        EXPECT_REPLY(fd, "{\"ok\":true,\"removed\":6}");
        EXPECT_REPLY(fd, "closed");
        close(fd);
}

Test(control, a_client_that_goes_leaves_its_purge_behind)
{
        int fd = join(), other;

        purge.hold = true;
        tell(fd, "{\"command\":\"purge\",\"all\":true}\n");
        turn();
        cr_assert_eq(purge.count, 2);
        close(fd);
        turn();
        answer_held();
        turn();
        other = join();
        tell(other, "{}\n");
        EXPECT_REPLY(other, REFUSED("a request is an object with a command"));
        close(other);
}

Test(control, closing_while_a_store_still_purges)
{
        int fd = join();

        purge.hold = true;
        tell(fd, "{\"command\":\"purge\",\"all\":true}\n");
        turn();
        control_close(&control);
        cr_assert_eq(purge.count, 2);
        answer_held();
        close(fd);
}

Test(control, a_line_has_an_end)
{
        char *line = malloc(CONTROL_LINE + 3);
        int fd = join();

        memset(line, ' ', CONTROL_LINE);
        memcpy(line, "{}", 2);
        memcpy(line + CONTROL_LINE - 1, "\n", 2);
        tell(fd, line);
        EXPECT_REPLY(fd, REFUSED("a request is an object with a command"));
        memset(line, 'x', CONTROL_LINE + 1);
        memcpy(line + CONTROL_LINE + 1, "\n", 2);
        tell(fd, line);
        EXPECT_REPLY(fd, REFUSED("the line is too long"));
        EXPECT_REPLY(fd, "closed");
        close(fd);
        free(line);
}

Test(control, a_line_without_end_is_not_waited_for)
{
        char *line = malloc(4 * CONTROL_LINE + 1);
        int fd = join();

        memset(line, 'x', 4 * CONTROL_LINE);
        line[4 * CONTROL_LINE] = '\0';
        tell(fd, line);
        EXPECT_REPLY(fd, REFUSED("the line is too long"));
        close(fd);
        free(line);
}

Test(control, answers_wait_for_a_client_that_does_not_read)
{
        int fd = join(), requests = 3000;

        for (int i = 0; i < requests; i++) {
                const char *line = "{\"command\":\"stats\"}\n";

                if (send(fd, line, strlen(line), MSG_DONTWAIT) < 0)
                        requests = i;
                turn();
        }
        cr_expect_gt(requests, 100);
        for (int i = 0; i < requests; i++) {
                json_t *reply = hear(fd);

                cr_assert_not_null(reply);
                json_decref(reply);
        }
        close(fd);
}

Test(control, one_client_too_many_is_told)
{
        int fds[CONTROL_CLIENTS + 1];

        for (int i = 0; i < CONTROL_CLIENTS; i++) {
                fds[i] = join();
                tell(fds[i], "{}\n");
                EXPECT_REPLY(fds[i], REFUSED("a request is an object with a command"));
        }
        fds[CONTROL_CLIENTS] = join();
        EXPECT_REPLY(fds[CONTROL_CLIENTS], REFUSED("too many clients of the control socket"));
        EXPECT_REPLY(fds[CONTROL_CLIENTS], "closed");
        close(fds[CONTROL_CLIENTS]);
        close(fds[0]);
        turn();
        fds[0] = join();
        tell(fds[0], "{}\n");
        EXPECT_REPLY(fds[0], REFUSED("a request is an object with a command"));
        for (int i = 0; i < CONTROL_CLIENTS; i++)
                close(fds[i]);
}

Test(control, the_path_is_somebodys)
{
        struct control *second;

        cr_expect_eq(control_open(&second, base, w, path), EADDRINUSE);
        cr_expect_null(second);
        cr_expect_eq(control_open(&second, base, w, "/nonexistent/folder/control"), ENOENT);
}
