/* A client is a bufferevent and, while it waits for one, a purge. One function, turn(), looks at where a client stands
 * and goes on: it is called whenever anything about the client has changed. A client's next line is read once the
 * answer to the last one has been given and mostly taken, so that none of them can make us hold more than a few
 * answers.
 */
#include "proxy/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "proxy/clock.h"
#include "proxy/control_socket.h"
#include "proxy/purge.h"
#include "proxy/summary.h"
#include "proxy/why.h"

enum { OUTPUT_MAX = 256 * 1024, SILENT_SECONDS = 60, STALL_SECONDS = 10 };

struct control_client {
        struct control *control;
        struct control_client *next, **link;
        struct bufferevent *bev;
        struct purge *purge; /* NULL: none under way */
        bool closing;        /* once what is written has gone out */
        bool eof;            /* it sends nothing more */
};

struct control {
        struct watch *watch;
        char *path;
        struct stat file;
        struct evconnlistener *listener;
        struct purges *purges;
        struct event *purged;
        struct control_client *clients;
        unsigned client_count;
};

static void turn(struct control_client *c);

/* ---- answers ----------------------------------------------------------------------------------------------------- */

/* Takes the reference. */
static void answer(struct control_client *c, json_t *reply)
{
        char *text = json_dumps(reply, JSON_COMPACT);

        if (text)
                evbuffer_add_printf(bufferevent_get_output(c->bev), "%s\n", text);
        else
                c->closing = true; /* out of memory: the line's end is all the client can be told */
        free(text);
        json_decref(reply);
}

static void refuse(struct control_client *c, const char *error)
{
        answer(c, json_pack("{s:b, s:s}", "ok", 0, "error", error));
}

static void purged(void *context, int64_t removed)
{
        struct control_client *c = context;

        c->purge = NULL;
        if (removed < 0)
                refuse(c, "a store could not purge; see the log");
        else
                answer(c, json_pack("{s:b, s:I}", "ok", 1, "removed", (json_int_t)removed));
        turn(c);
}

static void start_purge(struct control_client *c, enum purge_kind kind, struct span text)
{
        c->purge = purge_start(c->control->purges, c->control->watch->proxy, kind, text, purged, c);
        if (!c->purge)
                refuse(c, "out of memory");
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

static void answer_stats(struct control_client *c, const json_t *request)
{
        struct snapshot snapshot;
        json_t *summary = NULL;

        (void)request;
        if (snapshot_take(&snapshot, c->control->watch, time(NULL), clock_ms()) == 0)
                summary = summary_json(&snapshot);
        snapshot_free(&snapshot);
        if (summary)
                answer(c, json_pack("{s:b, s:o}", "ok", 1, "summary", summary));
        else
                refuse(c, "out of memory");
}

static struct span text_of(const json_t *string)
{
        return (struct span){json_string_value(string), json_string_length(string)};
}

static void answer_purge(struct control_client *c, const json_t *request)
{
        const json_t *url = json_object_get(request, "url"), *host = json_object_get(request, "host");
        const char *wrong = "purge wants one of url, host and all";
        char buffer[KEY_TEXT_MAX];
        struct span text = {NULL, 0};
        enum purge_kind kind = PURGE_ALL;

        if (json_object_size(request) != 2) {
                refuse(c, wrong);
                return;
        }
        if (json_is_string(url)) {
                kind = PURGE_URL;
                wrong = purge_url(text_of(url), buffer, &text);
        } else if (json_is_string(host)) {
                kind = PURGE_HOST;
                wrong = purge_host(text_of(host), buffer, &text);
        } else if (json_is_true(json_object_get(request, "all"))) {
                wrong = NULL;
        }
        if (wrong)
                refuse(c, wrong);
        else
                start_purge(c, kind, text);
}

static void answer_why(struct control_client *c, const json_t *request)
{
        const json_t *url = json_object_get(request, "url"), *fields = json_object_get(request, "fields");
        const char *wrong = "why wants a url, and may have an array of fields";
        json_t *answered = NULL;

        if (json_is_string(url) && (!fields || json_is_array(fields)))
                answered = why_json(c->control->watch->proxy, text_of(url), fields, time(NULL), &wrong);
        if (answered)
                answer(c, json_pack("{s:b, s:o}", "ok", 1, "why", answered));
        else
                refuse(c, wrong);
}

static void obey(struct control_client *c, const json_t *request)
{
        static const struct {
                const char *name;
                void (*run)(struct control_client *, const json_t *);
        } table[] = {{"stats", answer_stats}, {"purge", answer_purge}, {"why", answer_why}};
        const char *name = json_string_value(json_object_get(request, "command"));

        for (size_t i = 0; name && i < sizeof table / sizeof *table; i++) {
                if (strcmp(name, table[i].name) == 0) {
                        table[i].run(c, request);
                        return;
                }
        }
        refuse(c, name ? "no such command" : "a request is an object with a command");
}

static void take_line(struct control_client *c, const char *line, size_t len)
{
        json_t *request = len <= CONTROL_LINE ? json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL) : NULL;

        if (len > CONTROL_LINE) {
                refuse(c, "the line is too long");
                c->closing = true;
        } else if (!request) {
                refuse(c, "the line is not JSON");
        } else {
                obey(c, request);
        }
        json_decref(request);
}

