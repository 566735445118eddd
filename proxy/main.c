/* limpid: the program's entry; a table of subcommands. And the handlers of SIGBUS and of what ends the program, since a
 * handler has no argument: what they know lies in a global. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cache/store.h"
#include "proxy/command.h"
#include "proxy/sigbus.h"

static struct {
        struct store *const *stores;
        size_t count;
        uintptr_t page; /* bytes */
        struct sigaction before[NSIG];
} watched;

/* As if nobody had watched: the same access again is the end, or the same signal, where it was sent (abort(3) does). */
static void on_death(int sign, siginfo_t *info, void *context)
{
        (void)context;
        for (size_t i = 0; i < watched.count; i++)
                if (watched.stores[i])
                        store_died(watched.stores[i]);
        sigaction(sign, &watched.before[sign], NULL);
        if (info->si_code <= 0)
                raise(sign);
}

/* What is called here is safe in a handler: an atomic store, and mmap(2), which is a bare system call. */
static void on_sigbus(int sign, siginfo_t *info, void *context)
{
        uintptr_t page = (uintptr_t)info->si_addr & ~(watched.page - 1);
        bool ours = false;

        (void)context;
        for (size_t i = 0; i < watched.count; i++)
                ours = ours || (watched.stores[i] && store_sigbus(watched.stores[i], info->si_addr));
        if (!ours ||
            mmap((void *)page, watched.page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
                on_death(sign, info, context);
}

static void watch(int sign, void (*handler)(int, siginfo_t *, void *))
{
        struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO}, before;

        sigemptyset(&action.sa_mask);
        if (sigaction(sign, &action, &before) == 0 && before.sa_sigaction != handler) /* else it was watched already */
                watched.before[sign] = before;
}

void sigbus_watch(struct store *const *stores, size_t count)
{
        static const int deaths[] = {SIGSEGV, SIGFPE, SIGILL, SIGABRT};

        watched.stores = stores;
        watched.count = count;
        watched.page = (uintptr_t)sysconf(_SC_PAGESIZE);
        watch(SIGBUS, on_sigbus);
        for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++)
                watch(deaths[i], on_death);
}

struct command {
        const char *name, *words, *purpose;
        int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
        {"run", "[-c FILE]", "apply the set-up, serve, undo the set-up at the end", command_run},
        {"setup", "up|down|show|check [-c FILE]", "the kernel side alone", command_setup},
        {"doctor", "[-c FILE]", "say what is wrong with this machine, and what mends it", command_doctor},
        {"check", "[-c FILE]", "read the configuration, say what is wrong with it", command_check},
        {"stats", "[-c FILE]", "the numbers of the running proxy", command_stats},
        {"top", "[-c FILE]", "the same, live", command_top},
        {"why", "[-c FILE] [-H FIELD] URL", "what is stored for a URL, and whether it is reused", command_why},
        {"purge", "[-c FILE] URL | --host HOST | --all", "remove stored responses", command_purge},
        {"version", "", "print the version", command_version},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void usage(FILE *to)
{
        fprintf(to, "limpid: a transparent HTTP cache for a gateway\n\n");
        for (size_t i = 0; i < COMMANDS; i++)
                fprintf(to, "  limpid %-7s %-36s %s\n", commands[i].name, commands[i].words, commands[i].purpose);
        fprintf(to, "\nlimpid(8) and limpid.conf(5) say more.\n");
}

static const struct command *find_command(const char *name)
{
        if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
                name = "version";
        for (size_t i = 0; i < COMMANDS; i++)
                if (strcmp(name, commands[i].name) == 0)
                        return &commands[i];
        return NULL;
}

static bool asks_for_help(const char *word)
{
        return word && (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0);
}

int main(int argc, char **argv)
{
        const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
        char name[32];

        if (asks_for_help(argv[1]) || (command && asks_for_help(argv[2]))) {
                usage(stdout);
                return 0;
        }
        if (command) {
                snprintf(name, sizeof name, "limpid %s", command->name);
                argv[1] = name;
                return command->run(argc - 1, argv + 1);
        }
        if (argc > 1)
                fprintf(stderr, "limpid: there is no command '%s'%s\n\n", argv[1],
                        argv[1][0] == '-' ? "; options follow the command" : "");
        usage(stderr);
        return 2;
}
