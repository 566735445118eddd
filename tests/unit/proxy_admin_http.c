/* Who may read the page and how, over real sockets on the loopback; the loop runs on the test's own thread. */
#include "proxy/admin_http.h"

#include "proxy_made_up.h"

#include <arpa/inet.h>
#include <crypt.h>
#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct made_up m;
static struct watch *w;
static struct event_base *base;
static struct page *page;
static char folder[] = "/tmp/limpid-page-XXXXXX", password_file[128];
static char reply[1 << 20];

static void put(const char *name, const char *text)
{
        char path[128];
        FILE *out;

        snprintf(path, sizeof path, "%s/%s", folder, name);
        out = fopen(path, "w");
        cr_assert_not_null(out);
        fputs(text, out);
        fclose(out);
}

static void open_all(void)
{
        signal(SIGPIPE, SIG_IGN);
        made_up_open(&m);
        m.config.admin.listen = "127.0.0.1:0";
        w = watch_new(&m.proxy, 0);
        base = event_base_new();
        cr_assert_not_null(mkdtemp(folder));
        snprintf(password_file, sizeof password_file, "%s/passwords", folder);
        setenv("LIMPID_WWW", folder, 1);
        put("index.html", "<p>the page</p>");
}

static void close_all(void)
{
        char path[128];

        page_close(&page);
        page_close(&page);
        event_base_free(base);
        watch_free(&w);
        made_up_close(&m);
        snprintf(path, sizeof path, "%s/index.html", folder);
        unlink(path);
        unlink(password_file);
        rmdir(folder);
}

TestSuite(admin_http, .init = open_all, .fini = close_all);
TestSuite(admin_listen, .init = open_all, .fini = close_all);

static void open_page(void)
{
        page = page_open(base, w, &m.config);
        cr_assert_not_null(page);
        cr_assert(page_port(page) > 0);
}

static void turn(void)
{
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static int join(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(page_port(page))};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        return fd;
}

