/* Replies of our own (cases.md H10). */
#include "http/date.h"
#include "http/parse.h"
#include "http/render.h"

#include <criterion/criterion.h>

static char bytes[4096];

static struct out page(bool head_only, bool close)
{
        struct out o = {.at = bytes, .cap = sizeof bytes};
        render_error(&o, &(struct error_reply){.status = 502,
                                               .why = "the origin closed",
                                               .date = 784111777,
                                               .cache_status = SPAN("Limpid; detail=\"x\""),
                                               .head_only = head_only,
                                               .close = close});
        cr_assert(!o.overflow);
        return o;
}

static bool holds(const struct out *o, const char *text)
{
        return memmem(o->at, o->len, text, strlen(text)) != NULL;
}

Test(error_page, is_a_response_as_long_as_it_says)
{
        struct out o = page(false, true);
        struct head_scan at = {.seen = 0};
        struct fault f;
        struct message m;
        cr_assert_eq(scan_response(&at, o.at, o.len, &f), SCAN_DONE);
        f = parse_response(&m, (struct span){o.at, at.seen}, METHOD_GET);
        cr_assert_eq(f.kind, FAULT_NONE, "%s", f.why);
        cr_expect_eq(m.status, 502);
        cr_expect(!m.odd && !m.persistent);
        cr_expect_eq(m.length, o.len - at.seen);
}

Test(error_page, names_limpid_and_the_reason_and_is_not_stored)
{
        struct out o = page(false, false);
        cr_expect(holds(&o, "HTTP/1.1 502 Bad Gateway\r\n"));
        cr_expect(holds(&o, "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
        cr_expect(holds(&o, "\r\nCache-Control: no-store\r\n"));
        cr_expect(holds(&o, "\r\nCache-Status: Limpid; detail=\"x\"\r\n"));
        cr_expect(holds(&o, "Limpid"));
        cr_expect(holds(&o, "the origin closed"));
        cr_expect(!holds(&o, "Connection:"));
}

Test(error_page, a_reply_to_head_ends_with_its_head)
{
        struct out whole = page(false, true);
        size_t length = whole.len;
        struct out o = page(true, true);
        cr_expect_lt(o.len, length);
        cr_expect_eq(memcmp(o.at + o.len - 4, "\r\n\r\n", 4), 0);
}

Test(error_page, a_small_buffer_overflows)
{
        struct out o = {.at = bytes, .cap = 100};
        render_error(&o, &(struct error_reply){.status = 400, .why = "a", .close = true});
        cr_expect(o.overflow);
        cr_expect_leq(o.len, 100);
}
