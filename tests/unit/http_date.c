#include "http/date.h"
#include "tests/unit/message.h"

/* now: 2026-11-23 */
enum { TODAY = 1795420000 };

#define READS(text, seconds)                                                                                           \
        do {                                                                                                           \
                int64_t got_ = date_parse(SPAN(text), TODAY);                                                          \
                cr_expect_eq(got_, (int64_t)(seconds), "%s: %ld", text, (long)got_);                                   \
        } while (0)
#define NO_DATE(text) READS(text, -1)

Test(date, all_three_formats_are_read)
{
        READS("Sun, 06 Nov 1994 08:49:37 GMT", NOW);
        READS("Sunday, 06-Nov-94 08:49:37 GMT", NOW);
        READS("Sun Nov  6 08:49:37 1994", NOW);
        READS("Sun Nov 16 08:49:37 1994", NOW + 10 * DAY);
}

Test(date, case_does_not_matter)
{
        READS("sun, 06 nov 1994 08:49:37 gmt", NOW);
        READS("SUN, 06 NOV 1994 08:49:37 GMT", NOW);
        READS("SUNDAY, 06-NOV-94 08:49:37 gMT", NOW);
}

Test(date, broken_dates_of_one_meaning_are_read)
{
        READS("Mon, 06 Nov 1994 08:49:37 GMT", NOW);         /* not that day's weekday */
        READS("Sun, 6 Nov 1994 8:49:37 GMT", NOW);           /* no zero in front */
        READS("Sun,  06  Nov  1994  08:49:37  GMT", NOW);    /* blanks */
        READS("Sun,06 Nov 1994 08:49:37 GMT", NOW);          /* none */
        READS("Sun 06 Nov 1994 08:49:37 GMT", NOW);          /* no comma */
        READS("Sun, 06-Nov-1994 08:49:37 GMT", NOW);         /* dashes */
        READS("Sunday, 06 November 1994 08:49:37 GMT", NOW); /* the name in full */
        READS("Sun, 06 Nov 1994 08:49:37 UTC", NOW);
        READS("Sun, 06 Nov 1994 08:49:37", NOW);
        READS("06 Nov 1994 08:49:37 GMT", NOW);
        READS("Sun Nov  6 08:49:37 GMT 1994", NOW);
        READS("Sun, 06 Nov 1994 08:49:37 GMT; length=1234", NOW);
        READS("Sun, 06 Nov 94 08:49:37 GMT", NOW);
        READS("  Sun, 06 Nov 1994 08:49:37 GMT\t", NOW);
}

Test(date, numbers_out_of_range_are_no_date)
{
        NO_DATE("Sun, 00 Nov 1994 08:49:37 GMT");
        NO_DATE("Sun, 31 Nov 1994 08:49:37 GMT");
        NO_DATE("Sun, 32 Dec 1994 08:49:37 GMT");
        NO_DATE("Sun, 29 Feb 1995 08:49:37 GMT");
        NO_DATE("Sun, 29 Feb 1900 08:49:37 GMT");
        NO_DATE("Sun, 06 Nov 1994 24:00:00 GMT");
        NO_DATE("Sun, 06 Nov 1994 08:60:37 GMT");
        NO_DATE("Sun, 06 Nov 1994 08:49:61 GMT");
        NO_DATE("Sun, 06 Nov 19940 08:49:37 GMT");
        NO_DATE("Sun, 06 Nov 199 08:49:37 GMT");
        NO_DATE("Sun, 006 Nov 1994 08:49:37 GMT");
        NO_DATE("Sun, 06 Nov 1994 008:49:37 GMT");
        NO_DATE("Sun, -6 Nov 1994 08:49:37:00 GMT");
}

Test(date, other_zones_are_no_date)
{
        NO_DATE("Sun, 06 Nov 1994 08:49:37 EST");
        NO_DATE("Sun, 06 Nov 1994 08:49:37 AEST");
        NO_DATE("Sun, 06 Nov 1994 08:49:37 +0100");
        NO_DATE("Sun, 06 Nov 1994 08:49:37 -0500");
        NO_DATE("Sun, 06 Nov 1994 08:49:37 GMT GMT");
        NO_DATE("Sun, 06 Nov 1994 08:49:37 GMT+1");
}

Test(date, junk_is_no_date)
{
        NO_DATE("");
        NO_DATE("0");
        NO_DATE("-1");
        NO_DATE(";");
        NO_DATE("now");
        NO_DATE("784111777");
        NO_DATE("1994-11-06T08:49:37Z");
        NO_DATE("Sun, 06 Nov 1994");
        NO_DATE("Sun, 06 Nov 08:49:37 GMT");
        NO_DATE("Sun, Nov 1994 08:49:37 GMT");
        NO_DATE("06 Nov 1994 08:49 GMT");
        NO_DATE("06 Nov 1994 08:4:37 GMT");
        NO_DATE("06 Nov 1994 08:49:7 GMT");
        NO_DATE("0x Nov 1994 08:49:37 GMT");
        NO_DATE("06 Nov 1994 08.49.37 GMT");
        NO_DATE("06 Nov 1994 08:49:37: GMT");
        NO_DATE("06 Nov 1994 :08:49 GMT");
        NO_DATE("06 Nov 1994 08:49:37 08:49:37");
        NO_DATE("06 Nov Dec 1994 08:49:37 GMT");
        NO_DATE("06 Xyz 1994 08:49:37 GMT");
        NO_DATE("06 No 1994 08:49:37 GMT");
        NO_DATE("Nov, 06 Sun 1994 08:49:37 GMT");
        NO_DATE("Sun, 06 Nov 1994 1995 08:49:37 GMT");
        NO_DATE("Sun, 06 Nov 1994 08:49:37 \xff");
        NO_DATE("Sun, 06 Nov 1994\0 08:49:37 GMT");
        NO_DATE("W/\"x\"");
        cr_expect_eq(date_parse((struct span){NULL, 0}, TODAY), -1);
}

