#include "http/cache_control.h"
#include "http_heads.h"

static struct cache_control parse(const char *value)
{
        char head[512];
        struct message m;
        struct cache_control cc;
        int len = snprintf(head, sizeof head, OK "Cache-Control: %s\r\n" END, value);
        cr_assert_eq(parse_response(&m, (struct span){head, (size_t)len}, METHOD_GET).kind, FAULT_NONE);
        cache_control_parse(&m, &cc);
        return cc;
}

Test(cache_control, reads_flags_and_seconds)
{
        struct cache_control cc = parse("Public, MAX-AGE=30,s-maxage=\"40\", immutable, unknown=\"no-store, private\"");
        cr_expect_eq(cc.set, CC_PUBLIC | CC_IMMUTABLE);
        cr_expect_eq(cc.max_age, 30);
        cr_expect_eq(cc.s_maxage, 40);
        cr_expect_eq(cc.stale_if_error, -1);
}

Test(cache_control, lower_of_two_wins)
{
        cr_expect_eq(parse("max-age=30, max-age=10").max_age, 10);
        cr_expect_eq(parse("max-age=10, max-age=30").max_age, 10);
}

Test(cache_control, arguments_not_understood_are_zero)
{
        static const char *const odd[] = {"max-age",     "max-age=",    "max-age=-1",
                                          "max-age=1.5", "max-age=30s", "max-age=\"3"};
        for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
                cr_expect_eq(parse(odd[i]).max_age, 0, "%s", odd[i]);
}

Test(cache_control, seconds_saturate)
{
        cr_expect_eq(parse("max-age=99999999999999999999").max_age, INT64_MAX);
}

Test(cache_control, max_stale_may_go_without_argument)
{
        cr_expect_eq(parse("max-stale").set, CC_MAX_STALE_ANY);
        cr_expect_eq(parse("max-stale").max_stale, -1);
        cr_expect_eq(parse("max-stale=7").max_stale, 7);
        cr_expect_eq(parse("max-stale=x").max_stale, -1);
        cr_expect_eq(parse("max-stale=x").set, 0);
}

Test(cache_control, named_fields_are_another_directive)
{
        cr_expect_eq(parse("no-cache=\"set-cookie\", private=X-A").set, CC_NO_CACHE_FIELDS | CC_PRIVATE_FIELDS);
        cr_expect_eq(parse("no-cache, private").set, CC_NO_CACHE | CC_PRIVATE);
        cr_expect_eq(parse("no-cache=\"\"").set, CC_NO_CACHE);
}

Test(cache_control, names_fields_in_a_quoted_list)
{
        struct message m;
        RESPONSE(&m, OK "Cache-Control: max-age=1, no-cache=\"a, Set-Cookie\"\r\nCache-Control: private=b\r\n" END);
        cr_expect(cache_control_names(&m, SPAN("set-cookie")));
        cr_expect(cache_control_names(&m, SPAN("B")));
        cr_expect_not(cache_control_names(&m, SPAN("cookie")));
        cr_expect_not(cache_control_names(&m, SPAN("1")));
}
