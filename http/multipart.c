/* Parts and what separates them, RFC 2046 §5.1 and RFC 9110 §14.6. */
#include "http/multipart.h"

void multipart_set_type(struct multipart *m, struct span type)
{
        m->type_len = type.len <= sizeof m->type ? type.len : 0;
        if (m->type_len)
                memcpy(m->type, type.at, type.len);
}

void multipart_type(struct out *o, const struct multipart *m)
{
        out_text(o, "multipart/byteranges; boundary=");
        out_span(o, (struct span){m->boundary, sizeof m->boundary});
}

void multipart_head(struct out *o, const struct multipart *m, size_t n)
{
        out_text(o, "\r\n--");
        out_span(o, (struct span){m->boundary, sizeof m->boundary});
        if (n == m->count) {
                out_text(o, "--\r\n");
                return;
        }
        out_text(o, "\r\n");
        if (m->type_len) {
                out_text(o, "Content-Type: ");
                out_span(o, (struct span){m->type, m->type_len});
                out_text(o, "\r\n");
        }
        out_text(o, "Content-Range: ");
        range_describe(o, &m->ranges[n], m->whole);
        out_text(o, "\r\n\r\n");
}

uint64_t multipart_length(const struct multipart *m)
{
        uint64_t length = 0;

        for (size_t n = 0; n <= m->count; n++) {
                char text[PART_HEAD_MAX];
                struct out head = {.at = text, .cap = sizeof text};

                multipart_head(&head, m, n);
                length += head.len;
                if (n < m->count)
                        length += m->ranges[n].last - m->ranges[n].first + 1;
        }
        return length;
}
