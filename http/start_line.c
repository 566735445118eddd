/* The first line of a head (RFC 9112 §3, §4). */
#include "http/octet.h"
#include "http/parse_private.h"

enum { VERSION_LEN = 8 }; /* "HTTP/1.1" */

int request_line_minor(struct span line)
{
        if (line.len <= VERSION_LEN || memcmp(line.at + line.len - VERSION_LEN - 1, " HTTP/1.", VERSION_LEN) != 0)
                return -1;
        char minor = line.at[line.len - 1];
        return minor == '1' ? 1 : minor == '0' ? 0 : -1;
}

/* Why the version at the end of the line is neither HTTP/1.1 nor HTTP/1.0. */
static bool has(struct span s, unsigned octets)
{
        for (size_t i = 0; i < s.len; i++)
                if (octet_is(s.at[i], octets))
                        return true;
        return false;
}

static void judge_version(struct reading *r, struct span line)
{
        static const char shape[] = " HTTP/";
        bool long_enough = line.len > VERSION_LEN;
        const char *at = long_enough ? line.at + line.len - VERSION_LEN : NULL;
        if (long_enough && memcmp(at - 1, shape, sizeof shape - 1) == 0 && octet_is(at[5], OCTET_DIGIT) &&
            at[6] == '.' && octet_is(at[7], OCTET_DIGIT))
                reading_oddity(r, FAULT_NOT_HTTP, 505, "http version not supported");
        else
                reading_oddity(r, FAULT_ODD, 400, "malformed request line");
}

void reading_request_line(struct reading *r)
{
        struct message *m = r->m;
        struct span line = {m->head, m->start_len};
        int minor = request_line_minor(line);
        if (minor < 0) {
                judge_version(r, line);
                return;
        }
        m->minor = (uint8_t)minor;
        size_t method = octet_run(line, OCTET_TOKEN), from = method + 1, to = line.len - VERSION_LEN - 1;
        if (method == 0 || line.at[method] != ' ' || from >= to) {
                reading_oddity(r, FAULT_ODD, 400, "malformed request line");
                return;
        }
        m->target = (uint16_t)from;
        m->target_len = (uint16_t)(to - from);
        if (has(message_target(m), OCTET_CONTROL | OCTET_BLANK))
                reading_oddity(r, FAULT_ODD, 400, "blank or control byte in the request target");
}

void reading_status_line(struct reading *r)
{
        struct message *m = r->m;
        struct span line = {m->head, m->start_len};
        if (line.len < 5 || memcmp(line.at, "HTTP/", 5) != 0) {
                r->breach = (struct fault){FAULT_BARE, 502, "no status line"};
                return;
        }
        bool version = line.len > VERSION_LEN && memcmp(line.at, "HTTP/1.", 7) == 0 &&
                       (line.at[7] == '0' || line.at[7] == '1') && line.at[VERSION_LEN] == ' ';
        size_t code = VERSION_LEN + 1;
        bool digits = version && octet_run((struct span){line.at + code, line.len - code}, OCTET_DIGIT) == 3 &&
                      (line.len == code + 3 || line.at[code + 3] == ' ');
        int status =
                digits ? (line.at[code] - '0') * 100 + (line.at[code + 1] - '0') * 10 + line.at[code + 2] - '0' : 0;
        if (status < 100) {
                reading_breach(r, 502, "malformed status line");
                return;
        }
        m->minor = line.at[7] == '1';
        m->status = (uint16_t)status;
        m->odd |= status > 599; /* no class of its own (RFC 9110 §15): it goes on as it came, and is not stored */
        size_t reason = line.len == code + 3 ? line.len : code + 4;
        m->target = (uint16_t)reason;
        m->target_len = (uint16_t)(line.len - reason);
        if (has(message_target(m), OCTET_CONTROL)) /* llhttp takes it */
                reading_breach(r, 502, "control byte in the reason phrase");
}
