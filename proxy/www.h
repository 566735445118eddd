/* The files of the page, read into memory once: a request's path is looked up in a table and never becomes a file's
 * name. */
#ifndef PROXY_WWW_H
#define PROXY_WWW_H

#include <stdbool.h>
#include <stddef.h>

struct www_file {
        const char *path; /* of the URL */
        const char *type;
        char *bytes; /* NULL: it could not be read */
        size_t len;
};

struct www;

/* NULL if out of memory or if there is no index.html (errno); other files may be missing. */
struct www *www_read(const char *folder);
/* Where the environment says (LIMPID_WWW), or as installed, or beside the program: that is how a build has them.
 * *folder is where they were looked for first. */
struct www *www_read_anywhere(const char **folder);
void www_free(struct www **);

/* The file with exactly this path, or NULL. */
const struct www_file *www_find(const struct www *, const char *path);

#endif
