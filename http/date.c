/* Dates as words: a date of any of the three formats (RFC 9110 §5.6.7), and of the broken ones that servers send, is a
 * handful of words between blanks, commas and dashes. Each word is taken for what it looks like (month, clock, day,
 * year, zone); the day of the week says nothing that the rest does not. */
#include "http/date.h"

#include "http/fields.h"
#include "http/octet.h"

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"}; /* day 0 was a Thursday */

enum { DAY_SECONDS = 86400, ERA_DAYS = 146097, EPOCH_DAYS = 719468 };

struct parts {
        int64_t day, month, year, clock; /* -1: not seen yet; month from 1, clock in seconds */
        bool short_year;
};

/* Days since 1970 of a Gregorian date, counted in years that begin in March, so that a leap day is a year's last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
        int64_t y = month > 2 ? year : year - 1;
        int64_t m = month > 2 ? month - 3 : month + 9;
        return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - EPOCH_DAYS;
}

static int64_t month_length(int64_t year, int64_t month)
{
        int64_t next = month == 12 ? days_of(year + 1, 1, 1) : days_of(year, month + 1, 1);
        return next - days_of(year, month, 1);
}

/* The next run of anything but blanks, commas and dashes; empty at the end. */
static struct span next_word(struct span *rest)
{
        size_t from = 0, to;
        while (from < rest->len && strchr(" \t,-", rest->at[from]))
                from++;
        for (to = from; to < rest->len && !strchr(" \t,-", rest->at[to]);)
                to++;
        struct span word = {rest->at + from, to - from};
        *rest = (struct span){rest->at + to, rest->len - to};
        return word;
}

/* h:mm:ss or hh:mm:ss; a leap second is let pass as the second after it. */
static bool take_clock(struct span word, struct parts *p)
{
        size_t hour = octet_run(word, OCTET_DIGIT);
        if (p->clock >= 0 || hour < 1 || hour > 2 || word.len != hour + 6 || word.at[hour + 3] != ':')
                return false;
        int64_t h = span_decimal((struct span){word.at, hour});
        int64_t m = span_decimal((struct span){word.at + hour + 1, 2});
        int64_t s = span_decimal((struct span){word.at + hour + 4, 2});
        p->clock = h * 3600 + m * 60 + s;
        return h < 24 && m >= 0 && m < 60 && s >= 0 && s <= 60;
}

/* The first number of a date is its day in all three formats, the second its year. */
static bool take_number(struct span word, struct parts *p)
{
        int64_t n = span_decimal(word);
        if (n < 0)
                return false;
        if (p->day < 0 && word.len <= 2) {
                p->day = n;
                return true;
        }
        if (p->year >= 0 || (word.len != 4 && word.len != 2))
                return false;
        p->year = n;
        p->short_year = word.len == 2;
        return true;
}

static bool take_month(struct span word, struct parts *p)
{
        for (int i = 0; p->month < 0 && i < 12; i++)
                if (span_equal_fold(word, (struct span){months[i], 3}))
                        p->month = i + 1;
        return p->month >= 0 && word.len == 3;
}

/* Mon to Wednesday: three letters decide. */
static bool is_weekday(struct span word)
{
        for (int i = 0; word.len >= 3 && i < 7; i++)
                if (strncasecmp(word.at, days[i], 3) == 0)
                        return true;
        return false;
}

/* A zone other than UTC is no HTTP date: to guess its offset could make a stale response fresh. */
static bool is_utc(struct span word)
{
        return span_equal_fold(word, SPAN("GMT")) || span_equal_fold(word, SPAN("UTC")) ||
               span_equal(word, SPAN("+0000"));
}

static bool take_word(struct span word, struct parts *p)
{
        if (memchr(word.at, ':', word.len))
                return take_clock(word, p);
        if (octet_is(word.at[0], OCTET_DIGIT))
                return take_number(word, p);
        int64_t before = p->month;
        if (before < 0 && take_month(word, p))
                return true;
        return is_weekday(word) || is_utc(word);
}

/* A two-digit year more than 50 years ahead is the last one in the past that ends so (RFC 9110 §5.6.7). */
static int64_t full_year(int64_t short_year, int64_t now)
{
        int64_t this_year = 1970 + now / 31556952; /* mean Gregorian year */
        int64_t year = this_year / 100 * 100 + short_year;
        return year > this_year + 50 ? year - 100 : year;
}

int64_t date_parse(struct span text, int64_t now)
{
        struct parts p = {-1, -1, -1, -1, false};
        struct span rest = span_trim(text), word;
        if (rest.len > 64)
                return -1;
        while ((word = next_word(&rest)).len > 0)
                if (!take_word(word, &p))
                        return -1;
        if (p.day < 1 || p.month < 1 || p.year < 0 || p.clock < 0)
                return -1;
        int64_t year = p.short_year ? full_year(p.year, now) : p.year;
        if (p.day > month_length(year, p.month))
                return -1;
        int64_t seconds = days_of(year, p.month, p.day) * DAY_SECONDS + p.clock;
        return seconds < 0 ? 0 : seconds; /* before 1970 is long ago: no rule asks by how much */
}

static void put_digits(char *at, int64_t n, int width)
{
        for (int i = width - 1; i >= 0; i--, n /= 10)
                at[i] = (char)('0' + n % 10);
}

void date_format(int64_t unix_seconds, char out[DATE_LEN + 1])
{
        enum { LAST = 253402300799 / 86400 }; /* 31 Dec 9999: four digits hold no later year */
        int64_t day = unix_seconds < 0 ? 0 : unix_seconds / DAY_SECONDS;
        int64_t clock = unix_seconds < 0 ? 0 : unix_seconds % DAY_SECONDS;
        if (day > LAST)
                day = LAST;
        int64_t z = day + EPOCH_DAYS, era = z / ERA_DAYS, in_era = z % ERA_DAYS;
        int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
        int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
        int64_t m = (5 * in_year + 2) / 153;
        memcpy(out, "Thu, 00 Jan 0000 00:00:00 GMT", DATE_LEN + 1);
        memcpy(out, days[day % 7], 3);
        put_digits(out + 5, in_year - (153 * m + 2) / 5 + 1, 2);
        memcpy(out + 8, months[(m + 2) % 12], 3);
        put_digits(out + 12, era * 400 + y + (m >= 10), 4);
        put_digits(out + 17, clock / 3600, 2);
        put_digits(out + 20, clock / 60 % 60, 2);
        put_digits(out + 23, clock % 60, 2);
}
