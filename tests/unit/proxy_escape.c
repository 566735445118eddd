/* Each form lets pass what is harmless in its place, escapes the rest, and stops where there is no room. */
#include "proxy/escape.h"

#include <criterion/criterion.h>

static const char *run(char *(*escape)(char *, const char *, struct span), struct span s)
{
        static char out[64];

        *escape(out, out + sizeof out - 1, s) = 0;
        return out;
}

#define CHECK(escape, in, out) cr_expect_str_eq(run(escape, SPAN(in)), out)

Test(escape, a_url_keeps_its_printable_bytes)
{
        CHECK(escape_url, "/a%20b?x='1'&y=[{<~>}]", "/a%20b?x='1'&y=[{<~>}]");
}

Test(escape, a_url_loses_blanks_quotes_line_ends_and_all_but_ascii)
{
        CHECK(escape_url, "\"\\", "%22%5C");
        CHECK(escape_url, "a b\tc\r\nd\0e\x7f\xc3\xa9", "a%20b%09c%0D%0Ad%00e%7F%C3%A9");
}

Test(escape, a_quoted_text_cannot_end_its_quotes)
{
        CHECK(escape_quoted, "a \"b\" \\ c\n\xff", "a \\\"b\\\" \\\\ c\\x0A\\xFF");
}

Test(escape, json_keeps_utf8)
{
        CHECK(escape_json, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
}

Test(escape, json_replaces_what_is_no_utf8)
{
        CHECK(escape_json, "a\xff", "a\\uFFFD");                                /* no first byte */
        CHECK(escape_json, "\xc0\xaf", "\\uFFFD\\uFFFD");                       /* overlong */
        CHECK(escape_json, "\xe0\x80\xaf", "\\uFFFD\\uFFFD\\uFFFD");            /* overlong */
        CHECK(escape_json, "\xed\xa0\x80", "\\uFFFD\\uFFFD\\uFFFD");            /* a surrogate */
        CHECK(escape_json, "\xf4\x90\x80\x80", "\\uFFFD\\uFFFD\\uFFFD\\uFFFD"); /* above U+10FFFF */
        CHECK(escape_json, "\xe2\x82", "\\uFFFD\\uFFFD");                       /* cut short */
        CHECK(escape_json, "\xe2\x82z", "\\uFFFD\\uFFFDz");
}

Test(escape, json_escapes_quotes_controls_and_line_separators)
{
        CHECK(escape_json, "\"\\\n\x7f\xc2\x85\xe2\x80\xa8", "\\\"\\\\\\u000A\\u007F\\u0085\\u2028");
}

Test(escape, a_message_shows_control_bytes_and_moves_no_cursor)
{
        CHECK(escape_message,
              "caf\xc3\xa9 \"x\" \\ \x1b[2J\n\xc2\x9b"
              "31m\xff",
              "caf\xc3\xa9 \"x\" \\ \\x1B[2J\\x0A\\xC2\\x9B31m\\xFF");
}

Test(escape, no_escape_is_cut_in_half)
{
        char out[8] = "#######";

        cr_expect_eq(escape_url(out, out + 5, SPAN("abc\n")) - out, 3);
        cr_expect_eq(escape_url(out, out + 6, SPAN("abc\n")) - out, 6);
        cr_expect_eq(escape_url(out, out + 2, SPAN("abc\n")) - out, 2);
        cr_expect_eq(escape_json(out, out + 5, SPAN("\n")) - out, 0);
        cr_expect_eq(out[6], '#');
}

Test(escape, nothing_is_escaped_to_nothing)
{
        char out[1] = {0};

        cr_expect_eq(escape_url(out, out, SPAN("a")), out);
        cr_expect_eq(escape_url(out, out + 1, (struct span){NULL, 0}), out);
}
