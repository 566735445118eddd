/* What several commands share, and those that are too small for a file. */
#include "proxy/command.h"

#include <stdio.h>
#include <unistd.h>

#include "proxy/config.h"
#include "proxy/privilege.h"

bool command_ends(int argc, char **argv)
{
        if (optind < argc)
                fprintf(stderr, "%s: '%s' is too much\n", argv[0], argv[optind]);
        return optind >= argc;
}

const char *command_config(int argc, char **argv)
{
        const char *path = CONFIG_PATH;
        int option;

        optind = 1;
        while ((option = getopt(argc, argv, "c:")) != -1) {
                if (option != 'c')
                        return NULL;
                path = optarg;
        }
        return command_ends(argc, argv) ? path : NULL;
}

int command_misused(const char *usage)
{
        fprintf(stderr, "usage: limpid %s\n", usage);
        return 2;
}

bool command_lacks_root(const struct config *config)
{
        const char *missing = geteuid() != 0 ? privilege_missing(config) : NULL;

        if (missing)
                fprintf(stderr, "limpid: %s\n", missing);
        return missing != NULL;
}

/* Only the kernel knows, and it tells only who may change the rules. If it takes none of ours it is not the condition.
 */
static bool match_good(const struct config *config, const char *path)
{
        struct setup_options without = config->setup;
        struct setup_text why = {NULL, 0, 0}, ignored = {NULL, 0, 0};
        bool good = !without.match[0] || setup_try(&config->setup, &why) == 0;

        without.match = "";
        if (!good)
                good = setup_try(&without, &ignored) != 0;
        if (!good)
                fprintf(stderr, "%s: intercept.match: %s\n", path, why.at ? why.at : "is not taken");
        setup_text_free(&ignored);
        setup_text_free(&why);
        return good;
}

int command_check(int argc, char **argv)
{
        const char *path = command_config(argc, argv);
        struct config *config;
        int status;

        if (!path)
                return command_misused("check [-c FILE]");
        config = config_read(path, stderr);
        if (!config)
                return 1;
        status = match_good(config, path) ? 0 : 1;
        config_free(&config);
        return status;
}

int command_version(int argc, char **argv)
{
        (void)argv;
        if (argc > 1)
                return command_misused("version");
        printf("limpid %s\n", LIMPID_VERSION);
        return 0;
}
