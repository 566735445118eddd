#include "http/date.h"
#include <criterion/criterion.h>

enum { NOW = 1790000000, EXAMPLE = 784111777 }; /* 2026; RFC 9110's example */
#define PARSE(text) date_parse(SPAN(text), NOW)

Test(date, reads_all_three_formats)
{
        cr_expect_eq(PARSE("Sun, 06 Nov 1994 08:49:37 GMT"), EXAMPLE);
        cr_expect_eq(PARSE("Sunday, 06-Nov-94 08:49:37 GMT"), EXAMPLE);
        cr_expect_eq(PARSE("Sun Nov  6 08:49:37 1994"), EXAMPLE);
}

Test(date, reads_the_broken_ones)
{
        cr_expect_eq(PARSE("sun, 6 nov 1994 8:49:37 UTC"), EXAMPLE);
        cr_expect_eq(PARSE("06 Nov 1994 08:49:37"), EXAMPLE);
        cr_expect_eq(PARSE("Mon, 29 Feb 2016 00:00:00 GMT"), 1456704000);
        cr_expect_eq(PARSE("Thu, 01 Jan 1900 00:00:00 GMT"), 0);
}

Test(date, refuses_what_is_no_date)
{
        static const char *const bad[] = {"",
                                          "0",
                                          "-1",
                                          "Sun",
                                          "Sun, 06 Nov 1994",
                                          "Sun, 31 Feb 2020 00:00:00 GMT",
                                          "Sun, 06 Nov 1994 24:00:00 GMT",
                                          "Sun, 06 Nov 1994 08:60:00 GMT",
                                          "Sun, 06 Nov 1994 08:49:37 EST",
                                          "Sun, 06 Nov 1994 08:4:37 GMT",
                                          "Sun, 06 Nov 1994 08:49:37 +0100",
                                          "Sun, 06 Nov 19945 08:49:37 GMT",
                                          "Sun, 06 Nov Nov 1994 08:49:37 GMT",
                                          "Sun, 0x Nov 1994 08:49:37 GMT"};
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
                cr_expect_eq(date_parse((struct span){bad[i], strlen(bad[i])}, NOW), -1, "%s", bad[i]);
}

Test(date, two_digit_years_are_at_most_fifty_years_ahead)
{
        cr_expect_eq(PARSE("Friday, 01-Jan-27 00:00:00 GMT"), 1798761600);
        cr_expect_eq(PARSE("Friday, 01-Jan-99 00:00:00 GMT"), 915148800);
}

Test(date, formats_what_it_reads)
{
        static const int64_t times[] = {0, EXAMPLE, 951782400, 1456704000, 4107542399, 253402300799};
        char text[DATE_LEN + 1];
        for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
                date_format(times[i], text);
                cr_expect_eq(date_parse((struct span){text, DATE_LEN}, NOW), times[i], "%s", text);
        }
        date_format(EXAMPLE, text);
        cr_expect_str_eq(text, "Sun, 06 Nov 1994 08:49:37 GMT");
}

Test(date, formats_times_out_of_bounds_as_the_nearest_year)
{
        char text[DATE_LEN + 1];
        date_format(-5, text);
        cr_expect_str_eq(text, "Thu, 01 Jan 1970 00:00:00 GMT");
        date_format(INT64_MAX, text);
        cr_expect_eq(memcmp(text + 12, "9999", 4), 0);
}
