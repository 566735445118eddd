/* Host and absolute-form (RFC 9112 §3.2; cases.md H2-H4).
 *
 * RFC 9112 would have a proxy believe the target and forget Host where they differ. Nobody chose us as a proxy, so the
 * server behind us might believe the other one: such requests are refused. */
#include "http/authority.h"

#include <arpa/inet.h>

#include "http/fields.h"
#include "http/octet.h"
#include "http/parse_private.h"

enum { HOST_MAX = 255, PORT_DIGITS = 5 };

static bool is_ipv6(struct span literal) /* without its brackets */
{
        char text[INET6_ADDRSTRLEN];
        struct in6_addr address;
        if (literal.len >= sizeof text)
                return false;
        memcpy(text, literal.at, literal.len);
        text[literal.len] = '\0';
        return inet_pton(AF_INET6, text, &address) == 1;
}

/* How many bytes at the front are a host; 0 if they are none. */
static size_t host_length(struct span text)
{
        if (text.len == 0 || text.at[0] != '[')
                return octet_run(text, OCTET_HOST);
        size_t inside = octet_run((struct span){text.at + 1, text.len - 1}, OCTET_IPV6);
        bool closed = inside + 1 < text.len && text.at[inside + 1] == ']';
        return closed && is_ipv6((struct span){text.at + 1, inside}) ? inside + 2 : 0;
}

/* What follows the host: nothing, ":" or ":" and a port. */
static bool parse_port(struct span text, uint16_t *port)
{
        *port = 80;
        if (text.len == 0)
                return true;
        struct span digits = {text.at + 1, text.len - 1};
        if (text.at[0] != ':' || digits.len > PORT_DIGITS)
                return false;
        if (digits.len == 0)
                return true; /* RFC 3986 §3.2.3 */
        int64_t n = span_decimal(digits);
        *port = (uint16_t)n;
        return n > 0 && n <= UINT16_MAX;
}

bool authority_parse(struct span text, struct authority *a)
{
        size_t host = host_length(text);
        a->host = (struct span){text.at, host};
        return host > 0 && host <= HOST_MAX && parse_port((struct span){text.at + host, text.len - host}, &a->port);
}

void authority_write(struct out *o, const struct authority *a)
{
        size_t from = o->len;
        struct span host = a->host;
        if (host.len > 1 && host.at[host.len - 1] == '.')
                host.len--;
        out_span(o, host);
        for (size_t i = from; i < o->len; i++)
                if (o->at[i] >= 'A' && o->at[i] <= 'Z')
                        o->at[i] = (char)(o->at[i] | 0x20);
        if (a->port == 80)
                return;
        out_text(o, ":");
        out_number(o, a->port);
}

bool target_is_absolute(struct span target, struct span *authority, struct span *path)
{
        static const struct span http = {"http://", 7};
        *authority = *path = (struct span){target.at, 0};
        if (target.len > 0 && target.at[0] == '/')
                return false;
        size_t scheme = 0;
        while (scheme < target.len && (octet_is(target.at[scheme], OCTET_HOST) || target.at[scheme] == '+'))
                scheme++;
        if (scheme == 0 || target.len - scheme < 3 || memcmp(target.at + scheme, "://", 3) != 0)
                return false;
        if (target.len >= http.len && span_equal_fold((struct span){target.at, http.len}, http)) {
                size_t end = http.len;
                while (end < target.len && target.at[end] != '/' && target.at[end] != '?')
                        end++;
                *authority = (struct span){target.at + http.len, end - http.len};
                *path = (struct span){target.at + end, target.len - end};
        }
        return true;
}

static bool same_authority(const struct authority *a, const struct authority *b)
{
        return a->port == b->port && span_equal_fold(a->host, b->host);
}

static bool is_method(const struct message *m, struct span name)
{
        return m->target == name.len + 1 && memcmp(m->head, name.at, name.len) == 0;
}

/* H4. `host` is NULL where there is no Host. */
static void judge_target(struct reading *r, const struct authority *host)
{
        struct message *m = r->m;
        struct span target = message_target(m), text, path;
        struct authority authority;
        if (target.len == 0 || is_method(m, SPAN("CONNECT")))
                return;
        if (memchr(target.at, '#', target.len))
                reading_breach(r, 400, "fragment in the request target");
        if (target.at[0] == '/')
                return;
        if (target_is_absolute(target, &text, &path)) {
                if (!authority_parse(text, &authority))
                        reading_breach(r, 400, "request target of another scheme or malformed");
                else if (host && !same_authority(host, &authority))
                        reading_breach(r, 400, "request target and host differ");
        } else if (!(span_equal(target, SPAN("*")) && is_method(m, SPAN("OPTIONS"))))
                reading_oddity(r, FAULT_ODD, 400, "malformed request target");
}

void reading_host(struct reading *r)
{
        struct message *m = r->m;
        struct span value;
        struct authority host;
        int hosts = field_only(m, FIELD_HOST, &value);
        bool good = hosts == 1 && authority_parse(value, &host);
        if (hosts > 1)
                reading_breach(r, 400, "host twice");
        else if (hosts == 1 && !good)
                reading_breach(r, 400, "malformed host");
        else if (hosts == 0 && m->minor == 1)
                reading_oddity(r, FAULT_ODD, 400, "no host");
        judge_target(r, good ? &host : NULL);
}
