/* The steps that send several ranges of a stored response, one after the other (RFC 9110 §14.6). */
#include <stdlib.h>

#include "http/fields.h"
#include "proxy/client.h"
#include "proxy/exchange.h"

bool exchange_parts_wanted(struct exchange *x, const struct found *f)
{
        struct multipart *m = x->parts;
        const char digits[] = "0123456789abcdef";

        if (!message_has(x->request, FIELD_RANGE))
                return false;
        if (!m)
                m = malloc(sizeof *m);
        x->parts = m;
        if (!m)
                return false;
        m->whole = f->length;
        m->count = range_parts(x->request, &f->stored, f->length, x->start_us / 1000000, m->ranges);
        for (size_t i = 0; i < sizeof m->boundary; i++)
                m->boundary[i] = digits[arc4random_uniform(16)];
        multipart_set_type(m, stored_field(&f->stored, SPAN("content-type")));
        if (m->count && multipart_length(m) < f->length) /* else the whole is less */
                return true;
        free(m);
        x->parts = NULL;
        return false;
}

enum step exchange_send_parts_inline(struct exchange *x, struct span body)
{
        const struct multipart *m = x->parts;
        size_t size = (size_t)multipart_length(m);
        struct out all = {.at = malloc(size), .cap = size};

        if (!all.at) {
                x->broken = true;
                return STEP_FINISH;
        }
        for (size_t n = 0; n <= m->count; n++) {
                multipart_head(&all, m, n);
                if (n < m->count)
                        out_span(&all, (struct span){body.at + m->ranges[n].first,
                                                     (size_t)(m->ranges[n].last - m->ranges[n].first + 1)});
        }
        exchange_send(x, &(struct iovec){all.at, all.len}, 1);
        x->sent_stored += all.len;
        free(all.at);
        return STEP_FINISH;
}

/* The next one's head; its body follows as any stored body does. */
enum step step_send_parts(struct exchange *x)
{
        const struct multipart *m = x->parts;
        char text[PART_HEAD_MAX];
        struct out head = {.at = text, .cap = sizeof text};

        if (conn_blocked(&x->client->conn))
                return STEP_WAIT;
        multipart_head(&head, m, x->next_part);
        exchange_send(x, &(struct iovec){head.at, head.len}, 1);
        if (x->next_part == m->count)
                return STEP_FINISH;
        x->at = m->ranges[x->next_part].first;
        x->end = m->ranges[x->next_part].last + 1;
        x->next_part++;
        return STEP_SEND_STORED;
}
