#include "http/cache_control.h"
#include "tests/unit/message.h"

static struct cache_control parsed(struct span head)
{
        struct message m;
        struct cache_control cc;
        cache_control_parse(message_of(&m, head), &cc);
        return cc;
}

#define CC(value)  parsed(SPAN(OK_("Cache-Control: " value "\r\n") "\r\n"))
#define SET(value) CC(value).set

Test(cache_control, what_is_absent_is_minus_one)
{
        struct cache_control cc = parsed(SPAN(OK_("Cache: max-age=5\r\n") "\r\n"));
        cr_expect_eq(cc.set, 0);
        cr_expect_eq(cc.max_age, -1);
        cr_expect_eq(cc.s_maxage, -1);
        cr_expect_eq(cc.max_stale, -1);
        cr_expect_eq(cc.min_fresh, -1);
        cr_expect_eq(cc.stale_while_revalidate, -1);
        cr_expect_eq(cc.stale_if_error, -1);
}

Test(cache_control, every_directive_is_known)
{
        cr_expect_eq(SET("no-store"), CC_NO_STORE);
        cr_expect_eq(SET("no-cache"), CC_NO_CACHE);
        cr_expect_eq(SET("private"), CC_PRIVATE);
        cr_expect_eq(SET("public"), CC_PUBLIC);
        cr_expect_eq(SET("must-revalidate"), CC_MUST_REVALIDATE);
        cr_expect_eq(SET("proxy-revalidate"), CC_PROXY_REVALIDATE);
        cr_expect_eq(SET("must-understand"), CC_MUST_UNDERSTAND);
        cr_expect_eq(SET("no-transform"), CC_NO_TRANSFORM);
        cr_expect_eq(SET("only-if-cached"), CC_ONLY_IF_CACHED);
        cr_expect_eq(SET("immutable"), CC_IMMUTABLE);
        cr_expect_eq(SET("max-stale"), CC_MAX_STALE_ANY);
        struct cache_control cc = CC("max-age=1, s-maxage=2, max-stale=3, min-fresh=4, stale-while-revalidate=5, "
                                     "stale-if-error=6");
        cr_expect_eq(cc.set, 0);
        cr_expect_eq(cc.max_age, 1);
        cr_expect_eq(cc.s_maxage, 2);
        cr_expect_eq(cc.max_stale, 3);
        cr_expect_eq(cc.min_fresh, 4);
        cr_expect_eq(cc.stale_while_revalidate, 5);
        cr_expect_eq(cc.stale_if_error, 6);
}

Test(cache_control, case_and_lines_do_not_matter)
{
        struct cache_control cc =
                parsed(SPAN(OK_("Cache-Control: No-Store,MAX-AGE=5\r\nX: y\r\ncache-control:  ,pUblic ,\r\n") "\r\n"));
        cr_expect_eq(cc.set, CC_NO_STORE | CC_PUBLIC);
        cr_expect_eq(cc.max_age, 5);
}

Test(cache_control, unknown_directives_are_passed_over)
{
        struct cache_control cc = CC("community=\"UCI, max-age=1\", xmax-age=2, max-age=7, no-storex, \"public\", =5");
        cr_expect_eq(cc.set, 0);
        cr_expect_eq(cc.max_age, 7);
}

Test(cache_control, quoted_seconds_are_seconds)
{
        cr_expect_eq(CC("max-age=\"60\"").max_age, 60);
        cr_expect_eq(CC("max-age=0060").max_age, 60);
}

Test(cache_control, seconds_saturate)
{
        cr_expect_eq(CC("max-age=99999999999999999999").max_age, INT64_MAX);
        cr_expect_eq(CC("s-maxage=2147483648").s_maxage, 2147483648);
}

Test(cache_control, seconds_that_are_no_number_are_none)
{
        cr_expect_eq(CC("max-age").max_age, 0);
        cr_expect_eq(CC("max-age=").max_age, 0);
        cr_expect_eq(CC("max-age=x").max_age, 0);
        cr_expect_eq(CC("max-age=60x").max_age, 0);
        cr_expect_eq(CC("max-age=-60").max_age, 0);
        cr_expect_eq(CC("max-age=+60").max_age, 0);
        cr_expect_eq(CC("max-age=60.5").max_age, 0);
        cr_expect_eq(CC("max-age='60'").max_age, 0);
        cr_expect_eq(CC("max-age= 60").max_age, 0);
        cr_expect_eq(CC("max-age =60").max_age, 0);
        cr_expect_eq(CC("max-age=\"60").max_age, 0);
        cr_expect_eq(CC("max-age=\"\"").max_age, 0);
        cr_expect_eq(CC("max-age=60;public").max_age, 0);
        cr_expect_eq(CC("stale-while-revalidate=x").stale_while_revalidate, 0);
        cr_expect_eq(CC("stale-if-error").stale_if_error, 0);
}

