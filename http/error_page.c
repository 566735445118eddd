/* Replies of our own: who speaks, and why. Nothing in them comes from the request, so nothing needs escaping (H10). */
#include "http/date.h"
#include "http/render_private.h"

static void out_string(struct out *o, const char *text)
{
        out_span(o, (struct span){text, strlen(text)});
}

static void out_status(struct out *o, uint16_t status)
{
        out_number(o, status);
        out_text(o, " ");
        out_string(o, reason_phrase(status));
}

static void out_page(struct out *o, uint16_t status, const char *why)
{
        out_text(o, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
        out_status(o, status);
        out_text(o, "</title>\n<style>body { font: 1.1em/1.5 sans-serif; max-width: 36em; margin: 4em auto; "
                    "padding: 0 1em }</style>\n</head>\n<body>\n<h1>");
        out_status(o, status);
        out_text(o, "</h1>\n<p>This answer comes from Limpid, the web cache of your network, and not from the site "
                    "itself.</p>\n<p>Reason: ");
        out_string(o, why);
        out_text(o, ".</p>\n</body>\n</html>\n");
}

void render_error(struct out *o, const struct error_reply *r)
{
        char text[2048], when[DATE_LEN + 1];
        struct out page = {.at = text, .cap = sizeof text};
        date_format(r->date, when);
        out_page(&page, r->status, r->why);
        out_text(o, "HTTP/1.1 ");
        out_status(o, r->status);
        out_text(o, "\r\nDate: ");
        out_string(o, when);
        out_text(o, "\r\nServer: Limpid\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n"
                    "Content-Length: ");
        out_number(o, page.len);
        out_text(o, "\r\n");
        if (r->cache_status.len) {
                out_text(o, "Cache-Status: ");
                out_span(o, r->cache_status);
                out_text(o, "\r\n");
        }
        render_connection(o, r->close, false, false);
        out_text(o, "\r\n");
        if (!r->head_only)
                out_span(o, (struct span){page.at, page.len});
        o->overflow |= page.overflow;
}
