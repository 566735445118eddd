/* ratio [-s FOLDER] [-l FILE] [TRACE…]: the hit ratios of a real store and of simulated policies, as a table of
 * Markdown.
 *
 * Each trace (all, unless some are named) goes through a store in FOLDER (default: /dev/shm), which is removed again,
 * and then through each policy and the bound. These get as many bytes as the store's bodies took in the mean: so the
 * table compares rules and not layouts. What the store's size would have given S3-FIFO stands in a column of its own.
 * The first fifth of a trace warms up and does not count. FILE gets a line of JSON for each figure. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/ratio/bound.h"
#include "tests/bench/ratio/replay.h"
#include "tests/bench/ratio/traces.h"

enum { WARM_UP = 5 /* a fifth */ };

static const struct policy *const policies[] = {&policy_fixed, &policy_s3fifo_once, &policy_s3fifo, &policy_sieve,
                                                &policy_lru,   &policy_gdsf,        &policy_belady};
static const size_t policies_count = sizeof policies / sizeof policies[0];

static void print_head(void)
{
        printf("| trace | once | store | bodies | limpid |");
        for (size_t i = 0; i < policies_count; i++)
                printf(" %s |", policies[i]->name);
        printf(" bound | s3-fifo-1, store's size |\n|---|---|---|---|---|");
        for (size_t i = 0; i < policies_count; i++)
                printf("---|");
        printf("---|---|\n");
}

static void tell(FILE *lines, const char *trace, const char *who, uint64_t bytes, const struct ratios *r)
{
        printf(" %.1f / %.1f |", 100 * r->objects, 100 * r->bytes);
        fflush(stdout);
        if (lines)
                fprintf(lines,
                        "{\"case\": \"ratio\", \"trace\": \"%s\", \"who\": \"%s\", \"bytes\": %lu, "
                        "\"object_hit_ratio\": %.5f, "
                        "\"byte_hit_ratio\": %.5f}\n",
                        trace, who, (unsigned long)bytes, r->objects, r->bytes);
}

static int store_of(const struct trace *t, const char *folder, uint64_t size, struct replayed *all)
{
        static const char *const files[] = {"data.mdb", "lock.mdb"};
        char path[4096], file[4200], message[STORE_MESSAGE];
        int error;

        snprintf(path, sizeof path, "%s/limpid-ratio-%ld", folder, (long)getpid());
        error = replay(t, path, size, t->count / WARM_UP, all, message);
        if (error)
                fprintf(stderr, "%s: error %d %s\n", path, error, message);
        for (size_t i = 0; i < 2; i++) {
                snprintf(file, sizeof file, "%s/%s", path, files[i]);
                unlink(file);
        }
        rmdir(path);
        return error;
}

static bool simulate(const struct trace *t, const char *name, uint64_t room, uint64_t size, FILE *lines)
{
        size_t from = t->count / WARM_UP;
        struct ratios r;

        for (size_t i = 0; i < policies_count; i++) {
                if (!policy_run(policies[i], t, room, from, &r))
                        return false;
                tell(lines, name, policies[i]->name, room, &r);
        }
        if (!bound_find(t, room, from, &r))
                return false;
        tell(lines, name, "bound", room, &r);
        if (!policy_run(&policy_s3fifo_once, t, size, from, &r))
                return false;
        tell(lines, name, "s3-fifo-1 at the store's size", size, &r);
        printf("\n");
        return true;
}

static bool one_trace(const struct trace_case *c, const char *folder, FILE *lines)
{
        uint64_t size = (uint64_t)c->store_mib << 20;
        struct trace_facts facts;
        struct replayed all;
        struct trace t;
        bool done;

        if (!trace_make(&t, &c->spec))
                return false;
        t.largest = size / 8;
        done = trace_look(&t, &facts) && store_of(&t, folder, size, &all) == 0;
        if (done) {
                printf("| %s | %.2f | %u MiB | %.0f %% |", c->spec.name, facts.once, c->store_mib,
                       100 * (double)all.held / (double)size);
                tell(lines, c->spec.name, "limpid", all.held, &all.ratios);
                done = simulate(&t, c->spec.name, all.held, size, lines);
        }
        trace_free(&t);
        return done;
}

static bool is_wanted(const char *name, char *const *names)
{
        bool any = *names != NULL;

        for (; *names; names++)
                if (strcmp(*names, name) == 0)
                        return true;
        return !any;
}

int main(int argc, char **argv)
{
        const char *folder = "/dev/shm";
        FILE *lines = NULL;
        bool done = true;
        int option;

        while ((option = getopt(argc, argv, "s:l:")) != -1) {
                if (option == 's')
                        folder = optarg;
                else if (option != 'l' || !(lines = fopen(optarg, "ae"))) {
                        fprintf(stderr, "usage: %s [-s FOLDER] [-l FILE] [TRACE...]\n", argv[0]);
                        return 2;
                }
        }
        print_head();
        for (size_t i = 0; done && i < traces_count; i++)
                if (is_wanted(traces[i].spec.name, argv + optind))
                        done = one_trace(&traces[i], folder, lines);
        if (lines && fclose(lines) != 0)
                done = false;
        return done ? 0 : 1;
}
