/* `limpid stats`, `limpid top`, `limpid why` and `limpid purge`: each reads the configuration for the control socket's
 * path, asks, and prints. Exit status 0, or 1 with one line on stderr; 2 is for a command line that makes no sense. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/command.h"
#include "proxy/config.h"
#include "proxy/control_ask.h"
#include "proxy/purge.h"
#include "proxy/stats_text.h"
#include "proxy/why_text.h"

enum { STATUS_GOOD, STATUS_FAILED, STATUS_USAGE };
enum { STATS_HOSTS = 10, TOP_HOSTS = 15 };

struct options {
        const char *config;
        const char *host, *url;
        bool json, all;
        long count; /* of frames; 0: without end */
};

static int usage(const char *text)
{
        fprintf(stderr, "usage: limpid %s\n", text);
        return STATUS_USAGE;
}

/* What the running one would refuse is not asked of it. */
static bool is_url(const char *command, const char *text)
{
        char *buffer = malloc(KEY_TEXT_MAX);
        struct span key;
        const char *wrong = buffer ? purge_url((struct span){text, strlen(text)}, buffer, &key) : NULL;

        if (wrong)
                fprintf(stderr, "%s: '%s': %s\n", command, text, wrong);
        free(buffer);
        return !wrong;
}

/* What follows the options, at most one word. */
static bool take_url(struct options *o, int argc, char **argv)
{
        o->url = argv[optind];
        if (o->url)
                optind++;
        return command_ends(argc, argv) && (!o->url || is_url(argv[0], o->url));
}

/* Reads the options of any of the commands; `letters` and `names` are those that this one has. False if it has not. */
static bool read_options(struct options *o, int argc, char **argv, const char *letters, const struct option *names)
{
        int option;

        *o = (struct options){.config = CONFIG_PATH};
        optind = 1;
        while ((option = getopt_long(argc, argv, letters, names, NULL)) != -1) {
                switch (option) {
                case 'c':
                        o->config = optarg;
                        break;
                case 'j':
                        o->json = true;
                        break;
                case 'H':
                        o->host = optarg;
                        break;
                case 'a':
                        o->all = true;
                        break;
                case 'n':
                        o->count = strtol(optarg, NULL, 10);
                        break;
                default:
                        return false;
                }
        }
        return take_url(o, argc, argv);
}

static struct ask *connect_to(const char *config_path)
{
        struct config *config = config_read(config_path, stderr);
        struct ask *connection = NULL;
        char why[ASK_WHY];

        if (!config)
                return NULL;
        if (config->admin.control[0]) {
                connection = ask_open(config->admin.control, why);
                if (!connection)
                        fprintf(stderr, "%s\n", why);
        } else {
                fprintf(stderr, "limpid: %s: admin.control is empty: there is no control socket to ask\n", config_path);
        }
        config_free(&config);
        return connection;
}

/* Takes the request's reference. The reply, or NULL with the reason said. */
static json_t *converse(struct ask *connection, json_t *request)
{
        char why[ASK_WHY] = "out of memory";
        json_t *reply = request ? ask(connection, request, why) : NULL;

        json_decref(request);
        if (!reply)
                fprintf(stderr, "limpid: %s\n", why);
        return reply;
}

/* Whether what was printed has arrived: a full disk or a closed pipe is a failure. */
static int flushed(void)
{
        return fflush(stdout) == 0 && !ferror(stdout) ? STATUS_GOOD : STATUS_FAILED;
}

/* ---- stats ------------------------------------------------------------------------------------------------------- */

int command_stats(int argc, char **argv)
{
        static const struct option names[] = {{"json", no_argument, NULL, 'j'}, {0}};
        struct ask *connection;
        const json_t *summary;
        struct options o;
        json_t *reply;

        if (!read_options(&o, argc, argv, "c:", names) || o.url)
                return usage("stats [-c FILE] [--json]");
        connection = connect_to(o.config);
        reply = connection ? converse(connection, json_pack("{s:s}", "command", "stats")) : NULL;
        ask_close(&connection);
        if (!reply)
                return STATUS_FAILED;
        summary = json_object_get(reply, "summary");
        if (o.json) {
                json_dumpf(summary, stdout, JSON_INDENT(2));
                putchar('\n');
        } else {
                stats_overview(stdout, summary, STATS_HOSTS);
                stats_counters(stdout, summary);
        }
        json_decref(reply);
        return flushed();
}

/* ---- top --------------------------------------------------------------------------------------------------------- */

