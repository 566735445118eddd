/* The commands as they are typed: what they print, on which of the outputs, and their exit status. */
#include "proxy_made_up.h"

#include <criterion/redirect.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proxy/admin.h"
#include "proxy/command.h"

static struct made_up m;
static struct admin *admin;
static char folder[] = "/tmp/limpid-client-XXXXXX", control[128], config[128];
static struct {
        enum purge_kind kind;
        char text[128];
} purge;

int store_purge(struct store *s, enum purge_kind kind, struct span text, void (*done)(void *, int64_t), void *context)
{
        (void)s;
        purge.kind = kind;
        snprintf(purge.text, sizeof purge.text, "%.*s", (int)text.len, text.len ? text.at : "");
        done(context, kind == PURGE_HOST ? 0 : 1);
        return 0;
}

static void write_config(const char *control_path)
{
        FILE *out = fopen(config, "w");

        cr_assert_not_null(out);
        fprintf(out, "intercept { interfaces = {\"lan0\"} }\nadmin { listen = \"\" control = \"%s\" }\n", control_path);
        fclose(out);
}

static void open_all(void)
{
        made_up_open(&m);
        m.proxy.store_count = 1;
        cr_assert_not_null(mkdtemp(folder));
        snprintf(control, sizeof control, "%s/control", folder);
        snprintf(config, sizeof config, "%s/limpid.conf", folder);
        write_config(control);
        m.config.admin.control = control;
        cr_redirect_stdout();
        cr_redirect_stderr();
}

static void start(void)
{
        cr_assert_eq(admin_start(&admin, &m.proxy), 0);
}

static void close_all(void)
{
        admin_stop(&admin);
        made_up_close(&m);
        unlink(config);
        rmdir(folder);
}

TestSuite(control_client, .init = open_all, .fini = close_all);

/* argv[0] is the command's name, as main leaves it. */
#define RUN(command, ...)                                                                                              \
        command((int)(sizeof((const char *[]){"command", __VA_ARGS__}) / sizeof(char *)),                              \
                (char **)(uintptr_t)(const char *[]){"command", __VA_ARGS__, NULL})

static const char *output(FILE *from)
{
        static char text[1 << 18];
        size_t len = fread(text, 1, sizeof text - 1, from);

        text[len] = '\0';
        return text;
}

/* What has been printed; ends stdout. */
static const char *printed(void)
{
        fclose(stdout);
        return output(cr_get_redirected_stdout());
}

static const char *complained(void)
{
        fclose(stderr);
        return output(cr_get_redirected_stderr());
}

Test(control_client, stats)
{
        const char *text;

        start();
        count(&m.counters[0], COUNTER_requests, 42);
        cr_expect_eq(RUN(command_stats, "-c", config), 0);
        text = printed();
        cr_expect_not_null(strstr(text, "Limpid " LIMPID_VERSION));
        cr_expect_not_null(strstr(text, "\nrequests                           42\n"));
}

Test(control_client, stats_as_json)
{
        start();
        cr_expect_eq(RUN(command_stats, "--json", "-c", config), 0);
        cr_expect_not_null(strstr(printed(), "\n  \"uptime\": "));
}

Test(control_client, top_shows_so_many_frames)
{
        const char *text, *first;

        start();
        cr_expect_eq(RUN(command_top, "-c", config, "-n", "2"), 0);
        text = printed();
        first = strstr(text, "Limpid ");
        cr_assert_not_null(first);
        first = strstr(first + 1, "Limpid ");
        cr_assert_not_null(first);
        cr_expect_null(strstr(first + 1, "Limpid "));
        cr_expect_null(strchr(text, '\033'), "this is no terminal");
}

Test(control_client, purge_of_a_url)
{
        start();
        cr_expect_eq(RUN(command_purge, "http://a.example/x", "-c", config), 0);
        cr_expect_str_eq(printed(), "1 stored response removed\n");
        admin_stop(&admin); /* `purge` is that thread's */
        cr_expect_eq(purge.kind, PURGE_URL);
        cr_expect_str_eq(purge.text, "http://a.example:80/x");
}

Test(control_client, purge_of_a_host)
{
        start();
        cr_expect_eq(RUN(command_purge, "--host", "a.example", "-c", config), 0);
        cr_expect_str_eq(printed(), "0 stored responses removed\n");
        admin_stop(&admin);
        cr_expect_str_eq(purge.text, "a.example");
}

Test(control_client, purge_of_all)
{
        start();
        cr_expect_eq(RUN(command_purge, "-c", config, "--all"), 0);
        admin_stop(&admin);
        cr_expect_eq(purge.kind, PURGE_ALL);
}

Test(control_client, a_refusal_is_one_line_and_status_1)
{
        start();
        cr_expect_eq(RUN(command_purge, "--host", "a/b", "-c", config), 1);
        cr_expect_str_eq(complained(), "limpid: this is no host's name\n");
}

Test(control_client, it_is_not_running)
{
        char want[256];

        cr_expect_eq(RUN(command_stats, "-c", config), 1);
        snprintf(want, sizeof want, "limpid is not running: no control socket at %s\n", control);
        cr_expect_str_eq(complained(), want);
        cr_expect_str_eq(printed(), "");
}

Test(control_client, top_and_purge_without_a_running_limpid)
{
        cr_expect_eq(RUN(command_top, "-c", config), 1);
        cr_expect_eq(RUN(command_purge, "--all", "-c", config), 1);
        cr_expect_not_null(strstr(complained(), "no control socket at"));
}

Test(control_client, a_configuration_that_is_wrong_or_missing)
{
        cr_expect_eq(RUN(command_stats, "-c", "/nonexistent/limpid.conf"), 1);
        cr_expect_not_null(strstr(complained(), "/nonexistent/limpid.conf"));
}

Test(control_client, a_configuration_without_a_control_socket)
{
        write_config("");
        if (RUN(command_stats, "-c", config) == 1)
                cr_expect_not_null(strstr(complained(), "control"));
        else
                cr_expect_fail("there is nothing to ask");
}

Test(control_client, what_makes_no_sense)
{
        cr_expect_eq(RUN(command_stats, "-c", config, "more"), 2);
        cr_expect_eq(RUN(command_stats, "--all"), 2);
        cr_expect_eq(RUN(command_top, "-n", "-1"), 2);
        cr_expect_eq(RUN(command_top, "--json"), 2);
        cr_expect_eq(RUN(command_purge, "-c", config), 2);
        cr_expect_eq(RUN(command_purge, "", "-c", config), 2);
        cr_expect_eq(RUN(command_purge, "https://a.example/", "-c", config), 2);
        cr_expect_eq(RUN(command_why, "http://", "-c", config), 2);
        cr_expect_eq(RUN(command_purge, "--all", "http://a/"), 2);
        cr_expect_eq(RUN(command_purge, "--all", "--host", "a"), 2);
        cr_expect_eq(RUN(command_purge, "http://a/", "http://b/"), 2);
        cr_expect_not_null(strstr(complained(), "usage: limpid purge URL | --host HOST | --all [-c FILE]"));
}

Test(control_client, what_cannot_be_printed_is_a_failure)
{
        start();
        cr_assert_not_null(freopen("/dev/full", "w", stdout));
        cr_expect_eq(RUN(command_stats, "-c", config), 1);
}
