/* A table of all the files that there are. Anything else in the folder is not served. */
#include "proxy/www.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JAVASCRIPT "text/javascript; charset=utf-8"
#define CSS        "text/css; charset=utf-8"

enum { FILE_MAX = 1 << 20 };

/* The first is the page itself: path of the URL, name in the folder, type. */
static const struct {
        const char *path, *name, *type;
} table[] = {
        {"/", "index.html", "text/html; charset=utf-8"},
        {"/style.css", "style.css", CSS},
        {"/icon.svg", "icon.svg", "image/svg+xml"},
        {"/main.js", "main.js", JAVASCRIPT},
        {"/view.js", "view.js", JAVASCRIPT},
        {"/chart.js", "chart.js", JAVASCRIPT},
        {"/format.js", "format.js", JAVASCRIPT},
        {"/uplot/uPlot.esm.js", "uplot/uPlot.esm.js", JAVASCRIPT},
        {"/uplot/uPlot.min.css", "uplot/uPlot.min.css", CSS},
};

enum { FILES = sizeof table / sizeof *table };

struct www {
        struct www_file files[FILES];
};

static int read_file(struct www_file *file, const char *name)
{
        FILE *in = fopen(name, "re");
        int error = 0;

        if (!in)
                return errno;
        file->bytes = malloc(FILE_MAX);
        if (file->bytes)
                file->len = fread(file->bytes, 1, FILE_MAX, in);
        if (!file->bytes)
                error = ENOMEM;
        else if (ferror(in))
                error = EIO;
        else if (file->len == FILE_MAX)
                error = EFBIG;
        fclose(in);
        if (error) {
                free(file->bytes);
                file->bytes = NULL;
                return error;
        }
        char *fitting = realloc(file->bytes, file->len + 1);
        if (fitting)
                file->bytes = fitting;
        return 0;
}

static int read_named(struct www_file *file, const char *folder, const char *name)
{
        char *path;
        int error;

        if (asprintf(&path, "%s/%s", folder, name) < 0)
                return ENOMEM;
        error = read_file(file, path);
        free(path);
        return error;
}

struct www *www_read(const char *folder)
{
        struct www *w = calloc(1, sizeof *w);

        if (!w)
                return NULL;
        for (size_t i = 0; i < FILES; i++) {
                int error = read_named(&w->files[i], folder, table[i].name);

                w->files[i].path = table[i].path;
                w->files[i].type = table[i].type;
                if (error && i == 0) {
                        www_free(&w);
                        errno = error;
                        return NULL;
                }
        }
        return w;
}

static struct www *read_beside_program(void)
{
        char path[PATH_MAX], *slash;
        ssize_t len = readlink("/proc/self/exe", path, sizeof path - sizeof "www");

        if (len <= 0)
                return NULL;
        path[len] = '\0';
        slash = strrchr(path, '/');
        if (!slash)
                return NULL;
        memcpy(slash + 1, "www", sizeof "www");
        return www_read(path);
}

struct www *www_read_anywhere(const char **folder)
{
        const char *named = getenv("LIMPID_WWW");
        struct www *w;
        int error;

        *folder = named && named[0] ? named : LIMPID_WWW;
        w = www_read(*folder);
        error = errno;
        if (!w && *folder != named)
                w = read_beside_program();
        errno = error;
        return w;
}

void www_free(struct www **w)
{
        for (size_t i = 0; *w && i < FILES; i++)
                free((*w)->files[i].bytes);
        free(*w);
        *w = NULL;
}

const struct www_file *www_find(const struct www *w, const char *path)
{
        for (size_t i = 0; i < FILES; i++)
                if (w->files[i].bytes && strcmp(w->files[i].path, path) == 0)
                        return &w->files[i];
        return NULL;
}
