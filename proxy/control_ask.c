/* A stream for lines, over the socket: what the operator reads when something fails is made here. */
#include "proxy/control_ask.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "proxy/control_socket.h"
#include "proxy/instance.h"

struct ask {
        FILE *in;
        int fd; /* of `in` */
        char *path;
        char *line;
        size_t size;
};

__attribute__((format(printf, 2, 3))) static void say(char why[ASK_WHY], const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(why, ASK_WHY, format, arguments);
        va_end(arguments);
}

static const char *text_of(int error)
{
        const char *text = strerrordesc_np(error);

        return text ? text : "unknown error";
}

static void say_why_not(char why[ASK_WHY], const char *path, int error)
{
        bool nobody = error == ENOENT || error == ENOTDIR || error == ECONNREFUSED;
        pid_t holder = nobody ? instance_running() : 0;

        if (holder) {
                say(why, "limpid run (process %d) is starting or ending: nobody answers at the control socket %s",
                    (int)holder, path);
                return;
        }
        switch (error) {
        case ENOENT:
        case ENOTDIR:
                say(why, "limpid is not running: no control socket at %s", path);
                break;
        case ECONNREFUSED:
                say(why, "limpid is not running: nobody answers at the control socket %s", path);
                break;
        case EACCES:
        case EPERM:
                say(why, "no permission to use the control socket %s: be root, or in its group", path);
                break;
        default:
                say(why, "control socket %s: %s", path, text_of(error));
        }
}

static int connect_to(const char *path, int *fd)
{
        static const struct timeval patience = {ASK_SECONDS, 0};
        struct sockaddr_un address;
        int error = control_address(&address, path);

        *fd = error ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (error || *fd < 0)
                return error ? error : errno;
        setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (connect(*fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0)
                return 0;
        error = errno;
        close(*fd);
        *fd = -1;
        return error;
}

struct ask *ask_open(const char *path, char why[ASK_WHY])
{
        struct ask *a = calloc(1, sizeof *a);
        int error = a ? 0 : ENOMEM;

        if (!error)
                error = connect_to(path, &a->fd);
        if (!error) {
                a->path = strdup(path);
                a->in = fdopen(a->fd, "r");
                if (!a->in)
                        close(a->fd);
                if (!a->in || !a->path)
                        error = ENOMEM;
        }
        if (error) {
                say_why_not(why, path, error);
                ask_close(&a);
        }
        return a;
}

void ask_close(struct ask **ask)
{
        struct ask *a = *ask;

        if (!a)
                return;
        if (a->in)
                fclose(a->in);
        free(a->path);
        free(a->line);
        free(a);
        *ask = NULL;
}

static int send_line(struct ask *a, const json_t *request)
{
        char *text = json_dumps(request, JSON_COMPACT);
        size_t len = text ? strlen(text) : 0, sent = 0;
        int error = text ? 0 : ENOMEM;

        if (text)
                text[len++] = '\n'; /* in place of the zero: it is sent by its length */
        while (!error && sent < len) {
                ssize_t n = send(a->fd, text + sent, len - sent, MSG_NOSIGNAL);

                if (n >= 0)
                        sent += (size_t)n;
                else if (errno != EINTR)
                        error = errno;
        }
        free(text);
        return error;
}

/* The reply's line as JSON, or NULL with the reason said. */
static json_t *read_reply(struct ask *a, char why[ASK_WHY])
{
        ssize_t len;
        json_t *reply;

        errno = 0;
        len = getline(&a->line, &a->size, a->in);
        if (len < 0 && errno == EAGAIN)
                say(why, "no answer within %d s", ASK_SECONDS);
        else if (len < 0)
                say(why, "the control socket %s was closed without an answer", a->path);
        if (len < 0)
                return NULL;
        reply = json_loadb(a->line, (size_t)len, 0, NULL);
        if (!json_is_object(reply)) {
                json_decref(reply);
                say(why, "what answers at the control socket %s is not limpid", a->path);
                return NULL;
        }
        return reply;
}

json_t *ask(struct ask *a, const json_t *request, char why[ASK_WHY])
{
        int error = send_line(a, request);
        const char *refusal;
        json_t *reply;

        /* One that was turned away may find the socket closed, and yet be told why. */
        if (error && error != EPIPE) {
                say_why_not(why, a->path, error);
                return NULL;
        }
        reply = read_reply(a, why);
        if (!reply || json_is_true(json_object_get(reply, "ok")))
                return reply;
        refusal = json_string_value(json_object_get(reply, "error"));
        say(why, "%s", refusal ? refusal : "refused without saying why");
        json_decref(reply);
        return NULL;
}
