/* Heads on their way: what came in goes out line by line, but for what belonged to the hop before.
 *
 * The framing fields are written anew where they stood, in their one canonical form. Field lines of a response that is
 * odd may hold folds and blanks before the colon: they are straightened out (RFC 9112 §5.1, §5.2). */
#include "http/date.h"
#include "http/fields.h"
#include "http/render_private.h"

static void out_line(struct out *o, const struct message *m, const struct field *f)
{
        struct span value = field_value(m, f);
        if (!m->odd) {
                out_span(o, (struct span){m->head + f->line, f->line_len});
                out_text(o, "\r\n");
                return;
        }
        out_span(o, field_name(m, f));
        out_text(o, ": ");
        while (value.len > 0) {
                size_t run = 0;
                while (run < value.len && value.at[run] != '\r' && value.at[run] != '\n')
                        run++;
                out_span(o, (struct span){value.at, run});
                if (run < value.len)
                        out_text(o, " ");
                run += run < value.len;
                value = (struct span){value.at + run, value.len - run};
        }
        out_text(o, "\r\n");
}

/* Content-Length, spelt as it was, with the first length it lists and without leading zeros. */
static void out_length(struct out *o, const struct message *m, const struct field *f)
{
        struct span list = field_value(m, f), digits;
        if (!list_next(&list, &digits))
                return;
        while (digits.len > 1 && digits.at[0] == '0')
                digits = (struct span){digits.at + 1, digits.len - 1};
        out_span(o, field_name(m, f));
        out_text(o, ": ");
        out_span(o, digits);
        out_text(o, "\r\n");
}

void render_connection(struct out *o, bool close, bool keep_alive, bool upgrade)
{
        if (close)
                out_text(o, "Connection: close\r\n");
        else if (upgrade)
                out_text(o, "Connection: upgrade\r\n");
        else if (keep_alive)
                out_text(o, "Connection: keep-alive\r\n");
}

void render_via(struct out *o, unsigned minor)
{
        if (minor == 0)
                out_text(o, "Via: 1.0 limpid\r\n");
        else
                out_text(o, "Via: 1.1 limpid\r\n");
}

/* ---- requests -------------------------------------------------------------------------------------------------- */

static bool is_condition(uint8_t id)
{
        return id == FIELD_IF_NONE_MATCH || id == FIELD_IF_MODIFIED_SINCE || id == FIELD_IF_RANGE || id == FIELD_RANGE;
}

static bool is_precondition(uint8_t id)
{
        return id == FIELD_IF_MATCH || id == FIELD_IF_UNMODIFIED_SINCE;
}

/* RFC 9110 §7.6.2. */
static void out_max_forwards(struct out *o, const struct message *m, const struct field *f)
{
        int64_t n = span_decimal(field_value(m, f));
        if ((m->method != METHOD_TRACE && m->method != METHOD_OPTIONS) || n <= 0) {
                out_line(o, m, f);
                return;
        }
        out_text(o, "Max-Forwards: ");
        out_number(o, (uint64_t)n - 1);
        out_text(o, "\r\n");
}

static bool request_field_goes_on(const struct message *m, const struct field *f, const struct request_options *options)
{
        switch (f->id) {
        case FIELD_TRANSFER_ENCODING:
        case FIELD_TRAILER:
                return m->framing == FRAMING_CHUNKED;
        case FIELD_CONTENT_LENGTH:
                return m->framing == FRAMING_LENGTH;
        case FIELD_UPGRADE:
                return options->upgrade;
        case FIELD_EXPECT:
                return m->minor == 1 && !f->hop; /* RFC 9110 §10.1.1 */
        default:
                return !f->hop && !(options->drop_conditions && is_condition(f->id)) &&
                       !(options->drop_preconditions && is_precondition(f->id));
        }
}

static void out_host(struct out *o, const struct message *m, const struct field *f, struct span authority)
{
        if (authority.len == 0) {
                out_line(o, m, f);
                return;
        }
        out_span(o, field_name(m, f));
        out_text(o, ": ");
        out_span(o, authority);
        out_text(o, "\r\n");
}

static void out_request_field(struct out *o, const struct message *m, const struct field *f, struct span authority)
{
        switch (f->id) {
        case FIELD_HOST:
                out_host(o, m, f, authority);
                break;
        case FIELD_TRANSFER_ENCODING:
                out_text(o, "Transfer-Encoding: chunked\r\n");
                break;
        case FIELD_CONTENT_LENGTH:
                out_length(o, m, f);
                break;
        case FIELD_MAX_FORWARDS:
                out_max_forwards(o, m, f);
                break;
        default:
                out_line(o, m, f);
        }
}

