/* A body means the same however it is cut: all at once, or in pieces whose size the first byte says. */
#include <assert.h>

#include "http/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct sum {
        enum body_event end;
        uint64_t length, hash, trailers;
        size_t used;
};

static uint64_t mix(uint64_t hash, struct span s)
{
        for (size_t i = 0; i < s.len; i++)
                hash = (hash ^ (unsigned char)s.at[i]) * 1099511628211U;
        return hash;
}

static struct sum sum_body(const struct message *m, struct span in, size_t step)
{
        struct sum sum = {.end = BODY_MORE};
        body_storage storage;
        struct body *b = body_start(&storage, m);
        for (size_t there = 0; sum.end == BODY_MORE && there < in.len;) {
                there = in.len - there > step ? there + step : in.len;
                do {
                        struct span data;
                        size_t used;
                        sum.end = body_read(b, (struct span){in.at + sum.used, there - sum.used}, &data, &used);
                        sum.used += used;
                        sum.length += data.len;
                        sum.hash = mix(sum.hash, data);
                        assert(sum.used <= there && data.len <= used);
                } while (sum.end == BODY_DATA);
        }
        sum.trailers = mix(0, body_trailers(b));
        assert(sum.end != BODY_END || body_eof(b) == BODY_END);
        body_stop(b);
        return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
        if (len < 2)
                return 0;
        struct span in = {(const char *)bytes + 2, len - 2};
        struct message m = {.framing = bytes[0] % 8 < 4 ? bytes[0] % 4 : FRAMING_CHUNKED, .length = bytes[1]};
        struct sum once = sum_body(&m, in, in.len + 1), cut = sum_body(&m, in, 1 + bytes[1] % 16U);
        assert(once.end == cut.end && (once.end == BODY_FAULT || (once.length == cut.length && once.hash == cut.hash)));
        assert(once.end != BODY_END || (once.used == cut.used && once.trailers == cut.trailers));
        return 0;
}
