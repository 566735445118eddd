/* `limpid setup up|down|show|check`: the kernel side alone, for the operator and for scripts. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "proxy/command.h"
#include "proxy/config.h"
#include "proxy/instance.h"

typedef int action_fn(const struct setup_options *, struct setup_text *);

struct action {
        const char *name;
        action_fn *run;
        bool changes; /* the kernel: not where the operator installs the rules himself */
        bool says;    /* what it returns as text goes to standard output, else it is a complaint */
};

static int check(const struct setup_options *o, struct setup_text *out)
{
        struct setup_text wanted = {NULL, 0, 0};
        int error = setup_wanted(o, &wanted), found;

        if (error)
                fprintf(stderr, "limpid: the rules themselves cannot be compared: %s\n",
                        wanted.len ? wanted.at : strerror(-error));
        found = setup_check(o, error ? NULL : &wanted, out);
        setup_text_free(&wanted);
        return error && !found ? 1 : found;
}

static const struct action actions[] = {
        {"up", setup_up, true, false},     {"down", setup_down, true, false},
        {"show", setup_show, false, true}, {"show iptables", setup_show_iptables, false, true},
        {"check", check, false, true},
};

static const struct action show_iptables = {"show", setup_show_iptables, false, true};

static const struct action *find_action(const char *name)
{
        for (size_t i = 0; name && i < sizeof actions / sizeof actions[0]; i++)
                if (strcmp(actions[i].name, name) == 0)
                        return &actions[i];
        return NULL;
}

/* NULL: there is no such form of it. */
static const struct action *in_format(const struct action *a, const char *format)
{
        if (a->run != setup_show || strcmp(format, "nft") == 0)
                return a->run == setup_show ? a : NULL;
        return strcmp(format, "iptables") == 0 ? &show_iptables : NULL;
}

static int usage(void)
{
        fprintf(stderr, "usage: limpid setup up|down|check [-c FILE]\n"
                        "       limpid setup show [--format nft|iptables] [-c FILE]\n");
        return 2;
}

/* What is removed under a running program is back within a second. */
static void say_if_running(void)
{
        pid_t other = instance_running();

        if (other)
                fprintf(stderr, "limpid: limpid run goes on, as process %d, and puts it back: end that instead\n",
                        (int)other);
}

static int act(const struct action *a, const struct config *config)
{
        struct setup_text text = {NULL, 0, 0};
        int error;

        if (config->manual && a->changes) {
                printf("manual = true: the rules are the operator's, nothing is changed\n");
                return 0;
        }
        if ((a->changes || a->run == check) &&
            command_lacks_root(config)) /* to show the plan the kernel is not asked */
                return 1;
        if (a->run == setup_down)
                say_if_running();
        if (config->manual && a->run == check)
                fprintf(stderr, "limpid: manual = true: what is there is compared with the nft form of the rules\n");
        error = a->run(&config->setup, &text);
        if (a->says && text.len && error >= 0)
                printf("%s", text.at);
        else if (error)
                fprintf(stderr, "limpid: setup %s: %s\n", a->name,
                        text.len ? text.at : strerror(error < 0 ? -error : error));
        if (!error && a->run == check)
                printf("everything is as it should be\n");
        setup_text_free(&text);
        return error ? 1 : 0;
}

int command_setup(int argc, char **argv)
{
        static const struct option options[] = {{"format", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
        const struct action *a = find_action(argc > 1 ? argv[1] : NULL);
        const char *path = CONFIG_PATH, *format = NULL;
        struct config *config;
        int option, status;

        optind = 2;
        while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
                if (option == 'c')
                        path = optarg;
                else if (option == 'f')
                        format = optarg;
                else
                        return usage();
        }
        if (argc > 1 && !a)
                fprintf(stderr, "%s: there is no '%s'\n", argv[0], argv[1]);
        if (a && format && !(a = in_format(a, format)))
                fprintf(stderr, "%s: '%s' has no form '%s'\n", argv[0], argv[1], format);
        if (!a || !command_ends(argc, argv))
                return usage();
        config = config_read(path, stderr);
        if (!config)
                return 1;
        status = act(a, config);
        config_free(&config);
        return status;
}
