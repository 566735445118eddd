/* Numbers with and without units, and the forms that texts must have. Nothing is guessed: a duration without a unit, or
 * a number with something behind it, is an error. */
#include "proxy/config_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

const char *value_bool(const char *text, bool *out)
{
        static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
                if (strcasecmp(text, words[i]) == 0) {
                        *out = i % 2;
                        return NULL;
                }
        return "must be true or false";
}

/* The digits at the front of `text`, *end behind them; false if there are none or too many. */
static bool digits(const char *text, int base, uint64_t *out, char **end)
{
        if (!isxdigit((unsigned char)*text)) /* no sign, no blank */
                return false;
        errno = 0;
        *out = strtoull(text, end, base);
        return *end > text && errno == 0;
}

const char *value_number(const char *text, uint64_t *out)
{
        bool hex = strncasecmp(text, "0x", 2) == 0;
        char *end;

        if (!digits(hex ? text + 2 : text, hex ? 16 : 10, out, &end) || *end)
                return "must be a number";
        return NULL;
}

struct unit {
        const char *name;
        uint64_t factor;
};

/* A number and one of the units, *out in the smallest one; false if it is something else or does not fit. */
static bool with_unit(const char *text, const struct unit *units, uint64_t *out)
{
        char *end;

        if (!digits(text, 10, out, &end))
                return false;
        while (units->name && strcasecmp(end, units->name) != 0)
                units++;
        return units->name && !__builtin_mul_overflow(*out, units->factor, out);
}

const char *value_size(const char *text, uint64_t *out)
{
        static const struct unit units[] = {{"", 1},          {"K", 1 << 10},   {"M", 1 << 20},
                                            {"G", 1UL << 30}, {"T", 1UL << 40}, {NULL, 0}};

        return with_unit(text, units, out) ? NULL : "must be a size in bytes, such as \"512M\" or \"20G\"";
}

const char *value_duration(const char *text, uint64_t *ms)
{
        static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};

        return with_unit(text, units, ms) ? NULL : "must be a time with its unit, such as \"250ms\", \"10s\" or \"5m\"";
}

const char *value_path(const char *text)
{
        return text[0] == '/' ? value_one_line(text) : "must be an absolute path";
}

const char *value_path_or_none(const char *text)
{
        return text[0] ? value_path(text) : NULL;
}

const char *value_socket_path(const char *text)
{
        if (strlen(text) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
                return "is too long for the path of a socket";
        return value_path(text);
}

const char *value_file(const char *text)
{
        const char *error = value_path_or_none(text);
        struct stat s;

        if (error || !text[0])
                return error;
        if (stat(text, &s) != 0)
                return "must be a file that exists";
        return S_ISREG(s.st_mode) && access(text, R_OK) == 0 ? NULL : "must be a file that can be read";
}

const char *value_interface(const char *text)
{
        size_t len = strlen(text);
        bool bad = len == 0 || len >= IFNAMSIZ || strcmp(text, ".") == 0 || strcmp(text, "..") == 0;

        for (size_t i = 0; i < len; i++)
                bad = bad || !isgraph((unsigned char)text[i]) || strchr("/:\"\\", text[i]) ||
                      (text[i] == '*' && (i == 0 || i + 1 < len));
        return bad ? "must be the name of a network interface, or the beginning of one and *" : NULL;
}

const char *value_host(const char *text)
{
        const char *name = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
        bool bad = !name[0] || name[0] == '.' || strlen(name) > 253;

        for (const char *at = name; *at; at++)
                bad = bad || !(isalnum((unsigned char)*at) || strchr("-._", *at)) || (at[0] == '.' && at[1] == '.');
        return bad ? "must be the name of a host, or \"*.\" and a name" : NULL;
}

const char *value_address(const char *text)
{
        struct in6_addr a;

        if (inet_pton(AF_INET, text, &a) == 1 || inet_pton(AF_INET6, text, &a) == 1)
                return NULL;
        return "must be an IPv4 or IPv6 address";
}

/* The address without its port and brackets into `host`; false if it does not have that form. */
static bool split_port(const char *text, char host[INET6_ADDRSTRLEN])
{
        const char *colon = strrchr(text, ':');
        bool brackets = text[0] == '[';
        uint64_t port;
        size_t len;

        if (!colon || !isdigit((unsigned char)colon[1]) || value_number(colon + 1, &port) || port < 1 || port > 65535)
                return false;
        len = (size_t)(colon - text);
        if (brackets && (len < 2 || text[len - 1] != ']'))
                return false;
        text += brackets;
        len -= brackets ? 2 : 0;
        if (len >= INET6_ADDRSTRLEN)
                return false;
        memcpy(host, text, len);
        host[len] = 0;
        return brackets == (strchr(host, ':') != NULL);
}

const char *value_listen(const char *text)
{
        char host[INET6_ADDRSTRLEN];

        if (!text[0] || (split_port(text, host) && !value_address(host)))
                return NULL;
        return "must be an address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
}

const char *value_user(const char *text)
{
        bool good = !text[0] || isalpha((unsigned char)text[0]) || text[0] == '_';

        for (size_t i = 0; text[i]; i++)
                good = good && (isalnum((unsigned char)text[i]) || strchr("_-.", text[i]));
        return good && strlen(text) < 32 ? NULL : "must be the name of a user";
}

const char *value_one_line(const char *text)
{
        for (; *text; text++)
                if (iscntrl((unsigned char)*text))
                        return "must not have control characters in it";
        return NULL;
}

/* It becomes part of a rule: braces and quotes must be closed, and nothing may begin a further statement. */
const char *value_condition(const char *text)
{
        int depth = 0;
        bool quoted = false, good = !value_one_line(text);

        for (; *text; text++) {
                quoted ^= *text == '"';
                depth += quoted ? 0 : (*text == '{') - (*text == '}');
                good = good && depth >= 0 && (quoted || !strchr(";#\\", *text));
        }
        return good && depth == 0 && !quoted ? NULL : "must be one condition in the language of nft";
}