/* On a terminal each frame is written over the last one, line by line, so that nothing flickers. */
static void print_frame(const json_t *summary, bool terminal)
{
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);

        if (!out)
                return;
        stats_overview(out, summary, TOP_HOSTS);
        if (fclose(out) == 0 && !terminal)
                printf("%s\n", text);
        for (char *line = text, *end; terminal && line && *line; line = end + 1) {
                end = strchr(line, '\n');
                if (line == text)
                        fputs("\033[H", stdout);
                printf("%.*s\033[K\n", (int)(end - line), line);
        }
        if (terminal)
                fputs("\033[J", stdout);
        free(text);
}

static int show_frames(struct ask *connection, long count)
{
        static const struct timespec second = {1, 0};
        bool terminal = isatty(STDOUT_FILENO);

        if (terminal)
                fputs("\033[2J", stdout);
        for (long frame = 0; count == 0 || frame < count; frame++) {
                json_t *reply;

                if (frame > 0)
                        nanosleep(&second, NULL);
                reply = converse(connection, json_pack("{s:s}", "command", "stats"));
                if (!reply)
                        return STATUS_FAILED;
                print_frame(json_object_get(reply, "summary"), terminal);
                json_decref(reply);
                if (flushed() != STATUS_GOOD)
                        return STATUS_FAILED;
        }
        return STATUS_GOOD;
}

int command_top(int argc, char **argv)
{
        static const struct option names[] = {{0}};
        struct ask *connection;
        struct options o;
        int status;

        if (!read_options(&o, argc, argv, "c:n:", names) || o.url || o.count < 0)
                return usage("top [-c FILE] [-n COUNT]");
        connection = connect_to(o.config);
        status = connection ? show_frames(connection, o.count) : STATUS_FAILED;
        ask_close(&connection);
        return status;
}

/* ---- why --------------------------------------------------------------------------------------------------------- */

/* The fields of -H are added to `fields`. False: the words make no sense. */
static bool read_why(struct options *o, json_t *fields, int argc, char **argv)
{
        static const struct option names[] = {{"json", no_argument, NULL, 'j'}, {0}};
        int option;

        *o = (struct options){.config = CONFIG_PATH};
        optind = 1;
        while ((option = getopt_long(argc, argv, "c:H:", names, NULL)) != -1) {
                if (option == 'c')
                        o->config = optarg;
                else if (option == 'j')
                        o->json = true;
                else if (option != 'H' || json_array_append_new(fields, json_string(optarg)) != 0)
                        return false;
        }
        return take_url(o, argc, argv) && o->url;
}

static int print_why(const struct options *o, const json_t *reply)
{
        const json_t *why = json_object_get(reply, "why");

        if (o->json) {
                json_dumpf(why, stdout, JSON_INDENT(2));
                putchar('\n');
        } else {
                why_text(stdout, why);
        }
        return flushed();
}

int command_why(int argc, char **argv)
{
        json_t *fields = json_array(), *reply = NULL;
        struct ask *connection;
        struct options o;
        int status = STATUS_FAILED;

        if (!read_why(&o, fields, argc, argv)) {
                json_decref(fields);
                return usage("why URL [-H 'Field: value']... [-c FILE] [--json]");
        }
        connection = connect_to(o.config);
        if (connection)
                reply = converse(connection,
                                 json_pack("{s:s, s:s, s:O}", "command", "why", "url", o.url, "fields", fields));
        ask_close(&connection);
        if (reply)
                status = print_why(&o, reply);
        json_decref(reply);
        json_decref(fields);
        return status;
}

/* ---- purge ------------------------------------------------------------------------------------------------------- */

static json_t *purge_request(const struct options *o)
{
        if (o->url)
                return json_pack("{s:s, s:s}", "command", "purge", "url", o->url);
        if (o->host)
                return json_pack("{s:s, s:s}", "command", "purge", "host", o->host);
        return json_pack("{s:s, s:b}", "command", "purge", "all", 1);
}

int command_purge(int argc, char **argv)
{
        static const struct option names[] = {
                {"host", required_argument, NULL, 'H'}, {"all", no_argument, NULL, 'a'}, {0}};
        struct ask *connection;
        struct options o;
        json_int_t removed;
        json_t *reply;

        if (!read_options(&o, argc, argv, "c:", names) || !o.url + !o.host + !o.all != 2)
                return usage("purge URL | --host HOST | --all [-c FILE]");
        connection = connect_to(o.config);
        reply = connection ? converse(connection, purge_request(&o)) : NULL;
        ask_close(&connection);
        if (!reply)
                return STATUS_FAILED;
        removed = json_integer_value(json_object_get(reply, "removed"));
        printf("%" JSON_INTEGER_FORMAT " stored response%s removed\n", removed, removed == 1 ? "" : "s");
        json_decref(reply);
        return flushed();
}
