/* What a command says when Limpid is not there, not itself, or not willing. The other side is a thread with a script.
 */
#include "proxy/control_ask.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/control_socket.h"

static char folder[] = "/tmp/limpid-ask-XXXXXX", path[128], why[ASK_WHY], want[ASK_WHY + 128];
static struct stat file;
static int listener;
static const char *reply_text; /* NULL: it hangs up */
static char heard[256];
static pthread_t thread;

static void make_socket(void)
{
        cr_assert_not_null(mkdtemp(folder));
        snprintf(path, sizeof path, "%s/control", folder);
        listener = control_listen(path, &file);
        cr_assert(listener >= 0);
        why[0] = '\0';
}

static void remove_socket(void)
{
        close(listener);
        unlink(path);
        rmdir(folder);
}

TestSuite(ask, .init = make_socket, .fini = remove_socket);

static void *other_side(void *unused)
{
        int fd = -1;
        size_t len = 0;

        (void)unused;
        while (fd < 0)
                fd = accept(listener, NULL, NULL);
        while (len == 0 || heard[len - 1] != '\n') {
                ssize_t n = recv(fd, heard + len, sizeof heard - 1 - len, 0);

                if (n <= 0)
                        break;
                len += (size_t)n;
        }
        if (reply_text)
                send(fd, reply_text, strlen(reply_text), MSG_NOSIGNAL);
        close(fd);
        return NULL;
}

static json_t *converse(const char *text)
{
        json_t *request = json_pack("{s:s}", "command", "stats"), *reply = NULL;
        struct ask *a;

        reply_text = text;
        pthread_create(&thread, NULL, other_side, NULL);
        a = ask_open(path, why);
        if (a)
                reply = ask(a, request, why);
        ask_close(&a);
        cr_expect_null(a);
        ask_close(&a);
        json_decref(request);
        pthread_join(thread, NULL);
        return reply;
}

#define EXPECT_WHY(...)                                                                                                \
        do {                                                                                                           \
                snprintf(want, sizeof want, __VA_ARGS__);                                                              \
                cr_expect_str_eq(why, want);                                                                           \
        } while (0)

Test(ask, one_line_goes_out_and_one_comes_back)
{
        json_t *reply = converse("{\"ok\":true,\"removed\":7}\n");

        cr_expect_str_eq(heard, "{\"command\":\"stats\"}\n");
        cr_expect_eq(json_integer_value(json_object_get(reply, "removed")), 7);
        json_decref(reply);
}

Test(ask, a_refusal_is_passed_on)
{
        cr_expect_null(converse("{\"ok\":false,\"error\":\"no such command\"}\n"));
        EXPECT_WHY("no such command");
        cr_expect_null(converse("{\"ok\":false}\n"));
        EXPECT_WHY("refused without saying why");
}

Test(ask, something_else_answers)
{
        cr_expect_null(converse("220 mail.example ESMTP\n"));
        EXPECT_WHY("what answers at the control socket %s is not limpid", path);
        cr_expect_null(converse("[1]\n"));
        EXPECT_WHY("what answers at the control socket %s is not limpid", path);
}

Test(ask, the_connection_ends)
{
        cr_expect_null(converse(NULL));
        EXPECT_WHY("the control socket %s was closed without an answer", path);
}

Test(ask, it_is_not_running)
{
        close(listener);
        cr_expect_null(ask_open(path, why));
        EXPECT_WHY("limpid is not running: nobody answers at the control socket %s", path);
        unlink(path);
        cr_expect_null(ask_open(path, why));
        EXPECT_WHY("limpid is not running: no control socket at %s", path);
        listener = control_listen(path, &file);
}

Test(ask, a_path_that_cannot_be)
{
        char longest[200];

        memset(longest, 'x', sizeof longest);
        longest[199] = '\0';
        cr_expect_null(ask_open(longest, why));
        EXPECT_WHY("control socket %s: File name too long", longest);
}

Test(ask, no_permission)
{
        uid_t before = geteuid();

        if (before == 0)
                cr_assert_eq(seteuid(65534), 0);
        cr_expect_null(ask_open("/root/limpid/control", why));
        cr_assert_eq(seteuid(before), 0); /* or the socket could not be removed */
        EXPECT_WHY("no permission to use the control socket /root/limpid/control: be root, or in its group");
}
