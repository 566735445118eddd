/* The list is short and read in order. A user who is not in it costs a hash all the same, so that time does not tell
 * who is. What was right last is kept as it came (it comes with every request anyway); the process keeps no core dumps.
 */
#include "proxy/password.h"

#include <assert.h>
#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINE = 1024, CREDENTIALS = 1024, TRIES_A_SECOND = 4 };

struct user {
        struct user *next;
        char *name, *hash; /* one allocation: the line */
};

struct passwords {
        struct user *users;
        char right[CREDENTIALS]; /* the field's value that was right last; empty: none */
        int64_t second;          /* the one in which `tries` were wrong */
        unsigned tries;
        struct crypt_data scratch;
};

/* ---- the file ---------------------------------------------------------------------------------------------------- */

/* False if the line is neither good nor to be skipped; *error is ENOMEM then, or stays. */
static bool take_line(struct passwords *p, char *line, int *error)
{
        struct user *user;
        char *colon;

        line[strcspn(line, "\r\n")] = '\0';
        if (!line[0] || line[0] == '#')
                return true;
        colon = strchr(line, ':');
        if (!colon || colon == line || !colon[1])
                return false;
        user = calloc(1, sizeof *user);
        if (!user || !(user->name = strdup(line))) {
                free(user);
                *error = ENOMEM;
                return false;
        }
        user->hash = user->name + (colon - line) + 1;
        user->hash[-1] = '\0';
        user->next = p->users;
        p->users = user;
        return true;
}

static int read_lines(struct passwords *p, FILE *file, unsigned *number)
{
        char line[LINE];
        int error = EINVAL;

        for (*number = 1; fgets(line, sizeof line, file); ++*number)
                if (!take_line(p, line, &error))
                        return error;
        *number = 0;
        if (ferror(file))
                return EIO;
        return p->users ? 0 : EINVAL;
}

int passwords_read(struct passwords **out, const char *path, unsigned *line)
{
        FILE *file = fopen(path, "re");
        int error;

        *line = 0;
        *out = NULL;
        if (!file)
                return errno;
        *out = calloc(1, sizeof **out);
        error = *out ? read_lines(*out, file, line) : ENOMEM;
        fclose(file);
        if (error)
                passwords_free(out);
        return error;
}

void passwords_free(struct passwords **p)
{
        struct user *next;

        for (struct user *u = *p ? (*p)->users : NULL; u; u = next) {
                next = u->next;
                free(u->name);
                free(u);
        }
        if (*p)
                explicit_bzero(*p, sizeof **p);
        free(*p);
        *p = NULL;
}

/* ---- what a client sends ----------------------------------------------------------------------------------------- */

static int sextet(char c)
{
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *at = c ? strchr(alphabet, c) : NULL;

        return at ? (int)(at - alphabet) : -1;
}

/* Base64 (RFC 4648 §4) into text; false if it is none or does not fit. */
static bool decode(const char *from, char *text, size_t size)
{
        unsigned bits = 0;
        size_t n = 0;
        int have = 0;

        for (; sextet(*from) >= 0 && n + 1 < size; from++) {
                bits = bits << 6 | (unsigned)sextet(*from);
                have += 6;
                if (have >= 8) {
                        have -= 8;
                        text[n++] = (char)(bits >> have);
                }
        }
        text[n] = '\0';
        return from[strspn(from, "=")] == '\0' && strlen(text) == n;
}

/* Equal, in a time that does not tell where they differ. */
static bool same(const char *a, const char *b)
{
        size_t len = strlen(a);
        unsigned char difference = 0;

        if (len != strlen(b))
                return false;
        for (size_t i = 0; i < len; i++)
                difference |= (unsigned char)(a[i] ^ b[i]);
        return difference == 0;
}

static bool matches(struct passwords *p, const char *name, const char *password)
{
        const struct user *user = p->users;
        const char *hash;

        assert(p->users);
        while (user && strcmp(user->name, name) != 0)
                user = user->next;
        hash = crypt_r(password, user ? user->hash : p->users->hash, &p->scratch);
        /* crypt(3): a failure is a string that begins with '*', and a locked account's hash is one, too. */
        return hash && hash[0] != '*' && same(hash, user ? user->hash : p->users->hash) && user;
}

/* False if there have been enough wrong ones in this second. */
static bool may_try(struct passwords *p, int64_t now_ms)
{
        if (p->second != now_ms / 1000) {
                p->second = now_ms / 1000;
                p->tries = 0;
        }
        return p->tries++ < TRIES_A_SECOND;
}

enum verdict passwords_check(struct passwords *p, const char *authorization, int64_t now_ms)
{
        static const char scheme[] = "Basic ";
        char text[CREDENTIALS], *colon;
        bool right;

        if (!authorization || strlen(authorization) >= CREDENTIALS ||
            strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
                return PASSWORD_WRONG;
        if (p->right[0] && same(p->right, authorization))
                return PASSWORD_RIGHT;
        if (!decode(authorization + sizeof scheme - 1, text, sizeof text) || !(colon = strchr(text, ':')))
                return PASSWORD_WRONG;
        if (!may_try(p, now_ms))
                return PASSWORD_LATER;
        *colon = '\0';
        right = matches(p, text, colon + 1);
        if (right)
                memcpy(p->right, authorization, strlen(authorization) + 1);
        explicit_bzero(text, sizeof text);
        return right ? PASSWORD_RIGHT : PASSWORD_WRONG;
}
