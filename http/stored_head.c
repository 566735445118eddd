/* The head of a reply from the store: on the path of each hit, so nothing is parsed and the stored lines are copied as
 * they lie there. */
#include "http/fields.h"
#include "http/render_private.h"

#define BIT(id) (1ULL << FIELD_##id)

/* RFC 9110 §15.4.5. Last-Modified is for those that have no ETag to tell a cache which response is meant. */
static const uint64_t in_304 = BIT(CACHE_CONTROL) | BIT(CONTENT_LOCATION) | BIT(DATE) | BIT(ETAG) | BIT(EXPIRES) |
                               BIT(VARY) | BIT(CACHE_STATUS) | BIT(VIA);

/* Of the stored content, its validators, its freshness, or one client: nothing that a 412 or 416 could mean. */
static const uint64_t not_in_errors = BIT(CACHE_CONTROL) | BIT(CONTENT_ENCODING) | BIT(CONTENT_LOCATION) |
                                      BIT(CONTENT_RANGE) | BIT(CONTENT_TYPE) | BIT(ETAG) | BIT(EXPIRES) |
                                      BIT(LAST_MODIFIED) | BIT(PRAGMA) | BIT(SET_COOKIE);

static bool is_content_field(struct span name)
{
        static const struct span content = {"content-", 8};
        return name.len > content.len && span_equal_fold((struct span){name.at, content.len}, content);
}

static bool belongs(uint16_t status, bool has_etag, struct span name)
{
        enum field_id id = field_identify(name);
        if (status == 304)
                return (in_304 >> id & 1) || (id == FIELD_LAST_MODIFIED && !has_etag);
        return !(not_in_errors >> id & 1) && !is_content_field(name);
}

/* Takes the next stored line, with its end; its name lies in it. */
static bool next_line(struct span *rest, struct span *line, struct span *name)
{
        const char *feed = rest->len ? memchr(rest->at, '\n', rest->len) : NULL, *colon;

        if (!feed)
                return false;
        *line = (struct span){rest->at, (size_t)(feed + 1 - rest->at)};
        colon = memchr(line->at, ':', line->len);
        *name = (struct span){line->at, colon ? (size_t)(colon - line->at) : 0};
        *rest = (struct span){feed + 1, rest->len - line->len};
        return true;
}

/* The stored lines that this status may have. */
static void out_some_fields(struct out *o, const struct stored *stored, uint16_t status)
{
        struct span rest = stored->fields, line, name;

        while (next_line(&rest, &line, &name))
                if (belongs(status, stored->etag.len > 0, name))
                        out_span(o, line);
}

/* Of a part: without a Content-Range that was stored, which would be of something else, and with the type of several
 * parts if it is given. */
static void out_part_fields(struct out *o, const struct stored *stored, struct span type)
{
        struct span rest = stored->fields, line, name;

        while (next_line(&rest, &line, &name))
                if (!span_equal_fold(name, SPAN("content-range")) &&
                    !(type.len && span_equal_fold(name, SPAN("content-type"))))
                        out_span(o, line);
        if (!type.len)
                return;
        out_text(o, "Content-Type: ");
        out_span(o, type);
        out_text(o, "\r\n");
}

struct span stored_field(const struct stored *stored, struct span wanted)
{
        struct span rest = stored->fields, line, name;

        while (next_line(&rest, &line, &name))
                if (span_equal_fold(name, wanted))
                        return span_trim((struct span){line.at + name.len + 1, line.len - name.len - 3});
        return (struct span){NULL, 0};
}

static void out_start(struct out *o, const struct stored *stored, uint16_t status)
{
        const char *phrase = reason_phrase(status);
        if (status == 200 && stored->status == 200 && span_equal(stored->reason, SPAN("OK"))) {
                out_text(o, "HTTP/1.1 200 OK\r\n");
                return;
        }
        out_text(o, "HTTP/1.1 ");
        out_number(o, status);
        out_text(o, " ");
        out_span(o, status == stored->status ? stored->reason : (struct span){phrase, strlen(phrase)});
        out_text(o, "\r\n");
}

static void out_framing(struct out *o, const struct stored_reply_options *options)
{
        if (options->content_range.len > 0) {
                out_text(o, "Content-Range: ");
                out_span(o, options->content_range);
                out_text(o, "\r\n");
        }
        if (options->status == 304 || options->status == 204)
                return;
        if (options->chunked)
                out_text(o, "Transfer-Encoding: chunked\r\n");
        else if (options->with_length) {
                out_text(o, "Content-Length: ");
                out_number(o, options->length);
                out_text(o, "\r\n");
        }
}

void render_stored_head(struct out *o, const struct stored *stored, const struct stored_reply_options *options)
{
        uint16_t status = options->status;
        out_start(o, stored, status);
        if (status == 304 || status == 412 || status == 416)
                out_some_fields(o, stored, status);
        else if (status == 206)
                out_part_fields(o, stored, options->content_type);
        else
                out_span(o, stored->fields);
        out_framing(o, options);
        if (options->age >= 0) {
                out_text(o, "Age: ");
                out_number(o, (uint64_t)options->age);
                out_text(o, "\r\n");
        }
        if (options->cache_status.len > 0) {
                out_text(o, "Cache-Status: ");
                out_span(o, options->cache_status);
                out_text(o, "\r\n");
        }
        if (options->via)
                render_via(o, 1);
        render_connection(o, options->close, options->keep_alive, false);
        out_text(o, "\r\n");
}