/* Sends a request that closes, and returns the whole reply. */
static const char *fetch(const char *request)
{
        size_t len = 0;
        ssize_t n;
        int fd = join();

        cr_assert_eq(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
        do {
                turn();
                n = recv(fd, reply + len, sizeof reply - 1 - len, MSG_DONTWAIT);
                len += n > 0 ? (size_t)n : 0;
        } while (n > 0 || (n < 0 && errno == EAGAIN));
        reply[len] = '\0';
        close(fd);
        return reply;
}

#define CLOSE     "Connection: close\r\n\r\n"
#define LOCAL     "Host: 127.0.0.1\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" LOCAL CLOSE

static int status(const char *request)
{
        int code = 0;

        sscanf(fetch(request), "HTTP/1.%*d %d", &code);
        return code;
}

static bool has(const char *text)
{
        return strstr(reply, text) != NULL;
}

static const char *body(void)
{
        const char *end = strstr(reply, "\r\n\r\n");

        return end ? end + 4 : "";
}

Test(admin_http, the_page)
{
        open_page();
        cr_expect_eq(status(GET("/")), 200);
        cr_expect_str_eq(body(), "<p>the page</p>");
        cr_expect(has("Content-Type: text/html; charset=utf-8\r\n"));
        cr_expect(has("Content-Security-Policy: default-src 'self'"));
        cr_expect(has("X-Content-Type-Options: nosniff\r\n"));
        cr_expect_eq(status(GET("/?a=b")), 200);
        cr_expect_eq(status(GET("http://127.0.0.1/")), 200);
}

Test(admin_http, the_summary)
{
        json_t *root;

        open_page();
        count(&m.counters[0], COUNTER_requests, 4);
        cr_expect_eq(status(GET("/api/v1/summary")), 200);
        cr_expect(has("Content-Type: application/json\r\n"));
        cr_expect(has("Cache-Control: no-store\r\n"));
        root = json_loads(body(), JSON_REJECT_DUPLICATES, NULL);
        cr_expect_eq(json_integer_value(json_object_get(json_object_get(root, "counters"), "requests")), 4);
        json_decref(root);
}

Test(admin_http, metrics)
{
        open_page();
        cr_expect_eq(status(GET("/metrics")), 200);
        cr_expect(has("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
        cr_expect(has("\nlimpid_requests_total 0\n"));
}

Test(admin_http, paths_are_names_and_not_files)
{
        open_page();
        cr_expect_eq(status(GET("/passwords")), 404);
        cr_expect_eq(status(GET("/index.html")), 404);
        cr_expect_eq(status(GET("/../../../../etc/passwd")), 404);
        cr_expect_eq(status(GET("/%2e%2e/etc/passwd")), 404);
        cr_expect_eq(status(GET("/<script>alert(1)</script>")), 404);
        cr_expect_not(has("script"));
        cr_expect_eq(status(GET("/API/V1/SUMMARY")), 404);
}

Test(admin_http, head_has_the_length_and_no_body)
{
        open_page();
        cr_expect_eq(status("HEAD / HTTP/1.1\r\n" LOCAL CLOSE), 200);
        cr_expect(has("Content-Length: 15\r\n"));
        cr_expect_str_eq(body(), "");
        cr_expect_eq(status("HEAD /metrics HTTP/1.1\r\n" LOCAL CLOSE), 200);
        cr_expect_str_eq(body(), "");
}

Test(admin_http, is_for_reading_only)
{
        static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"};
        char request[128];

        open_page();
        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
                snprintf(request, sizeof request, "%s / HTTP/1.1\r\n" LOCAL CLOSE, methods[i]);
                cr_expect_eq(status(request), 405, "%s", methods[i]);
                cr_expect(has("Allow: GET, HEAD\r\n"));
        }
        cr_expect_neq(status("BREW / HTTP/1.1\r\n" LOCAL CLOSE), 200);
        cr_expect_eq(status("POST / HTTP/1.1\r\n" LOCAL "Content-Length: 3\r\n" CLOSE "a=b"), 405);
        cr_expect_neq(status("POST / HTTP/1.1\r\n" LOCAL "Content-Length: 99999999\r\n" CLOSE), 200);
}

Test(admin_http, a_head_has_an_end)
{
        char *request = malloc(1 << 17);
        int len = sprintf(request, "GET / HTTP/1.1\r\n" LOCAL "X: ");

        open_page();
        memset(request + len, 'x', 40000);
        strcpy(request + len + 40000, "\r\n" CLOSE);
        cr_expect_neq(status(request), 200);
        free(request);
}

Test(admin_http, a_rebound_name_is_turned_away)
{
        open_page();
        cr_expect_eq(status("GET / HTTP/1.1\r\nHost: evil.example\r\n" CLOSE), 421);
        cr_expect_not(has("the page"));
        cr_expect_not(has("evil"));
        cr_expect_eq(status("GET /api/v1/summary HTTP/1.1\r\nHost: evil.example:8080\r\n" CLOSE), 421);
        cr_expect_eq(status("GET http://127.0.0.1/ HTTP/1.1\r\nHost: evil.example\r\n" CLOSE), 421);
        cr_expect_eq(status("GET / HTTP/1.0\r\n\r\n"), 421);
        cr_expect_eq(status("GET / HTTP/1.1\r\nHost: localhost:8080\r\n" CLOSE), 200);
        cr_expect_eq(status("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n" CLOSE), 200);
}

Test(admin_http, hosts_that_are_ours)
{
        static const char *const good[] = {"127.0.0.1",    "127.0.0.1:8080",   "192.0.2.7",
                                           "[::1]",        "[2001:db8::1]:80", "localhost",
                                           "LocalHost:80", "Gateway.lan:8080", "gateway.lan"};
        static const char *const bad[] = {"",
                                          ":80",
                                          "evil.example",
                                          "localhost.evil.example",
                                          "127.0.0.1.evil.example",
                                          "[::1",
                                          "[::1x]",
                                          "127.0.0.1@evil",
                                          "gateway.lan.evil",
                                          "1",
                                          "::1",
                                          "gateway.",
                                          "0x7f.1",
                                          "[127.0.0.1]",
                                          "[]"};

        for (size_t i = 0; i < sizeof good / sizeof *good; i++)
                cr_expect(page_host_allowed(good[i], "gateway.lan:8080"), "%s", good[i]);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
                cr_expect_not(page_host_allowed(bad[i], "gateway.lan:8080"), "%s", bad[i]);
        cr_expect_not(page_host_allowed("", ":8080"));
        cr_expect_not(page_host_allowed(":1", ":8080"));
}

Test(admin_http, with_passwords_nothing_without_one)
{
        static const char *const paths[] = {"/", "/metrics", "/api/v1/summary", "/nothing"};
        struct crypt_data data = {0};
        char text[256], request[256];

        snprintf(text, sizeof text, "ann:%s\n", crypt_r("sesame", "$5$rounds=1000$salt", &data));
        put("passwords", text);
        m.config.admin.password_file = password_file;
        open_page();
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" LOCAL CLOSE, paths[i]);
                cr_expect_eq(status(request), 401, "%s", paths[i]);
                cr_expect(has("WWW-Authenticate: Basic realm=\"Limpid\""));
        }
        cr_expect_eq(status("GET / HTTP/1.1\r\n" LOCAL "Authorization: Basic YW5uOnNlc2FtZQ==\r\n" CLOSE), 200);
        for (int i = 0; status("GET / HTTP/1.1\r\n" LOCAL "Authorization: Basic YW5uOng=\r\n" CLOSE) != 429; i++)
                cr_assert(i < 1000 && has(" 401 "));
        cr_expect(has("Retry-After: 1\r\n"));
}

Test(admin_http, bad_password_files_keep_the_page_shut)
{
        m.config.admin.password_file = "/nonexistent/passwords";
        cr_expect_null(page_open(base, w, &m.config));
        m.config.admin.password_file = password_file;
        put("passwords", "ann\n");
        cr_expect_null(page_open(base, w, &m.config));
        put("passwords", "");
        cr_expect_null(page_open(base, w, &m.config));
}

Test(admin_http, without_its_files_the_numbers_are_still_there)
{
        setenv("LIMPID_WWW", "/nonexistent", 1);
        open_page();
        cr_expect_eq(status(GET("/")), 404);
        cr_expect_eq(status(GET("/metrics")), 200);
}

Test(admin_http, connections_are_bounded_and_come_back)
{
        int fds[80];
        ssize_t n;

        open_page();
        for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
                fds[i] = join();
                turn();
        }
        /* The kernel has taken the last of them, we have not: nobody answers. */
        cr_assert_eq(send(fds[79], GET("/"), strlen(GET("/")), MSG_NOSIGNAL), (ssize_t)strlen(GET("/")));
        for (int i = 0; i < 50; i++)
                turn();
        cr_expect_eq(recv(fds[79], reply, 1, MSG_DONTWAIT), -1);
        for (size_t i = 0; i < 79; i++)
                close(fds[i]);
        do {
                turn();
                page_tick(page);
                n = recv(fds[79], reply, sizeof reply, MSG_DONTWAIT);
        } while (n < 0 && errno == EAGAIN);
        cr_expect_gt(n, 0);
        close(fds[79]);
}