Test(cache_control, max_stale_that_is_no_number_is_not_there)
{
        struct cache_control cc = CC("max-stale=x");
        cr_expect_eq(cc.max_stale, -1);
        cr_expect_eq(cc.set, 0);
}

Test(cache_control, of_several_the_first_counts)
{
        cr_expect_eq(CC("max-age=60, max-age=5").max_age, 60);
        cr_expect_eq(CC("max-age=5, max-age=60").max_age, 5);
        cr_expect_eq(CC("max-age=0, max-age=60").max_age, 0);
        cr_expect_eq(CC("max-age=60, max-age=x").max_age, 60);
        cr_expect_eq(CC("max-age=x, max-age=60").max_age, 0);
        cr_expect_eq(CC("s-maxage=7\r\nCache-Control: s-maxage=9").s_maxage, 7);
        cr_expect_eq(CC("stale-if-error=7, stale-if-error=9").stale_if_error, 7);
}

Test(cache_control, of_what_a_client_asks_twice_the_strictest_holds)
{
        cr_expect_eq(CC("max-stale=9, max-stale=5").max_stale, 5);
        cr_expect_eq(CC("min-fresh=9, min-fresh=5").min_fresh, 9);
        cr_expect_eq(CC("min-fresh=5, min-fresh=9").min_fresh, 9);
        cr_expect_eq(SET("private, private=\"x\""), CC_PRIVATE | CC_PRIVATE_FIELDS);
}

Test(cache_control, what_forbids_is_heard_however_it_is_written)
{
        cr_expect_eq(SET("no-store=1"), CC_NO_STORE);
        cr_expect_eq(SET("no-store;x"), CC_NO_STORE);
        cr_expect_eq(SET("must-revalidate=\"\""), CC_MUST_REVALIDATE);
        cr_expect_eq(SET("no-cache="), CC_NO_CACHE);
        cr_expect_eq(SET("private=\"\""), CC_PRIVATE);
        cr_expect_eq(SET("private=\"a b\""), CC_PRIVATE);
        cr_expect_eq(SET("private=\"a, (\""), CC_PRIVATE);
        cr_expect_eq(SET("private=\"a"), CC_PRIVATE);
        cr_expect_eq(SET("no-cache \"a\""), CC_NO_CACHE);
}

Test(cache_control, what_permits_is_heard_only_as_it_is_to_be_written)
{
        cr_expect_eq(SET("public=1"), 0);
        cr_expect_eq(SET("immutable;"), 0);
        cr_expect_eq(SET("must-understand=\"x\""), 0);
        cr_expect_eq(SET("max-stale="), 0);
}

Test(cache_control, fields_can_be_named)
{
        cr_expect_eq(SET("no-cache=\"a\""), CC_NO_CACHE_FIELDS);
        cr_expect_eq(SET("no-cache=a"), CC_NO_CACHE_FIELDS);
        cr_expect_eq(SET("private=\"Set-Cookie, , x\""), CC_PRIVATE_FIELDS);
        struct message m;
        response_of(&m, OK_("Cache-Control: no-cache=\"Set-Cookie , X-a\", foo=\"c\"\r\nCache-Control: "
                            "private=b, private, no-store=d\r\n"));
        cr_expect(cache_control_names(&m, SPAN("set-cookie")));
        cr_expect(cache_control_names(&m, SPAN("x-A")));
        cr_expect(cache_control_names(&m, SPAN("B")));
        cr_expect_not(cache_control_names(&m, SPAN("c")));
        cr_expect_not(cache_control_names(&m, SPAN("d")));
        cr_expect_not(cache_control_names(&m, SPAN("x-")));
}

Test(cache_control, endless_lists_of_names_stand_for_all)
{
        static char head[8192];
        size_t len = (size_t)sprintf(head, OK_("Cache-Control: public"));
        while (len < 5000)
                len += (size_t)sprintf(head + len, ", private=\"x%zu\", no-cache=y", len);
        len += (size_t)sprintf(head + len, "\r\n\r\n");
        struct cache_control cc = parsed((struct span){head, len});
        cr_expect_eq(cc.set, CC_PUBLIC | CC_PRIVATE | CC_PRIVATE_FIELDS | CC_NO_CACHE | CC_NO_CACHE_FIELDS);
}
