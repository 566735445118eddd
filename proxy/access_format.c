/* The formats:
 *
 * squid     TIME.MS DURATION CLIENT RESULT/STATUS BYTES METHOD URL - HIERARCHY/PEER TYPE   (native; time: its end)
 * combined  CLIENT - - [DATE] "METHOD URL HTTP/1.x" STATUS BYTES "REFERER" "USER-AGENT"    (Apache; time: its begin)
 * json      one object a line; the members that are always there come first
 *
 * Each field has a bound, and whatever came from outside is escaped as its place demands: a blank or a line end in a
 * URL must not make a field or a line. */
#include "proxy/access_format.h"

#include <assert.h>
#include <stdio.h>
#include <time.h>

#include "proxy/escape.h"

/* The longest that fields may become, escapes included. */
enum { URL_MAX = 8192, METHOD_MAX = 64, FIELD_MAX = 2048, TYPE_MAX = 128, WORD_MAX = 256, US = 1000000 };

typedef char *escape_fn(char *to, const char *end, struct span s);

static void escaped(struct line *l, escape_fn *escape, struct span s, size_t max)
{
        const char *end = (size_t)(l->end - l->at) > max ? l->at + max : l->end;

        l->at = escape(l->at, end, s);
}

static void word(struct line *l, const char *text, const char *otherwise)
{
        if (!text)
                text = otherwise;
        line_span(l, (struct span){text, strnlen(text, WORD_MAX)});
}

/* scheme, authority, path: as one string with one bound. Of a tunnel: the authority alone (RFC 9112 §3.2.3). */
static void url(struct line *l, escape_fn *escape, const struct access_entry *e)
{
        struct line u = {l->at, (size_t)(l->end - l->at) > URL_MAX ? l->at + URL_MAX : l->end};
        bool known = e->path.len || (e->host.len && !span_equal(e->method, SPAN("CONNECT")));

        if (known)
                line_text(&u, "http://");
        if (e->host.len) {
                u.at = escape(u.at, u.end, e->host);
                if ((e->port != 80 || !known) && e->port != 0) {
                        line_char(&u, ':');
                        line_number(&u, e->port, 1);
                }
        } else {
                line_endpoint(&u, e->destination, known && e->port == 80 ? 0 : e->port);
        }
        if (e->path.len && e->path.at[0] != '/')
                line_char(&u, '/');
        u.at = escape(u.at, u.end, e->path);
        l->at = u.at;
}

static bool has_peer(const struct access_entry *e)
{
        return e->hierarchy && strcmp(e->hierarchy, "HIER_NONE") != 0;
}

static void token(struct line *l, escape_fn *escape, struct span s, size_t max)
{
        if (s.len)
                escaped(l, escape, s, max);
        else
                line_char(l, '-');
}

/* The media type without its parameters (RFC 9110 §8.3.1). */
static struct span media_type(struct span s)
{
        size_t len = 0;

        while (len < s.len && s.at[len] != ';' && s.at[len] != ' ' && s.at[len] != '\t')
                len++;
        return (struct span){s.at, len};
}

/* A clock that was set back in the middle makes it negative. */
static uint64_t duration_us(const struct access_entry *e)
{
        return e->duration_us > 0 ? (uint64_t)e->duration_us : 0;
}

/* A log has one format, so that one text a second is enough. */
static const char *date(struct access_clock *c, int64_t us, enum log_format format)
{
        time_t second = (time_t)(us / US);
        struct tm t;

        if (c->second == second)
                return c->text;
        localtime_r(&second, &t);
        switch (format) {
        case LOG_SQUID:
                snprintf(c->text, sizeof c->text, "%lld", (long long)second);
                break;
        case LOG_COMBINED:
                strftime(c->text, sizeof c->text, "%d/%b/%Y:%H:%M:%S %z", &t);
                break;
        case LOG_JSON:
                strftime(c->text, sizeof c->text, "%Y-%m-%dT%H:%M:%S%z", &t);
                break;
        }
        c->second = second;
        return c->text;
}

