/* Bodies on their way; see pump.h. A batch goes out in one call, however small its chunks were. */
#include "proxy/pump.h"

#include "http/render.h"

static void add(struct batch *b, struct span data)
{
        if (!data.len)
                return;
        b->spans[b->count++] = (struct iovec){(void *)(uintptr_t)data.at, data.len};
        b->bytes += data.len;
}

void batch_gather(struct batch *b, struct body *body, struct conn *from)
{
        b->count = 0;
        b->bytes = 0;
        do {
                struct span data = {NULL, 0};
                size_t used = 0;

                b->last = body_read(body, from->input, &data, &used);
                conn_consume(from, used);
                if (b->last == BODY_DATA)
                        add(b, data);
        } while (b->last == BODY_DATA && b->count < BATCH_SPANS);
        if (b->last == BODY_MORE && (from->eof || from->failed))
                b->last = from->failed ? BODY_FAULT : body_eof(body);
}

static struct iovec bytes_of(struct span s)
{
        return (struct iovec){(void *)(uintptr_t)s.at, s.len};
}

size_t batch_send(const struct batch *b, const struct body *body, struct conn *to, bool chunked)
{
        struct iovec all[BATCH_SPANS + 6];
        char line[20];
        int n = 0;

        if (chunked && b->count)
                all[n++] = (struct iovec){line, render_chunk_line(line, b->bytes)};
        for (int i = 0; i < b->count; i++)
                all[n++] = b->spans[i];
        if (chunked && b->count)
                all[n++] = bytes_of(SPAN("\r\n"));
        if (chunked && b->last == BODY_END) {
                all[n++] = bytes_of(SPAN("0\r\n"));
                all[n++] = bytes_of(body_trailers(body));
                all[n++] = bytes_of(SPAN("\r\n"));
        }
        return n ? conn_send(to, all, n) : 0;
}
