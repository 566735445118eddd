#include "http/reuse.h"
#include "http_heads.h"

/* Received at 100, good till 110. */
static struct stored stored = {
        .request_time = 100, .response_time = 100, .date = 100, .lifetime = 10, .last_modified = -1};

static void expect(enum reuse expected, const char *detail, struct span head, int64_t now)
{
        struct message m;
        const char *why = "unset";
        cr_assert_eq(parse_request(&m, head).kind, FAULT_NONE);
        cr_expect_eq(reuse_verdict(&m, &stored, now, &why), expected, "%.*s", (int)head.len, head.at);
        cr_expect((why == NULL && detail == NULL) || (why && detail && strcmp(why, detail) == 0), "%s, not %s",
                  why ? why : "NULL", detail ? detail : "NULL");
}

#define EXPECT(verdict, detail, fields, now) expect(REUSE_##verdict, detail, SPAN(GET fields END), now)
#define CC(value)                            "Cache-Control: " value "\r\n"

Test(reuse, fresh_until_the_lifetime_is_over)
{
        EXPECT(FRESH, NULL, "", 109);
        EXPECT(VALIDATE, "stale", "", 110);
        EXPECT(FRESH, NULL, CC("x"), 109);
        EXPECT(VALIDATE, "stale", CC("x"), 110);
}

Test(reuse, stored_no_cache_is_validated)
{
        stored.flags = STORED_NO_CACHE;
        EXPECT(VALIDATE, "no-cache", "", 100);
        EXPECT(VALIDATE, "no-cache", CC("max-stale"), 100);
}

Test(reuse, request_no_cache_is_validated)
{
        EXPECT(VALIDATE, "request-no-cache", CC("no-cache"), 100);
        EXPECT(VALIDATE, "request-no-cache", "Pragma: no-cache\r\n", 100);
        EXPECT(FRESH, NULL, "Pragma: no-cache\r\n" CC("max-age=9"), 100);
}

Test(reuse, request_max_age_bounds_the_age)
{
        EXPECT(FRESH, NULL, CC("max-age=5"), 105);
        EXPECT(VALIDATE, "request-max-age", CC("max-age=5"), 106);
        EXPECT(VALIDATE, "request-max-age", CC("max-age=0"), 100);
}

Test(reuse, immutable_survives_a_reload_but_not_a_forced_one)
{
        stored.flags = STORED_IMMUTABLE;
        EXPECT(FRESH, NULL, CC("max-age=0"), 105);
        EXPECT(VALIDATE, "request-max-age", CC("max-age=0"), 111);
        EXPECT(VALIDATE, "request-no-cache", CC("no-cache"), 105);
}

Test(reuse, min_fresh_asks_for_time_left)
{
        EXPECT(FRESH, NULL, CC("min-fresh=5"), 105);
        EXPECT(VALIDATE, "request-min-fresh", CC("min-fresh=5"), 106);
}

Test(reuse, stale_by_max_stale_alone)
{
        EXPECT(STALE, "max-stale", CC("max-stale=5"), 115);
        EXPECT(VALIDATE, "stale", CC("max-stale=5"), 116);
        EXPECT(STALE, "max-stale", CC("max-stale"), 99999);
        stored.flags = STORED_MUST_REVALIDATE;
        EXPECT(VALIDATE, "stale", CC("max-stale"), 115);
}

Test(reuse, only_if_cached_never_goes_on)
{
        EXPECT(FRESH, NULL, CC("only-if-cached"), 105);
        EXPECT(ONLY_CACHED, "stale", CC("only-if-cached"), 115);
}
