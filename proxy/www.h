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
/* The same for the folder "www" that lies where the program's own file does. */
struct www *www_read_beside_program(void);
void www_free(struct www **);

/* The file with exactly this path, or NULL. */
const struct www_file *www_find(const struct www *, const char *path);

#endif
