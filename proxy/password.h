/* HTTP Basic authentication (RFC 7617) for the page, against a file of lines "user:hash" as crypt(5) has them
 * (`mkpasswd`, `htpasswd -B`). Blank lines and lines that begin with # are skipped. */
#ifndef PROXY_PASSWORD_H
#define PROXY_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

struct passwords;

/* Reads the file, once. 0 or an errno; EINVAL where a line is not user:hash or there is none: `*line` is its number, or
 * 0. */
int passwords_read(struct passwords **, const char *path, unsigned *line);
void passwords_free(struct passwords **);

enum verdict {
        PASSWORD_RIGHT,
        PASSWORD_WRONG, /* or none was sent */
        PASSWORD_LATER  /* too many wrong ones of late: not looked at */
};

/* `authorization` is the field's value, or NULL. A hash is slow by purpose: the last one that was right is remembered,
 * and wrong ones are looked at a few times a second at the most. */
enum verdict passwords_check(struct passwords *, const char *authorization, int64_t now_ms);

#endif