Test(date, two_digits_are_at_most_fifty_years_ahead)
{
        READS("Thursday, 18-Aug-50 02:01:18 GMT", 2544400878);
        READS("Monday, 23-Nov-76 00:00:00 GMT", 3373315200); /* 50 years ahead less some hours */
        READS("Tuesday, 24-Nov-76 00:00:00 GMT", 217641600); /* more than that: 1976 */
        READS("Tuesday, 01-Jan-80 00:00:00 GMT", 315532800);
        cr_expect_eq(date_parse(SPAN("Friday, 01-Jan-10 00:00:00 GMT"), 3800000000), 4417977600); /* 2090: 2110 */
        cr_expect_eq(date_parse(SPAN("Sunday, 29-Feb-00 00:00:00 GMT"), NOW), 951782400);
}

Test(date, any_now_is_lived_with)
{
        cr_expect_eq(date_parse(SPAN("06-Nov-94 08:49:37"), INT64_MIN), NOW); /* 1970 and 24 years */
        cr_expect_gt(date_parse(SPAN("06-Nov-94 08:49:37"), INT64_MAX), 0);
}

Test(date, long_ago_is_a_date)
{
        READS("Thu, 01 Jan 1970 00:00:00 GMT", 0);
        READS("Wed, 31 Dec 1969 23:59:59 GMT", 0);
        READS("Mon, 01 Jan 1900 00:00:00 GMT", 0);
        READS("Mon, 01 Jan 0001 00:00:00 GMT", 0);
        READS("Mon, 01 Jan 0000 00:00:00 GMT", 0);
}

Test(date, the_far_future_is_a_date)
{
        READS("Tue, 19 Jan 2038 03:14:08 GMT", 2147483648);
        READS("Sun, 07 Feb 2106 06:28:16 GMT", 4294967296);
        READS("Sun, 21 Nov 2286 04:46:39 GMT", 10000039599);
        READS("Fri, 31 Dec 9999 23:59:59 GMT", 253402300799);
}

Test(date, a_leap_second_is_not_later_than_it_was_said)
{
        READS("Sat, 31 Dec 2016 23:59:60 GMT", 1483228799);
}

Test(date, what_is_written_is_read_again)
{
        static const int64_t seconds[] = {0,          NOW,        951782399,  951782400, 951868800,
                                          1456704000, 1483228799, 1483228800, TODAY,     253402300799};
        for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
                char text[DATE_LEN + 1];
                date_format(seconds[i], text);
                cr_expect_eq(text[DATE_LEN], '\0');
                cr_expect_eq(date_parse((struct span){text, DATE_LEN}, TODAY), seconds[i], "%s", text);
        }
}

Test(date, every_day_has_its_name)
{
        char before[DATE_LEN + 1], text[DATE_LEN + 1];
        for (int64_t day = 0; day < 150000; day++) {
                date_format(day * DAY, text);
                cr_assert_eq(date_parse((struct span){text, DATE_LEN}, TODAY), day * DAY, "%s", text);
                if (day > 6) {
                        date_format((day - 7) * DAY, before);
                        cr_assert(memcmp(text, before, 3) == 0, "%s", text);
                }
        }
}

Test(date, dates_are_written_as_imf_fixdate)
{
        char text[DATE_LEN + 1];
        date_format(NOW, text);
        cr_expect_str_eq(text, NOW_TEXT);
        date_format(-5, text);
        cr_expect_str_eq(text, "Thu, 01 Jan 1970 00:00:00 GMT");
        date_format(INT64_MAX, text);
        cr_expect_str_eq(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}

#define EXACT(text) cr_expect(date_is_exact(SPAN(text)), "%s", text)
#define LOOSE(text) cr_expect_not(date_is_exact(SPAN(text)), "%s", text)

Test(date, the_exact_forms_are_three)
{
        EXACT("Sun, 06 Nov 1994 08:49:37 GMT");
        EXACT("sUN, 06 nOV 1994 08:49:37 gmt");
        EXACT("Sunday, 06-Nov-94 08:49:37 GMT");
        EXACT("Sun Nov  6 08:49:37 1994");
        EXACT("Sun Nov 16 08:49:37 1994");
        LOOSE("");
        LOOSE("0");
        LOOSE("Sun, 06 Nov 1994 08:49:37 UTC");
        LOOSE("Sun, 06 Nov 1994 08:49:37");
        LOOSE("Sun, 06 Nov 1994 08:49:37 GMT ");
        LOOSE("Sun, 06 Nov 94 08:49:37 GMT");
        LOOSE("Sun 06 Nov 1994 08:49:37 GMT");
        LOOSE("Sun, 06  Nov  1994 08:49:37 GMT");
        LOOSE("Sun, 06-Nov-1994 08:49:37 GMT");
        LOOSE("Sun, 06 Nov 1994 8:49:37 GMT");
        LOOSE("Sun, 06-Nov-94 08:49:37 GMT");
        LOOSE("Sun, 06 Nov 1994 08:49:37 +0000");
}
