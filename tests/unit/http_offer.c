/* Which stored responses may be offered to the origin at once, and which one its 304 means (RFC 9111 §4.3.1, §4.3.4).
 */
#include "http/offer.h"

#include "http_heads.h"

static bool suits(struct span head)
{
        struct message m;

        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        return offer_suits(&m);
}

Test(offer, a_plain_get_suits)
{
        cr_expect(suits(SPAN(GET END)));
        cr_expect_not(suits(SPAN("HEAD / HTTP/1.1\r\n" HOST END)));
        cr_expect_not(suits(SPAN(GET "If-None-Match: \"a\"\r\n" END)));
        cr_expect_not(suits(SPAN(GET "Range: bytes=0-\r\n" END)));
}

static bool fits(struct span head, uint16_t status, struct span etag, struct span fields)
{
        struct stored s = {.status = status, .etag = etag, .fields = fields};
        struct message m;

        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        return offer_fits(&m, &s);
}

#define CODED SPAN("Content-Encoding: gzip\r\n")
#define NONE  SPAN("")
#define TAG   SPAN("\"a\"")

Test(offer, strong_tags_of_good_answers)
{
        cr_expect(fits(SPAN(GET END), 200, TAG, NONE));
        cr_expect_not(fits(SPAN(GET END), 404, TAG, NONE));
        cr_expect_not(fits(SPAN(GET END), 200, SPAN("W/\"a\""), NONE));
        cr_expect_not(fits(SPAN(GET END), 200, SPAN("a"), NONE));
        cr_expect_not(fits(SPAN(GET END), 200, NONE, NONE));
}

Test(offer, a_coding_that_the_client_names_as_good)
{
        cr_expect(fits(SPAN(GET "Accept-Encoding: br, GZIP;q=0.5\r\n" END), 200, TAG, CODED));
        cr_expect_not(fits(SPAN(GET END), 200, TAG, CODED));
        cr_expect_not(fits(SPAN(GET "Accept-Encoding: br\r\n" END), 200, TAG, CODED));
        cr_expect_not(fits(SPAN(GET "Accept-Encoding: gzip; q=0.000, br\r\n" END), 200, TAG, CODED));
}

Test(offer, a_list_as_long_as_there_is_room)
{
        char text[12];
        struct out o = {.at = text, .cap = sizeof text};
        struct stored s = {.etag = TAG};

        cr_expect(offer_add(&o, &s));
        cr_expect(offer_add(&o, &s));
        cr_expect_not(offer_add(&o, &s));
        cr_expect(span_equal((struct span){o.at, o.len}, SPAN("\"a\", \"a\"")) && !o.overflow);
}

Test(offer, the_tag_of_the_304_decides)
{
        struct stored s = {.etag = TAG};
        struct message m;

        cr_assert_eq(parse_response(&m, SPAN("HTTP/1.1 304 N\r\nETag: \"a\"\r\n" END), METHOD_GET).kind, FAULT_NONE);
        cr_expect(offer_taken(&m, &s));
        cr_assert_eq(parse_response(&m, SPAN("HTTP/1.1 304 N\r\nETag: W/\"a\"\r\n" END), METHOD_GET).kind, FAULT_NONE);
        cr_expect_not(offer_taken(&m, &s));
        cr_assert_eq(parse_response(&m, SPAN("HTTP/1.1 304 N\r\n" END), METHOD_GET).kind, FAULT_NONE);
        cr_expect_not(offer_taken(&m, &s));
}