/* ---- a client's life --------------------------------------------------------------------------------------------- */

static void client_free(struct control_client *c)
{
        if (c->purge)
                purge_forget(c->purge);
        *c->link = c->next;
        if (c->next)
                c->next->link = c->link;
        c->control->client_count--;
        bufferevent_free(c->bev);
        free(c);
}

/* True if a line was there and could be taken now. */
static bool take_next(struct control_client *c)
{
        struct evbuffer *in = bufferevent_get_input(c->bev);
        size_t len;
        char *line;

        if (c->closing || c->purge || evbuffer_get_length(bufferevent_get_output(c->bev)) > OUTPUT_MAX)
                return false;
        line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
        if (line) {
                take_line(c, line, len);
        } else if (evbuffer_get_length(in) > CONTROL_LINE) {
                refuse(c, "the line is too long");
                c->closing = true;
        }
        free(line);
        return line != NULL;
}

static void turn(struct control_client *c)
{
        while (take_next(c))
                ;
        if (c->closing)
                bufferevent_disable(c->bev, EV_READ);
        if ((c->closing || c->eof) && !c->purge && !evbuffer_get_length(bufferevent_get_output(c->bev)))
                client_free(c);
}

static void on_bytes(struct bufferevent *bev, void *context)
{
        (void)bev;
        turn(context);
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
        struct control_client *c = context;

        (void)bev;
        if (!(what & BEV_EVENT_EOF)) {
                client_free(c); /* an error, or a time-out */
                return;
        }
        c->eof = true;
        turn(c);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int peer_len,
                      void *context)
{
        static const struct timeval silent = {SILENT_SECONDS, 0}, stall = {STALL_SECONDS, 0};
        struct control *control = context;
        struct control_client *c = calloc(1, sizeof *c);

        (void)peer;
        (void)peer_len;
        if (c)
                c->bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
        if (!c || !c->bev) {
                free(c);
                close(fd);
                return;
        }
        c->control = control;
        c->next = control->clients;
        c->link = &control->clients;
        if (c->next)
                c->next->link = &c->next;
        control->clients = c;
        bufferevent_setcb(c->bev, on_bytes, on_bytes, on_event, c);
        bufferevent_setwatermark(c->bev, EV_READ, 0, CONTROL_LINE + 1);
        bufferevent_set_timeouts(c->bev, &silent, &stall);
        bufferevent_enable(c->bev, EV_READ | EV_WRITE);
        if (++control->client_count > CONTROL_CLIENTS) {
                refuse(c, "too many clients of the control socket");
                c->closing = true;
        }
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

static void on_purged(evutil_socket_t fd, short what, void *context)
{
        struct control *control = context;

        (void)fd;
        (void)what;
        purges_collect(control->purges);
}

/* The listener owns the descriptor from here on, whatever comes. */
static int listen_on(struct control *control, struct event_base *base, int fd)
{
        control->listener =
                evconnlistener_new(base, on_accept, control, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
        if (!control->listener) {
                close(fd);
                return ENOMEM;
        }
        control->purged = event_new(base, purges_fd(control->purges), EV_READ | EV_PERSIST, on_purged, control);
        return control->purged && event_add(control->purged, NULL) == 0 ? 0 : ENOMEM;
}

int control_open(struct control **out, struct event_base *base, struct watch *watch, const char *path)
{
        struct control *control = calloc(1, sizeof *control);
        int error = control ? purges_new(&control->purges) : ENOMEM, fd;

        *out = NULL;
        if (error)
                goto out;
        error = ENOMEM;
        control->watch = watch;
        control->path = strdup(path);
        if (!control->path)
                goto out;
        fd = control_listen(path, &control->file);
        error = fd < 0 ? -fd : listen_on(control, base, fd);
out:
        if (error)
                control_close(&control);
        *out = control;
        return error;
}

void control_close(struct control **control)
{
        struct control *c = *control;

        if (!c)
                return;
        for (struct control_client *client = c->clients, *next; client; client = next) {
                next = client->next;
                client_free(client);
        }
        if (c->listener) {
                evconnlistener_free(c->listener);
                control_remove(c->path, &c->file);
        }
        if (c->purged)
                event_free(c->purged);
        purges_free(&c->purges);
        free(c->path);
        free(c);
        *control = NULL;
}
