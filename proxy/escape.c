/* Escaping: a table says which bytes stand for themselves in which form; what is left goes through the form's own
 * function, one character at a time. UTF-8 (RFC 3629) is known to JSON and to messages only. */
#include "proxy/escape.h"

#include <stdint.h>

enum { URL = 1, QUOTED = 2, JSON = 4, MESSAGE = 8 };

static const uint8_t plain[256] = {
        [' '] = QUOTED | JSON | MESSAGE,
        ['!'] = URL | QUOTED | JSON | MESSAGE,
        ['"'] = MESSAGE,
        ['#' ... '['] = URL | QUOTED | JSON | MESSAGE,
        ['\\'] = MESSAGE,
        [']' ... '~'] = URL | QUOTED | JSON | MESSAGE,
};

static char hex(unsigned nibble)
{
        return "0123456789ABCDEF"[nibble & 15];
}

/* The length of the UTF-8 character at the front of `s`, its code point in *code; 0 where there is none. Overlong
 * forms, surrogates and what lies above U+10FFFF are none. */
static size_t utf8(struct span s, uint32_t *code)
{
        const unsigned char *b = (const unsigned char *)s.at;
        size_t len = b[0] < 0x80 ? 1 : b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

        if (len == 0 || len > s.len)
                return 0;
        *code = len == 1 ? b[0] : b[0] & (0xffU >> (len + 1));
        for (size_t i = 1; i < len; i++) {
                if ((b[i] & 0xc0) != 0x80)
                        return 0;
                *code = *code << 6 | (b[i] & 0x3f);
        }
        if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
                return 0;
        return len;
}

/* Control characters, and the separators that some readers take for the end of a line. */
static bool unprintable(uint32_t code)
{
        return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029;
}

/* An escape of one character: its text into `out` (at most 8 bytes), how many bytes of `s` it stands for. */
struct escape {
        char out[8];
        size_t len, taken;
};

static struct escape percent(struct span s)
{
        unsigned char c = (unsigned char)s.at[0];

        return (struct escape){{'%', hex(c >> 4U), hex(c)}, 3, 1};
}

static struct escape backslash(struct span s)
{
        unsigned char c = (unsigned char)s.at[0];

        if (c == '"' || c == '\\')
                return (struct escape){{'\\', (char)c}, 2, 1};
        return (struct escape){{'\\', 'x', hex(c >> 4U), hex(c)}, 4, 1};
}

/* The character as it is, where it is good UTF-8 and can be printed. */
static bool printable(struct span s, struct escape *e, uint32_t *code)
{
        *code = 0xfffd;
        e->taken = utf8(s, code);
        e->len = e->taken;
        memcpy(e->out, s.at, e->len);
        return e->taken > 0 && !unprintable(*code);
}

static struct escape json(struct span s)
{
        struct escape e = {{0}, 0, 0};
        uint32_t code;

        if (s.at[0] == '"' || s.at[0] == '\\')
                return backslash(s);
        if (printable(s, &e, &code))
                return e;
        if (e.taken == 0)
                code = 0xfffd;
        return (struct escape){
                {'\\', 'u', hex(code >> 12U), hex(code >> 8U), hex(code >> 4U), hex(code)}, 6, e.taken ? e.taken : 1};
}

static struct escape message(struct span s)
{
        struct escape e = {{0}, 0, 0};
        uint32_t code;

        return printable(s, &e, &code) ? e : backslash(s);
}

static char *escape(char *to, const char *end, struct span s, uint8_t form, struct escape (*one)(struct span))
{
        while (s.len && to < end) {
                size_t room = (size_t)(end - to), most = s.len < room ? s.len : room, run = 0;
                struct escape e;

                for (; run < most && plain[(unsigned char)s.at[run]] & form; run++)
                        to[run] = s.at[run];
                to += run;
                s = (struct span){s.at + run, s.len - run};
                if (run == most)
                        continue;
                e = one(s);
                if (e.len > (size_t)(end - to))
                        break;
                memcpy(to, e.out, e.len);
                to += e.len;
                s.at += e.taken;
                s.len -= e.taken;
        }
        return to;
}

char *escape_url(char *to, const char *end, struct span s)
{
        return escape(to, end, s, URL, percent);
}

char *escape_quoted(char *to, const char *end, struct span s)
{
        return escape(to, end, s, QUOTED, backslash);
}

char *escape_json(char *to, const char *end, struct span s)
{
        return escape(to, end, s, JSON, json);
}

char *escape_message(char *to, const char *end, struct span s)
{
        return escape(to, end, s, MESSAGE, message);
}
