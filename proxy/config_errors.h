/* What is wrong with a configuration: collected while reading, written in the order of the lines. */
#ifndef PROXY_CONFIG_ERRORS_H
#define PROXY_CONFIG_ERRORS_H

#include <stddef.h>
#include <stdio.h>

struct config_error {
        unsigned line; /* 0: of the file as a whole */
        char *text;
};

struct config_errors {
        struct config_error *at;
        size_t count;
};

void config_error(struct config_errors *, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "FILE:LINE: what", each on its line; frees them. */
void config_errors_write(struct config_errors *, const char *path, FILE *to);

#endif
