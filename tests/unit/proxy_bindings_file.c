/* proxy/bindings_file.c: what is written is read again; what is damaged, missing or cannot be written does no harm. */
#include "proxy/bindings_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { NOW = 1700000000 };

static const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {0x010200c0}};
static char directory[] = "/tmp/bindings-XXXXXX", path[64];

static void open_directory(void)
{
        cr_assert_not_null(mkdtemp(directory));
        snprintf(path, sizeof path, "%s/bindings", directory);
}

static void close_directory(void)
{
        unlink(path);
        rmdir(directory);
}

TestSuite(bindings_file, .init = open_directory, .fini = close_directory);

static struct bindings *table(bool with)
{
        struct bindings *b = bindings_new(100);

        cr_assert_not_null(b);
        if (with)
                bindings_learn(b, SPAN("a.test"), (const struct sockaddr *)&address, 60, NOW);
        return b;
}

Test(bindings_file, what_is_written_is_read)
{
        struct bindings *b = table(true), *again = table(false);

        cr_assert(bindings_changed(b));
        cr_assert_eq(bindings_file_write(b, directory), 0);
        cr_assert_not(bindings_changed(b));
        cr_assert_eq(bindings_file_write(b, directory), 0, "in place of the one that is there");
        cr_assert_eq(bindings_file_read(again, directory), 0);
        cr_assert_eq(bindings_look(again, SPAN("a.test"), (const struct sockaddr *)&address, NOW), BINDING_BOUND);
        bindings_free(b);
        bindings_free(again);
}

Test(bindings_file, none_or_a_damaged_one_is_said)
{
        struct bindings *b = table(true), *again = table(false);

        cr_assert_eq(bindings_file_read(again, directory), ENOENT);
        cr_assert_eq(bindings_file_write(b, directory), 0);
        cr_assert_eq(truncate(path, 40), 0);
        cr_assert_eq(bindings_file_read(again, directory), EINVAL);
        cr_assert_eq(bindings_count(again, NOW), 0);
        bindings_free(b);
        bindings_free(again);
}

Test(bindings_file, what_cannot_be_written_is_said)
{
        struct bindings *b = table(true);

        cr_assert_eq(bindings_file_write(b, "/nonexistent"), ENOENT);
        cr_assert(bindings_changed(b), "and tried again");
        bindings_free(b);
}
