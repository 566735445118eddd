#include "http/render.h"
#include <criterion/criterion.h>

static void expect(const struct out *o, struct span text)
{
        cr_assert(span_equal((struct span){o->at, o->len}, text), "got \"%.*s\"", (int)o->len, o->at);
}

Test(out, appends_spans_and_numbers)
{
        char bytes[64];
        struct out o = {.at = bytes, .cap = sizeof bytes};
        out_text(&o, "a");
        out_number(&o, 0);
        out_text(&o, " ");
        out_number(&o, UINT64_MAX);
        out_span(&o, (struct span){NULL, 0});
        expect(&o, SPAN("a0 18446744073709551615"));
        cr_assert(!o.overflow);
}

Test(out, notes_an_overflow_and_writes_nothing_beyond)
{
        char bytes[8] = "xxxxxxx";
        struct out o = {.at = bytes, .cap = 4};
        out_text(&o, "abc");
        out_text(&o, "de");
        cr_assert(o.overflow);
        cr_assert_eq(bytes[4], 'x');
        expect(&o, SPAN("abc"));
}

Test(out, a_span_that_just_fits_is_no_overflow)
{
        char bytes[3];
        struct out o = {.at = bytes, .cap = sizeof bytes};
        out_text(&o, "abc");
        cr_assert(!o.overflow);
        expect(&o, SPAN("abc"));
}

Test(out, chunk_lines_are_hexadecimal_without_leading_zeros)
{
        char line[20];
        cr_assert_eq(render_chunk_line(line, 0), 3);
        cr_assert_eq(memcmp(line, "0\r\n", 3), 0);
        cr_assert_eq(render_chunk_line(line, 0x1a0), 5);
        cr_assert_eq(memcmp(line, "1a0\r\n", 5), 0);
        cr_assert_eq(render_chunk_line(line, UINT64_MAX), 18);
        cr_assert_eq(memcmp(line, "ffffffffffffffff\r\n", 18), 0);
}