Test(admin_http, a_connection_serves_many_requests)
{
        static const char request[] = "GET / HTTP/1.1\r\n" LOCAL "\r\n";
        int fd;

        open_page();
        fd = join();
        for (int i = 0; i < 200; i++) {
                ssize_t n;

                cr_assert_eq(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), (ssize_t)sizeof request - 1);
                for (size_t len = 0; !len || !strstr(reply, "</p>"); reply[len] = '\0') {
                        turn();
                        n = recv(fd, reply + len, sizeof reply - 1 - len, MSG_DONTWAIT);
                        cr_assert(n > 0 || (n < 0 && errno == EAGAIN));
                        len += n > 0 ? (size_t)n : 0;
                }
                reply[0] = '\0';
                page_tick(page);
        }
        close(fd);
}

/* ---- where it listens -------------------------------------------------------------------------------------------- */

Test(admin_listen, only_this_machine_without_a_password)
{
        static const char *const open_to_others[] = {"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0"};
        static const char *const nonsense[] = {"8080",      "127.0.0.1", "127.0.0.1:", "127.0.0.1:http!",
                                               "[::1]8080", "?:1"};

        for (size_t i = 0; i < sizeof open_to_others / sizeof *open_to_others; i++) {
                m.config.admin.listen = open_to_others[i];
                cr_expect_null(page_open(base, w, &m.config), "%s", open_to_others[i]);
        }
        for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
                m.config.admin.listen = nonsense[i];
                cr_expect_null(page_open(base, w, &m.config), "%s", nonsense[i]);
        }
}

Test(admin_listen, everywhere_with_a_password)
{
        put("passwords", "ann:$5$x\n");
        m.config.admin.password_file = password_file;
        m.config.admin.listen = "0.0.0.0:0";
        open_page();
        cr_expect_eq(status(GET("/")), 401);
}

Test(admin_listen, the_other_loopbacks)
{
        static const char *const loopbacks[] = {"[::1]:0", "localhost:0", "127.8.8.8:0"};

        for (size_t i = 0; i < sizeof loopbacks / sizeof *loopbacks; i++) {
                m.config.admin.listen = loopbacks[i];
                open_page();
                page_close(&page);
        }
}

Test(admin_listen, a_port_that_is_taken)
{
        char listen[32];

        open_page();
        snprintf(listen, sizeof listen, "127.0.0.1:%u", (unsigned)page_port(page));
        m.config.admin.listen = listen;
        cr_expect_null(page_open(base, w, &m.config));
}

Test(admin_listen, a_name_longer_than_names_are)
{
        char listen[400];

        memset(listen, 'x', sizeof listen);
        strcpy(listen + 390, ":80");
        m.config.admin.listen = listen;
        cr_expect_null(page_open(base, w, &m.config));
}
