/* Runs the tests of a Criterion program under ThreadSanitizer.
 *
 * Criterion's own runner gives each test a process that maps an arena at addresses which ThreadSanitizer keeps for
 * itself, and so cannot start there. This file, linked into the program, stands before the functions of libcriterion
 * that a test calls, `main` among them: it forks for each test, runs it, and takes the exit status. A race that was
 * found is ThreadSanitizer's exit status, and so a failed test. Of the options it knows --json=FILE (the four totals
 * alone) and
 * --filter=SUITE/NAME-PREFIX. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak)), *__stop_cr_sts[] __attribute__((weak));

enum { TIMEOUT_S = 220, SKIPPED = 77 };

/* In the child: the test that runs, and whether an assertion of it did not hold. */
static const struct criterion_test *current;
static bool failed;

void criterion_send_assert(struct criterion_assert_stats *stats)
{
        if (stats->passed)
                return;
        failed = true;
        fprintf(stderr, "%s:%u: %s\n", stats->file, stats->line, stats->message ? stats->message : "assertion failed");
}

void criterion_abort_test(void)
{
        exit(1);
}

void criterion_continue_test(void)
{
}

void criterion_skip_test(const char *format, ...)
{
        (void)format;
        exit(SKIPPED);
}

void criterion_test_die(const char *message, ...)
{
        fprintf(stderr, "%s\n", message);
        exit(1);
}

void criterion_internal_test_setup(void)
{
}

void criterion_internal_test_main(void (*test)(void))
{
        if (current->data->kind_ != CR_TEST_PARAMETERIZED) {
                test();
                return;
        }
        struct criterion_test_params all = current->data->param_();
        for (size_t i = 0; i < all.length; i++)
                ((void (*)(void *))(void *)test)((char *)all.params + i * all.size);
}

void criterion_internal_test_teardown(void)
{
}

static const struct criterion_test_extra_data *suite_of(const struct criterion_test *t)
{
        static const struct criterion_test_extra_data none;
        for (struct criterion_suite **s = __start_cr_sts; s < __stop_cr_sts; s++)
                if (!strcmp((*s)->name, t->category))
                        return (*s)->data;
        return &none;
}

/* In the child: fixtures and test; never returns. */
static void run_here(const struct criterion_test *t, const struct criterion_test_extra_data *suite)
{
        void (*init)(void) = t->data->init ? t->data->init : suite->init;
        void (*fini)(void) = t->data->fini ? t->data->fini : suite->fini;
        current = t;
        alarm(TIMEOUT_S);
        if (init)
                init();
        t->test();
        if (fini)
                fini();
        exit(failed ? 1 : 0);
}

static int run(const struct criterion_test *t)
{
        const struct criterion_test_extra_data *suite = suite_of(t);
        int signal_wanted = t->data->signal ? t->data->signal : suite->signal;
        if (t->data->disabled || suite->disabled)
                return SKIPPED;
        pid_t child = fork();
        if (child == 0)
                run_here(t, suite);
        int status;
        if (child < 0 || waitpid(child, &status, 0) < 0)
                return 1;
        if (WIFSIGNALED(status))
                return WTERMSIG(status) != signal_wanted;
        if (WEXITSTATUS(status) == SKIPPED)
                return SKIPPED;
        return signal_wanted != 0 || WEXITSTATUS(status) != t->data->exit_code;
}

static void write_json(const char *path, unsigned passed, unsigned bad, unsigned skipped)
{
        FILE *f = fopen(path, "w");
        if (!f)
                exit(2);
        fprintf(f, "{\"passed\": %u, \"failed\": %u, \"errored\": 0, \"skipped\": %u}\n", passed, bad, skipped);
        fclose(f);
}

int main(int argc, char **argv)
{
        const char *json = NULL, *filter = "";
        unsigned passed = 0, bad = 0, skipped = 0;
        for (int i = 1; i < argc; i++) {
                json = strncmp(argv[i], "--json=", 7) ? json : argv[i] + 7;
                filter = strncmp(argv[i], "--filter=", 9) ? filter : argv[i] + 9;
        }
        for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++) {
                if (strncmp((*t)->data->identifier_, filter, strlen(filter)))
                        continue;
                int result = run(*t);
                passed += result == 0;
                skipped += result == SKIPPED;
                bad += result != 0 && result != SKIPPED;
                if (result && result != SKIPPED)
                        fprintf(stderr, "[FAIL] %s\n", (*t)->data->identifier_);
        }
        fprintf(stderr, "%u passing, %u failing, %u skipped\n", passed, bad, skipped);
        if (json)
                write_json(json, passed, bad, skipped);
        return bad ? 1 : 0;
}
