/* http/multipart.c: parts are separated as RFC 9110 §14.6 shows, and the length is that of what is sent. */
#include <criterion/criterion.h>

#include "http/multipart.h"

static struct multipart parts = {.ranges = {{0, 1}, {5, 5}}, .count = 2, .whole = 10, .boundary = "0123456789abcdef"};

static void send(struct out *o)
{
        for (size_t n = 0; n <= parts.count; n++) {
                multipart_head(o, &parts, n);
                if (n < parts.count)
                        out_span(o, (struct span){"abcdefghij" + parts.ranges[n].first,
                                                  (size_t)(parts.ranges[n].last - parts.ranges[n].first + 1)});
        }
}

#define SENT(type)                                                                                                     \
        "\r\n--0123456789abcdef\r\n" type "Content-Range: bytes 0-1/10\r\n\r\nab"                                      \
        "\r\n--0123456789abcdef\r\n" type "Content-Range: bytes 5-5/10\r\n\r\nf"                                       \
        "\r\n--0123456789abcdef--\r\n"

Test(multipart, parts_and_their_length)
{
        char text[1000];
        struct out o = {.at = text, .cap = sizeof text};

        multipart_set_type(&parts, SPAN("text/plain"));
        send(&o);
        cr_assert(span_equal((struct span){text, o.len}, SPAN(SENT("Content-Type: text/plain\r\n"))));
        cr_assert_eq(multipart_length(&parts), o.len);
}

Test(multipart, parts_without_a_type)
{
        char text[1000], type[300];
        struct out o = {.at = text, .cap = sizeof text};

        memset(type, 'a', sizeof type);
        multipart_set_type(&parts, (struct span){type, sizeof type});
        send(&o);
        cr_assert(span_equal((struct span){text, o.len}, SPAN(SENT(""))));
        cr_assert_eq(multipart_length(&parts), o.len);
}

Test(multipart, the_replys_type)
{
        char text[MULTIPART_TYPE];
        struct out o = {.at = text, .cap = sizeof text};

        multipart_type(&o, &parts);
        cr_assert_not(o.overflow);
        cr_assert(span_equal((struct span){text, o.len}, SPAN("multipart/byteranges; boundary=0123456789abcdef")));
}
