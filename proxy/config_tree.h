/* The configuration as text in its syntax: sections, keys, and values with the lines on which they stand. What they
 * mean is not known here. */
#ifndef PROXY_CONFIG_TREE_H
#define PROXY_CONFIG_TREE_H

#include <stdbool.h>

#include "proxy/config_errors.h"

/* A key of a section; section "" is the file itself. All sections hang on the file but "store", which lies in "cache"
 * and may be there many times, each with a title. */
struct config_key_name {
        const char *section, *key;
};

struct config_tree;
struct config_section;

struct config_value {
        unsigned line;
        char text[];
};

/* Reads a text. Unknown keys and sections, titles that are there twice, and the first error of syntax, which ends the
 * reading, are added to `errors`; *complete is false after that last one. NULL: out of memory. */
struct config_tree *config_tree_read(const char *text, const struct config_key_name *keys, size_t count,
                                     struct config_errors *errors, bool *complete);
void config_tree_free(struct config_tree **);

/* A section, NULL where there is none: number `index` of that name, below `count`. */
size_t config_section_count(const struct config_tree *, const char *name);
const struct config_section *config_section(const struct config_tree *, const char *name, size_t index);
unsigned config_section_line(const struct config_section *);     /* of its end */
const char *config_section_title(const struct config_section *); /* "" where it has none */

/* True if the key is assigned in the section; an empty list has no values but is assigned. */
bool config_assigned(const struct config_section *, const char *key);
size_t config_value_count(const struct config_section *, const char *key);
const struct config_value *config_value(const struct config_section *, const char *key, size_t index);

#endif