static void out_request_line(struct out *o, const struct message *m, struct span path)
{
        out_span(o, (struct span){m->head, m->target}); /* the method and its space */
        if (path.len == 0 || (path.at[0] != '/' && path.at[0] != '*'))
                out_text(o, "/"); /* http://host?query */
        out_span(o, path);
        out_text(o, " HTTP/1.1\r\n");
}

static void out_named(struct out *o, struct span name, struct span value)
{
        if (value.len == 0)
                return;
        out_span(o, name);
        out_span(o, value);
        out_text(o, "\r\n");
}

/* TE is this hop's; what the client can take, we can pass on: trailers (RFC 9110 §10.1.4). */
static void out_te_and_connection(struct out *o, const struct message *m, bool upgrade)
{
        bool trailers = field_lists(m, FIELD_CONNECTION, SPAN("te")) && field_lists(m, FIELD_TE, SPAN("trailers"));
        if (!trailers) {
                render_connection(o, false, false, upgrade);
                return;
        }
        out_text(o, "TE: trailers\r\nConnection: TE");
        if (upgrade)
                out_text(o, ", upgrade");
        out_text(o, "\r\n");
}

void render_request(struct out *o, const struct message *m, struct span path, const struct request_options *options)
{
        out_request_line(o, m, path);
        if (!message_has(m, FIELD_HOST))
                out_named(o, SPAN("Host: "), options->authority);
        for (unsigned i = 0; i < m->field_count; i++)
                if (request_field_goes_on(m, &m->fields[i], options))
                        out_request_field(o, m, &m->fields[i], options->authority);
        out_named(o, SPAN("If-None-Match: "), options->etag);
        out_named(o, SPAN("If-Modified-Since: "), options->last_modified);
        out_named(o, SPAN("Range: "), options->range);
        out_named(o, SPAN("If-Range: "), options->if_range);
        out_te_and_connection(o, m, options->upgrade);
        if (options->via)
                render_via(o, m->minor);
        out_text(o, "\r\n");
}

/* ---- responses ------------------------------------------------------------------------------------------------- */

static void out_status_line(struct out *o, const struct message *m)
{
        out_text(o, "HTTP/1.1 ");
        out_number(o, m->status);
        out_text(o, " ");
        out_span(o, message_target(m));
        out_text(o, "\r\n");
}

/* RFC 9110 §8.6 forbids it in 1xx and 204; where a body could follow but does not, it says how long that would be. */
static bool wants_length(const struct message *m, bool chunked, const struct response_options *options)
{
        return !chunked && !options->strip_length && m->framing != FRAMING_CLOSE && m->status >= 200 &&
               m->status != 204;
}

static void out_response_fields(struct out *o, const struct message *m, bool chunked,
                                const struct response_options *options)
{
        bool length = wants_length(m, chunked, options);
        for (unsigned i = 0; i < m->field_count; i++) {
                const struct field *f = &m->fields[i];
                bool kept = !f->hop || (f->id == FIELD_TRAILER && chunked) ||
                            (f->id == FIELD_UPGRADE && options->upgrade) ||
                            (f->id == FIELD_TRANSFER_ENCODING && m->foreign_coding);
                if (f->id == FIELD_CONTENT_LENGTH && length) {
                        out_length(o, m, f);
                        length = false; /* the others are alike */
                } else if (f->id == FIELD_TRANSFER_ENCODING && chunked)
                        out_text(o, "Transfer-Encoding: chunked\r\n");
                else if (f->id != FIELD_CONTENT_LENGTH && kept)
                        out_line(o, m, f);
        }
        if (chunked && !message_has(m, FIELD_TRANSFER_ENCODING))
                out_text(o, "Transfer-Encoding: chunked\r\n");
}

static void out_date(struct out *o, int64_t date)
{
        char text[DATE_LEN + 1];
        date_format(date, text);
        out_named(o, SPAN("Date: "), (struct span){text, DATE_LEN});
}

void render_response(struct out *o, const struct message *m, const struct response_options *options)
{
        bool chunked = m->framing != FRAMING_NONE &&
                       (options->chunked || (m->framing == FRAMING_CHUNKED && !options->strip_length));
        out_status_line(o, m);
        out_response_fields(o, m, chunked, options);
        if (options->date && !message_has(m, FIELD_DATE))
                out_date(o, options->date);
        out_named(o, SPAN("Cache-Status: "), options->cache_status);
        if (options->via)
                render_via(o, m->minor);
        render_connection(o, options->close, options->keep_alive, options->upgrade);
        out_text(o, "\r\n");
}

void render_interim(struct out *o, const struct message *m)
{
        static const struct response_options options = {.via = false};
        out_status_line(o, m);
        out_response_fields(o, m, false, &options);
        out_text(o, "\r\n");
}
