#include "http/freshness.h"
#include "tests/unit/message.h"

static int64_t lifetime(struct span head, bool allow_heuristic, bool *heuristic)
{
        struct message m;
        struct cache_control cc;
        message_of(&m, head);
        cache_control_parse(&m, &cc);
        return freshness_lifetime(&m, &cc, NOW, allow_heuristic, heuristic);
}

#define LIFETIME(status, fields, seconds)                                                                              \
        do {                                                                                                           \
                bool guessed_;                                                                                         \
                int64_t got_ = lifetime(SPAN("HTTP/1.1 " status "\r\n" fields "\r\n"), true, &guessed_);               \
                cr_expect_eq(got_, (seconds), "%ld for %s", (long)got_, #fields);                                      \
                cr_expect_not(guessed_);                                                                               \
        } while (0)

#define GUESSED(status, fields, seconds)                                                                               \
        do {                                                                                                           \
                bool guessed_;                                                                                         \
                int64_t got_ = lifetime(SPAN("HTTP/1.1 " status "\r\n" fields "\r\n"), true, &guessed_);               \
                cr_expect_eq(got_, (seconds), "%ld for %s", (long)got_, #fields);                                      \
                cr_expect(guessed_);                                                                                   \
        } while (0)

#define DATE    "Date: " NOW_TEXT "\r\n"
#define HOUR_ON "Expires: Sun, 06 Nov 1994 09:49:37 GMT\r\n"
#define DAY_OLD "Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\n"

Test(freshness, s_maxage_beats_max_age)
{
        LIFETIME("200 OK", DATE HOUR_ON "Cache-Control: max-age=10, s-maxage=20\r\n", 20);
        LIFETIME("200 OK", DATE HOUR_ON "Cache-Control: max-age=10, s-maxage=0\r\n", 0);
        LIFETIME("200 OK", DATE HOUR_ON "Cache-Control: max-age=10, s-maxage=x\r\n", 0);
}

Test(freshness, max_age_beats_expires)
{
        LIFETIME("200 OK", DATE HOUR_ON "Cache-Control: max-age=10\r\n", 10);
        LIFETIME("200 OK", DATE "Expires: 0\r\nCache-Control: max-age=10\r\n", 10);
        LIFETIME("200 OK", DATE HOUR_ON "Cache-Control: max-age=bad\r\n", 0);
}

Test(freshness, expires_counts_from_date)
{
        LIFETIME("200 OK", DATE HOUR_ON, HOUR);
        LIFETIME("200 OK", "Date: Sun, 06 Nov 1994 07:49:37 GMT\r\n" HOUR_ON, 2 * HOUR);
        LIFETIME("200 OK", HOUR_ON, HOUR);
        LIFETIME("200 OK", "Date: yesterday\r\n" HOUR_ON, HOUR);
        LIFETIME("404 Not Found", DATE HOUR_ON, HOUR);
        LIFETIME("599 Odd", DATE HOUR_ON, HOUR);
}

Test(freshness, expires_that_has_passed_or_is_no_date_is_stale)
{
        LIFETIME("200 OK", DATE DAY_OLD "Expires: " NOW_TEXT "\r\n", 0);
        LIFETIME("200 OK", DATE DAY_OLD "Expires: Sat, 05 Nov 1994 08:49:37 GMT\r\n", 0);
        LIFETIME("200 OK", DATE DAY_OLD "Expires: 0\r\n", 0);
        LIFETIME("200 OK", DATE DAY_OLD "Expires: -1\r\n", 0);
        LIFETIME("200 OK", DATE DAY_OLD "Expires:\r\n", 0);
        LIFETIME("200 OK", DATE DAY_OLD "Expires: Sun, 06 Nov 2050 09:49:37 AEST\r\n", 0);
        LIFETIME("200 OK", DATE DAY_OLD "Expires: Wed, 31 Dec 1969 23:59:59 GMT\r\n", 0);
}

Test(freshness, of_several_expires_the_first_counts)
{
        LIFETIME("200 OK", DATE HOUR_ON "Expires: Mon, 07 Nov 1994 08:49:37 GMT\r\n", HOUR);
        LIFETIME("200 OK", DATE "Expires: Mon, 07 Nov 1994 08:49:37 GMT\r\n" HOUR_ON, 24 * HOUR);
        LIFETIME("200 OK", DATE "Expires: 0\r\n" HOUR_ON, 0);
}

Test(freshness, a_tenth_of_the_time_since_last_modified_is_guessed)
{
        GUESSED("200 OK", DATE DAY_OLD, DAY / 10);
        GUESSED("200 OK", DAY_OLD, DAY / 10);
        GUESSED("404 Not Found", DATE DAY_OLD, DAY / 10);
        GUESSED("200 OK", DATE "Last-Modified: Sun, 06 Nov 1983 08:49:37 GMT\r\n", 7 * DAY);
        GUESSED("200 OK", DATE DAY_OLD "Cache-Control: must-revalidate\r\n", DAY / 10);
}

Test(freshness, nothing_is_guessed_without_last_modified)
{
        LIFETIME("200 OK", DATE, 0);
        LIFETIME("200 OK", DATE "Last-Modified: long ago\r\n", 0);
        LIFETIME("200 OK", DATE "Last-Modified: Mon, 07 Nov 1994 08:49:37 GMT\r\n", 0);
}

Test(freshness, a_status_must_allow_guesses_or_be_public)
{
        LIFETIME("302 Found", DATE DAY_OLD, 0);
        LIFETIME("500 Oh", DATE DAY_OLD, 0);
        LIFETIME("299 Odd", DATE DAY_OLD, 0);
        GUESSED("302 Found", DATE DAY_OLD "Cache-Control: public\r\n", DAY / 10);
        GUESSED("599 Odd", DATE DAY_OLD "Cache-Control: public\r\n", DAY / 10);
        static const uint16_t allowed[] = {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501};
        unsigned count = 0;
        for (uint16_t status = 100; status < 600; status++)
                count += freshness_status_allows_heuristic(status);
        for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
                cr_expect(freshness_status_allows_heuristic(allowed[i]));
        cr_expect_eq(count, 12);
}

Test(freshness, nothing_is_guessed_where_that_is_not_allowed)
{
        bool heuristic = true;
        cr_expect_eq(lifetime(SPAN(OK_(DATE DAY_OLD) "\r\n"), false, &heuristic), 0);
        cr_expect_not(heuristic);
        cr_expect_eq(lifetime(SPAN(OK_("Cache-Control: max-age=5\r\n") "\r\n"), false, &heuristic), 5);
}

/* ---- age ------------------------------------------------------------------------------------------------------- */

static int64_t age_value(struct span head)
{
        struct message m;
        return freshness_age_value(message_of(&m, head));
}
#define AGE(fields) age_value(SPAN(OK_(fields) "\r\n"))

Test(freshness, of_a_list_of_ages_the_first_counts)
{
        cr_expect_eq(AGE("Age: 7\r\n"), 7);
        cr_expect_eq(AGE("Age: 7, 9\r\n"), 7);
        cr_expect_eq(AGE("Age: 9\r\nAge: 7\r\n"), 9);
        cr_expect_eq(AGE("Age: 0, 7\r\n"), 0);
        cr_expect_eq(AGE(""), 0);
}

Test(freshness, an_age_that_is_no_number_is_passed_over)
{
        cr_expect_eq(AGE("Age: -7\r\n"), 0);
        cr_expect_eq(AGE("Age: 7.0\r\n"), 0);
        cr_expect_eq(AGE("Age: \"7\"\r\n"), 0);
        cr_expect_eq(AGE("Age: x, 7\r\n"), 0);
        cr_expect_eq(AGE("Age:\r\n"), 0);
}

Test(freshness, an_age_saturates)
{
        cr_expect_eq(AGE("Age: 99999999999999999999\r\n"), INT64_MAX);
        struct stored s = {.age = INT64_MAX, .date = NOW, .request_time = NOW - 5, .response_time = NOW, .lifetime = 9};
        cr_expect_eq(freshness_age(&s, NOW + 10), INT64_MAX);
        cr_expect_eq(freshness_left(&s, NOW + 10), 9 - INT64_MAX);
        s.lifetime = INT64_MAX;
        cr_expect_eq(freshness_left(&s, NOW), 0);
        s = (struct stored){.date = INT64_MIN, .response_time = INT64_MAX};
        cr_expect_eq(freshness_age(&s, INT64_MAX), INT64_MAX);
        s = (struct stored){.date = INT64_MAX, .request_time = INT64_MAX, .response_time = INT64_MIN};
        cr_expect_geq(freshness_age(&s, 9), 0);
}

Test(freshness, age_is_the_time_here_and_on_the_way)
{
        struct stored s = {.date = NOW, .request_time = NOW, .response_time = NOW, .lifetime = 100};
        cr_expect_eq(freshness_age(&s, NOW), 0);
        cr_expect_eq(freshness_age(&s, NOW + 60), 60);
        s.age = 7;
        cr_expect_eq(freshness_age(&s, NOW + 60), 67);
        s.request_time = NOW - 3; /* the response took as long */
        cr_expect_eq(freshness_age(&s, NOW + 60), 70);
        cr_expect_eq(freshness_left(&s, NOW + 60), 30);
}

Test(freshness, an_old_date_counts_where_it_is_more)
{
        struct stored s = {.date = NOW - 50, .request_time = NOW, .response_time = NOW, .age = 20};
        cr_expect_eq(freshness_age(&s, NOW), 50);
        s.age = 80;
        cr_expect_eq(freshness_age(&s, NOW), 80);
        s.date = NOW + HOUR; /* their clock is ahead */
        cr_expect_eq(freshness_age(&s, NOW), 80);
}

Test(freshness, a_clock_that_was_set_back_makes_nothing_younger)
{
        struct stored s = {.date = NOW, .request_time = NOW + 5, .response_time = NOW, .age = 7, .lifetime = -5};
        cr_expect_eq(freshness_age(&s, NOW - HOUR), 7);
        cr_expect_eq(freshness_left(&s, NOW - HOUR), -7);
}

Test(freshness, a_date_that_cannot_be_read_is_the_time_of_arrival)
{
        struct message m;
        cr_expect_eq(freshness_date(response_of(&m, OK_("")), NOW + 9), NOW + 9);
        cr_expect_eq(freshness_date(response_of(&m, OK_("Date: x\r\n")), NOW + 9), NOW + 9);
        cr_expect_eq(freshness_date(response_of(&m, OK_(DATE)), NOW + 9), NOW);
}
