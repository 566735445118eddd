#include "http/freshness.h"
#include "http_heads.h"

#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
enum { DATED = 784111777 };

static bool guessed;

static int64_t lifetime_of(struct span head, bool allow)
{
        struct message m;
        struct cache_control cc;
        cr_assert_eq(parse_response(&m, head, METHOD_GET).kind, FAULT_NONE);
        cache_control_parse(&m, &cc);
        return freshness_lifetime(&m, &cc, DATED, allow, &guessed);
}
#define LIFETIME(text) lifetime_of(SPAN(text), true)

#define EXPIRES "Expires: Sun, 06 Nov 1994 08:50:37 GMT\r\n"

Test(freshness, s_maxage_beats_max_age_beats_expires)
{
        cr_expect_eq(LIFETIME(OK DATE EXPIRES "Cache-Control: max-age=5, s-maxage=9\r\n" END), 9);
        cr_expect_eq(LIFETIME(OK DATE EXPIRES "Cache-Control: max-age=5\r\n" END), 5);
        cr_expect_eq(LIFETIME(OK DATE EXPIRES END), 60);
        cr_expect_eq(LIFETIME(OK EXPIRES END), 60);
}

#define MODIFIED "Last-Modified: Sun, 06 Nov 1994 08:32:57 GMT\r\n" /* 1000 s before */

Test(freshness, invalid_or_repeated_expires_is_stale)
{
        cr_expect_eq(LIFETIME(OK DATE MODIFIED "Expires: 0\r\n" END), 0);
        cr_expect_eq(LIFETIME(OK DATE EXPIRES EXPIRES END), 0);
        cr_expect_eq(LIFETIME(OK DATE "Expires: Sun, 06 Nov 1994 08:00:00 GMT\r\n" END), 0);
}

Test(freshness, guesses_a_tenth_of_the_time_since_the_last_change)
{
        cr_expect_eq(LIFETIME(OK DATE MODIFIED END), 100);
        cr_expect(guessed);
        cr_expect_eq(LIFETIME(OK DATE "Last-Modified: Sun, 06 Nov 1988 08:32:57 GMT\r\n" END), 7 * 86400);
        cr_expect_eq(LIFETIME(OK DATE "Last-Modified: Sun, 06 Nov 2022 08:32:57 GMT\r\n" END), 0);
        cr_expect_not(guessed);
}

Test(freshness, guesses_only_where_it_may)
{
        cr_expect_eq(LIFETIME("HTTP/1.1 404 No\r\n" DATE MODIFIED END), 100);
        cr_expect_eq(LIFETIME("HTTP/1.1 302 No\r\n" DATE MODIFIED END), 0);
        cr_expect_eq(LIFETIME("HTTP/1.1 302 No\r\nCache-Control: public\r\n" DATE MODIFIED END), 100);
        cr_expect_eq(lifetime_of(SPAN(OK DATE MODIFIED END), false), 0);
}

Test(freshness, age_is_the_larger_of_apparent_and_received_and_what_passed_here)
{
        struct stored s = {.request_time = 100, .response_time = 103, .date = 103, .age = 10, .lifetime = 20};
        cr_expect_eq(freshness_age(&s, 105), 10 + 3 + 2);
        cr_expect_eq(freshness_left(&s, 105), 5);
        s.date = 50;
        cr_expect_eq(freshness_age(&s, 105), 53 + 2);
        s.date = 900;
        cr_expect_eq(freshness_age(&s, 90), 13, "a clock set back makes nothing younger than it came");
}

Test(freshness, age_saturates)
{
        struct stored s = {.request_time = 0, .response_time = 5, .age = INT64_MAX, .lifetime = 1};
        cr_expect_eq(freshness_age(&s, 9), INT64_MAX);
        cr_expect_lt(freshness_left(&s, 9), 0);
        s.date = INT64_MIN;
        cr_expect_eq(freshness_age(&s, 9), INT64_MAX);
        s.age = 0, s.date = INT64_MAX, s.response_time = INT64_MIN;
        cr_expect_geq(freshness_age(&s, 9), 0);
}
