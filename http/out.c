/* `struct out`: bytes appended to a buffer of fixed size, an overflow noted and never written. */
#include "http/render.h"

void out_span(struct out *o, struct span s)
{
        if (s.len > o->cap - o->len) {
                o->overflow = true;
                return;
        }
        if (s.len > 0)
                memcpy(o->at + o->len, s.at, s.len);
        o->len += s.len;
}

void out_number(struct out *o, uint64_t n)
{
        char digits[20];
        char *at = digits + sizeof digits;
        do {
                *--at = (char)('0' + n % 10);
                n /= 10;
        } while (n > 0);
        out_span(o, (struct span){at, (size_t)(digits + sizeof digits - at)});
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
