/* What is accepted as a response is accepted again when it is passed on, framed alike, and no odder than it was. */
#include <assert.h>

#include "http/parse.h"
#include "http/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool read_response(struct message *m, const char *bytes, size_t len, enum method method)
{
        struct head_scan at = {.seen = 0};
        struct fault fault;
        return scan_response(&at, bytes, len, &fault) == SCAN_DONE &&
               parse_response(m, (struct span){bytes + at.blank, at.seen - at.blank}, method).kind == FAULT_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
        static const struct response_options options = {.via = true};
        static struct message in, again;
        static char head[HEAD_MAX];
        struct out o = {.at = head, .cap = sizeof head};
        enum method method = len % 2 ? METHOD_GET : METHOD_HEAD;
        if (!read_response(&in, (const char *)bytes, len, method))
                return 0;
        render_response(&o, &in, &options);
        if (o.overflow || in.field_count > FIELDS_MAX - 4)
                return 0;
        assert(read_response(&again, o.at, o.len, method));
        assert((in.odd || !again.odd) && again.status == in.status && again.framing == in.framing);
        assert(again.framing != FRAMING_LENGTH || again.length == in.length);
        return 0;
}
