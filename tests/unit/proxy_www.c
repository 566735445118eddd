/* Files by exact path, and nothing else of the folder. */
#include "proxy/www.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/limpid-www-XXXXXX";
static struct www *w;

static void put(const char *name, size_t len)
{
        char path[128];
        FILE *out;

        snprintf(path, sizeof path, "%s/%s", folder, name);
        out = fopen(path, "w");
        cr_assert_not_null(out);
        for (size_t i = 0; i < len; i++)
                fputc('x', out);
        fclose(out);
}

static void make_folder(void)
{
        cr_assert_not_null(mkdtemp(folder));
}

static void remove_folder(void)
{
        static const char *const names[] = {"index.html", "style.css", "main.js", "secret", ""};
        char path[128];

        www_free(&w);
        www_free(&w);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                snprintf(path, sizeof path, "%s/%s", folder, names[i]);
                remove(path);
        }
}

TestSuite(www, .init = make_folder, .fini = remove_folder);

Test(www, files_of_the_table)
{
        const struct www_file *file;

        put("index.html", 10);
        put("style.css", 3);
        w = www_read(folder);
        cr_assert_not_null(w);
        file = www_find(w, "/");
        cr_assert_not_null(file);
        cr_expect_eq(file->len, 10);
        cr_expect_eq(memcmp(file->bytes, "xxxxxxxxxx", 10), 0);
        cr_expect_str_eq(file->type, "text/html; charset=utf-8");
        cr_expect_str_eq(www_find(w, "/style.css")->type, "text/css; charset=utf-8");
        cr_expect_null(www_find(w, "/main.js"), "not in this folder");
}

Test(www, nothing_but_the_files_of_the_table)
{
        put("index.html", 10);
        put("secret", 10);
        w = www_read(folder);
        cr_assert_not_null(w);
        cr_expect_null(www_find(w, "/secret"));
        cr_expect_null(www_find(w, "/index.html/"));
        cr_expect_null(www_find(w, "/../secret"));
        cr_expect_null(www_find(w, "//"));
        cr_expect_null(www_find(w, ""));
}

Test(www, without_a_page_there_is_none)
{
        put("style.css", 3);
        cr_expect_null(www_read(folder));
        cr_expect_eq(errno, ENOENT);
        cr_expect_null(www_read("/nonexistent"));
}

Test(www, an_empty_file_is_a_file_and_one_that_is_too_long_is_none)
{
        put("index.html", 0);
        put("main.js", 1 << 20);
        w = www_read(folder);
        cr_assert_not_null(w);
        cr_expect_eq(www_find(w, "/")->len, 0);
        cr_expect_null(www_find(w, "/main.js"));
}
