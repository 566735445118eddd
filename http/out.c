/* `struct out`: bytes appended to a buffer of fixed size, an overflow noted and never written. */
#include "http/digits.h"
#include "http/render.h"

void out_number(struct out *o, uint64_t n)
{
        unsigned digits = digits_count(n);

        if (digits > o->cap - o->len) {
                o->overflow = true;
                return;
        }
        o->len += digits;
        digits_write(o->at + o->len, n);
}

size_t render_chunk_line(char out[20], uint64_t len)
{
        size_t digits = 1;
        for (uint64_t n = len >> 4; n > 0; n >>= 4)
                digits++;
        for (size_t i = digits; i > 0; i--, len >>= 4)
                out[i - 1] = "0123456789abcdef"[len & 15];
        out[digits] = '\r';
        out[digits + 1] = '\n';
        return digits + 2;
}