static void squid(struct line *l, const struct access_entry *e, struct access_clock *c)
{
        int64_t end = e->start_us + (int64_t)duration_us(e);

        line_text(l, date(c, end, LOG_SQUID));
        line_char(l, '.');
        line_number(l, (uint64_t)end % US / 1000, 3);
        line_char(l, ' ');
        line_columns(l, duration_us(e) / 1000, 6);
        line_char(l, ' ');
        line_address(l, e->client);
        line_char(l, ' ');
        word(l, e->result, "NONE");
        line_char(l, '/');
        line_number(l, e->status, 3);
        line_char(l, ' ');
        line_number(l, e->bytes, 1);
        line_char(l, ' ');
        token(l, escape_url, e->method, METHOD_MAX);
        line_char(l, ' ');
        url(l, escape_url, e);
        line_text(l, " - ");
        word(l, e->hierarchy, "HIER_NONE");
        line_char(l, '/');
        line_address(l, has_peer(e) ? e->destination : NULL);
        line_char(l, ' ');
        token(l, escape_url, media_type(e->content_type), TYPE_MAX);
}

static void quoted(struct line *l, struct span s)
{
        line_char(l, '"');
        token(l, escape_quoted, s, FIELD_MAX);
        line_char(l, '"');
}

static void combined(struct line *l, const struct access_entry *e, struct access_clock *c)
{
        line_address(l, e->client);
        line_text(l, " - - [");
        line_text(l, date(c, e->start_us, LOG_COMBINED));
        line_text(l, "] \"");
        token(l, escape_url, e->method, METHOD_MAX);
        line_char(l, ' ');
        url(l, escape_url, e);
        line_text(l, e->minor ? " HTTP/1.1\" " : " HTTP/1.0\" ");
        line_number(l, e->status, 3);
        line_char(l, ' ');
        line_number(l, e->bytes, 1);
        line_char(l, ' ');
        quoted(l, e->referer);
        line_char(l, ' ');
        quoted(l, e->user_agent);
}

static void member(struct line *l, const char *name)
{
        line_text(l, ",\"");
        line_text(l, name);
        line_text(l, "\":");
}

static void member_number(struct line *l, const char *name, uint64_t n)
{
        member(l, name);
        line_number(l, n, 1);
}

static void member_word(struct line *l, const char *name, const char *text)
{
        if (!text)
                return;
        member(l, name);
        line_char(l, '"');
        escaped(l, escape_json, (struct span){text, strnlen(text, WORD_MAX)}, WORD_MAX);
        line_char(l, '"');
}

static void member_text(struct line *l, const char *name, struct span s, size_t max)
{
        if (s.len == 0)
                return;
        member(l, name);
        line_char(l, '"');
        escaped(l, escape_json, s, max);
        line_char(l, '"');
}

static void member_address(struct line *l, const char *name, const struct sockaddr *a)
{
        member(l, name);
        line_char(l, '"');
        line_address(l, a);
        line_char(l, '"');
}

/* The zone's sign, hours and minutes as RFC 3339 has them: strftime's %z lacks the colon. */
static void json_date(struct line *l, const struct access_entry *e, struct access_clock *c)
{
        const char *text = date(c, e->start_us, LOG_JSON);
        size_t len = strlen(text);

        if (len < 5)
                return;
        line_span(l, (struct span){text, len - 5});
        line_char(l, '.');
        line_number(l, (uint64_t)e->start_us % US / 1000, 3);
        line_span(l, (struct span){text + len - 5, 3});
        line_char(l, ':');
        line_span(l, (struct span){text + len - 2, 2});
}

static void json(struct line *l, const struct access_entry *e, struct access_clock *c)
{
        line_text(l, "{\"time\":\"");
        json_date(l, e, c);
        line_char(l, '"');
        member_number(l, "duration_us", duration_us(e));
        member_address(l, "client", e->client);
        member_address(l, "destination", e->destination);
        member_text(l, "method", e->method, METHOD_MAX);
        member(l, "url");
        line_char(l, '"');
        url(l, escape_json, e);
        line_char(l, '"');
        member_number(l, "status", e->status);
        member_number(l, "bytes", e->bytes);
        member_word(l, "result", e->result);
        member_word(l, "hierarchy", e->hierarchy);
        member_word(l, "binding", e->binding);
        member_word(l, "detail", e->detail);
        member_text(l, "content_type", e->content_type, TYPE_MAX);
        member_text(l, "referer", e->referer, FIELD_MAX);
        member_text(l, "user_agent", e->user_agent, FIELD_MAX);
        line_char(l, '}');
}

void access_format(struct line *l, enum log_format format, const struct access_entry *e, struct access_clock *clock)
{
        assert(l->end - l->at >= ACCESS_LINE_MAX);
        switch (format) {
        case LOG_SQUID:
                squid(l, e, clock);
                break;
        case LOG_COMBINED:
                combined(l, e, clock);
                break;
        case LOG_JSON:
                json(l, e, clock);
                break;
        }
        line_char(l, '\n');
}
