/* evhttp answers every request through one function, answer(): who may ask at all is decided there in one place, before
 * a route is looked up.
 *
 * evhttp does not bound its connections, so each of them is born here (evhttp_set_bevcb), with a reference of ours. One
 * that evhttp has let go of has lost its callbacks: that is how the sweep knows it. At the limit we stop accepting. */
#include "proxy/admin_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/admin_listen.h"
#include "proxy/clock.h"
#include "proxy/log.h"
#include "proxy/metrics.h"
#include "proxy/password.h"
#include "proxy/summary.h"
#include "proxy/www.h"

enum {
        CONNECTIONS_MAX = 64,
        HEADERS_MAX = 16 * 1024,
        BODY_MAX = 1024, /* of a request: there is none that we want */
        IDLE_SECONDS = 15
};

struct page {
        struct watch *watch;
        const char *listen; /* of the configuration */
        struct evhttp *http;
        struct admin_listen listeners;
        struct www *www;             /* NULL: no files, the API alone */
        struct passwords *passwords; /* NULL: none asked for */
        struct bufferevent *connections[CONNECTIONS_MAX];
        size_t connection_count;
};

/* ---- who may ask ------------------------------------------------------------------------------------------------- */

/* The length of the host in "host", "host:port", "[v6]" or "[v6]:port". */
static size_t host_length(const char *host)
{
        const char *bracket = host[0] == '[' ? strchr(host, ']') : NULL;

        return bracket ? (size_t)(bracket + 1 - host) : strcspn(host, ":");
}

static bool is_literal(const char *host)
{
        unsigned char address[sizeof(struct in6_addr)];
        char text[INET6_ADDRSTRLEN];
        bool v6 = host[0] == '[';
        size_t len = host_length(host) - (v6 ? 2 : 0);

        if (v6 && !strchr(host, ']'))
                return false;
        if (len == 0 || len >= sizeof text)
                return false;
        memcpy(text, host + (v6 ? 1 : 0), len);
        text[len] = '\0';
        return inet_pton(v6 ? AF_INET6 : AF_INET, text, address) == 1;
}

bool page_host_allowed(const char *host, const char *listen)
{
        struct span name = {host, host_length(host)};

        return is_literal(host) || span_equal_fold(name, SPAN("localhost")) ||
               (name.len && span_equal_fold(name, (struct span){listen, host_length(listen)}));
}

/* ---- what is answered -------------------------------------------------------------------------------------------- */

static void set_fields(struct evhttp_request *request, const char *type)
{
        static const char *const fields[][2] = {
                {"Content-Security-Policy",
                 "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
                {"X-Content-Type-Options", "nosniff"},
                {"Cross-Origin-Resource-Policy", "same-origin"},
                {"Referrer-Policy", "no-referrer"},
                {"Cache-Control", "no-store"},
        };
        struct evkeyvalq *out = evhttp_request_get_output_headers(request);

        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
                evhttp_add_header(out, fields[i][0], fields[i][1]);
        evhttp_add_header(out, "Content-Type", type);
}

/* Sends `len` bytes that stay where they are until `gone` is called with them. The reply to HEAD has the length, not
 * the bytes (RFC 9110 §9.3.2). */
static void reply(struct evhttp_request *request, int status, const char *type, const char *bytes, size_t len,
                  evbuffer_ref_cleanup_cb gone)
{
        bool head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
        struct evbuffer *body = evhttp_request_get_output_buffer(request);
        char length[24];

        set_fields(request, type);
        snprintf(length, sizeof length, "%zu", len);
        evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Length", length);
        if (head || evbuffer_add_reference(body, bytes, len, gone, NULL) != 0) {
                if (gone)
                        gone(bytes, len, NULL);
        }
        evhttp_send_reply(request, status, NULL, NULL);
}

static void refuse(struct evhttp_request *request, int status, const char *why)
{
        reply(request, status, "text/plain; charset=utf-8", why, strlen(why), NULL);
}

static void free_bytes(const void *bytes, size_t len, void *context)
{
        (void)len;
        (void)context;
        free((void *)(uintptr_t)bytes);
}

static void answer_summary(struct evhttp_request *request, const struct snapshot *s)
{
        json_t *summary = summary_json(s);
        char *text = summary ? json_dumps(summary, JSON_COMPACT) : NULL;

        json_decref(summary);
        if (text)
                reply(request, HTTP_OK, "application/json", text, strlen(text), free_bytes);
        else
                refuse(request, HTTP_INTERNAL, "out of memory\n");
}

static void answer_metrics(struct evhttp_request *request, const struct snapshot *s)
{
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);

        if (out)
                metrics_write(out, s);
        if (out && fclose(out) == 0) {
                reply(request, HTTP_OK, METRICS_TYPE, text, len, free_bytes);
                return;
        }
        free(text);
        refuse(request, HTTP_INTERNAL, "out of memory\n");
}

static void answer_snapshot(struct evhttp_request *request, struct page *page,
                            void (*run)(struct evhttp_request *, const struct snapshot *))
{
        struct snapshot s;

        if (snapshot_take(&s, page->watch, time(NULL), clock_ms()) == 0)
                run(request, &s);
        else
                refuse(request, HTTP_INTERNAL, "out of memory\n");
        snapshot_free(&s);
}

