/* What is accepted as a request is accepted again when it is sent on, with the same method, target and framing. */
#include "http/request.h"

#include <assert.h>

#include "http/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool read_request(struct message *m, const char *bytes, size_t len)
{
        struct head_scan at = {.seen = 0};
        struct fault fault;
        return scan_request(&at, bytes, len, &fault) == SCAN_DONE &&
               parse_request(m, (struct span){bytes + at.blank, at.seen - at.blank}).kind == FAULT_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
        static const struct request_options options = {.authority = {"h", 1}, .via = true};
        static struct message in, again;
        static char head[HEAD_MAX];
        struct out o = {.at = head, .cap = sizeof head};
        struct request_decision d;
        if (!read_request(&in, (const char *)bytes, len))
                return 0;
        request_decide(&in, 80, &d);
        render_request(&o, &in, d.path, &options);
        if (o.overflow || d.verdict == REQUEST_TUNNEL || in.field_count > FIELDS_MAX - 4)
                return 0;
        assert(read_request(&again, o.at, o.len));
        assert(again.method == in.method && again.framing == in.framing && again.length == in.length);
        assert(again.target_len >= d.path.len && memmem(o.at, o.len, d.path.at, d.path.len));
        return 0;
}