static void route(struct evhttp_request *request, struct page *page)
{
        static const struct {
                const char *path;
                void (*run)(struct evhttp_request *, const struct snapshot *);
        } table[] = {{"/api/v1/summary", answer_summary}, {"/metrics", answer_metrics}};
        const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
        const struct www_file *file;

        path = path && path[0] ? path : "/";
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                if (strcmp(path, table[i].path) == 0) {
                        answer_snapshot(request, page, table[i].run);
                        return;
                }
        }
        file = page->www ? www_find(page->www, path) : NULL;
        if (file)
                reply(request, HTTP_OK, file->type, file->bytes, file->len, NULL);
        else
                refuse(request, HTTP_NOTFOUND, "There is nothing here.\n");
}

/* True if the request may be answered; otherwise it has been refused. */
static bool admit(struct evhttp_request *request, struct page *page)
{
        const struct evkeyvalq *in = evhttp_request_get_input_headers(request);
        struct evkeyvalq *out = evhttp_request_get_output_headers(request);
        enum evhttp_cmd_type method = evhttp_request_get_command(request);
        const char *host = evhttp_find_header(in, "Host");
        enum verdict verdict = PASSWORD_RIGHT;

        if (!host || !page_host_allowed(host, page->listen)) {
                refuse(request, 421, "Ask by address: this name is not Limpid's (admin.listen).\n");
                return false;
        }
        if (page->passwords)
                verdict = passwords_check(page->passwords, evhttp_find_header(in, "Authorization"), clock_ms());
        if (verdict == PASSWORD_LATER) {
                evhttp_add_header(out, "Retry-After", "1");
                refuse(request, 429, "Too many wrong passwords: wait a second.\n");
        } else if (verdict == PASSWORD_WRONG) {
                evhttp_add_header(out, "WWW-Authenticate", "Basic realm=\"Limpid\", charset=\"UTF-8\"");
                refuse(request, 401, "Limpid wants to know who you are.\n");
        } else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
                evhttp_add_header(out, "Allow", "GET, HEAD");
                refuse(request, HTTP_BADMETHOD, "The page is for reading.\n");
        } else {
                return true;
        }
        return false;
}

static void answer(struct evhttp_request *request, void *context)
{
        if (admit(request, context))
                route(request, context);
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

static struct bufferevent *connection_new(struct event_base *base, void *context)
{
        struct page *page = context;
        struct bufferevent *bev;

        if (page->connection_count == CONNECTIONS_MAX) /* accepted in the same turn of the loop as the one before */
                page_tick(page);
        if (page->connection_count == CONNECTIONS_MAX)
                return NULL;
        bev = bufferevent_socket_new(base, -1, 0);
        if (!bev)
                return NULL;
        bufferevent_incref(bev);
        page->connections[page->connection_count++] = bev;
        if (page->connection_count == CONNECTIONS_MAX)
                admin_listen_pause(&page->listeners, true);
        return bev;
}

static bool has_ended(struct bufferevent *bev)
{
        bufferevent_event_cb on_event;

        bufferevent_getcb(bev, NULL, NULL, &on_event, NULL);
        return !on_event;
}

void page_tick(struct page *page)
{
        size_t kept = 0;

        for (size_t i = 0; i < page->connection_count; i++) {
                if (has_ended(page->connections[i]))
                        bufferevent_decref(page->connections[i]);
                else
                        page->connections[kept++] = page->connections[i];
        }
        page->connection_count = kept;
        if (kept < CONNECTIONS_MAX)
                admin_listen_pause(&page->listeners, false);
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

/* False if the page must stay shut. */
static bool read_passwords(struct page *page, const char *path)
{
        unsigned line = 0;
        int error;

        if (!path[0])
                return true;
        error = passwords_read(&page->passwords, path, &line);
        if (error == EINVAL && line)
                log_say(LOG_ERR, "no page: %s:%u: a line is user:hash", path, line);
        else if (error == EINVAL)
                log_say(LOG_ERR, "no page: %s names no user", path);
        else if (error)
                log_errno(LOG_ERR, error, "no page: %s cannot be read", path);
        return error == 0;
}

static void read_files(struct page *page)
{
        const char *folder;

        page->www = www_read_anywhere(&folder);
        if (!page->www)
                log_errno(LOG_WARNING, errno,
                          "the page's files are not in %s: only /api/v1/summary and /metrics answer", folder);
}

static bool make_http(struct page *page, struct event_base *base)
{
        page->http = evhttp_new(base);
        if (!page->http)
                return false;
        evhttp_set_bevcb(page->http, connection_new, page);
        evhttp_set_gencb(page->http, answer, page);
        evhttp_set_allowed_methods(page->http, 0xffff); /* we say ourselves which are */
        evhttp_set_max_headers_size(page->http, HEADERS_MAX);
        evhttp_set_max_body_size(page->http, BODY_MAX);
        evhttp_set_timeout(page->http, IDLE_SECONDS);
        return true;
}

struct page *page_open(struct event_base *base, struct watch *watch, const struct config *config)
{
        struct page *page = calloc(1, sizeof *page);
        bool good;

        if (!page)
                return NULL;
        page->watch = watch;
        page->listen = config->admin.listen;
        good = read_passwords(page, config->admin.password_file) && make_http(page, base) &&
               admin_listen_open(&page->listeners, base, page->http, page->listen, page->passwords != NULL);
        if (good)
                read_files(page);
        else
                page_close(&page);
        return page;
}

void page_close(struct page **page)
{
        struct page *p = *page;

        if (!p)
                return;
        if (p->http)
                evhttp_free(p->http);
        for (size_t i = 0; i < p->connection_count; i++)
                bufferevent_decref(p->connections[i]);
        www_free(&p->www);
        passwords_free(&p->passwords);
        free(p);
        *page = NULL;
}

uint16_t page_port(const struct page *page)
{
        return page->listeners.port;
}
