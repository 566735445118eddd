/* HTTP dates (RFC 9110 §5.6.7).
 *
 * The three formats hold the same parts in two orders:
 *
 *      Sun, 06 Nov 1994 08:49:37 GMT        IMF-fixdate
 *      Sunday, 06-Nov-94 08:49:37 GMT       RFC 850
 *      Sun Nov  6 08:49:37 1994             asctime
 *
 * So a date is read as a set of parts, each of which can be told by its looks: a word is a weekday, a month or a zone,
 * what has colons is a time, the first number of one or two digits is a day, the other number a year. That takes in
 * what is seen of broken ones (no zero in front, other case, dashes with a full year, UTC for GMT, a weekday that is
 * not the day's, more blanks), and nothing that has two meanings. No other zone: RFC 9111 §4.2. */
#include "http/date.h"

#include "http/octet.h"

enum {
        PARTS_MAX = 6, /* weekday, day, month, year, time, zone */
        SECONDS_A_DAY = 86400
};

static const int64_t last_second = 253402300799; /* 9999-12-31 23:59:59 */

static const struct span weekdays[] = {{"Sunday", 6},   {"Monday", 6}, {"Tuesday", 7}, {"Wednesday", 9},
                                       {"Thursday", 8}, {"Friday", 6}, {"Saturday", 8}};
static const struct span months[] = {{"January", 7},   {"February", 8}, {"March", 5},    {"April", 5},
                                     {"May", 3},       {"June", 4},     {"July", 4},     {"August", 6},
                                     {"September", 9}, {"October", 7},  {"November", 8}, {"December", 8}};

struct moment {
        int year, month, day, hour, minute, second; /* month: 0 … 11; -1 where not yet seen */
        bool short_year, zone;
};

/* ---- the calendar ---------------------------------------------------------------------------------------------- */

static bool is_leap(int year)
{
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_of_month(int year, int month)
{
        static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
        return days[month] + (month == 1 && is_leap(year));
}

/* Days from 1970-01-01 to the first of January; year >= 1. */
static int64_t days_before_year(int year)
{
        int64_t past = year - 1;
        return past * 365 + past / 4 - past / 100 + past / 400 - 719162;
}

static int64_t seconds_of(const struct moment *m, int year)
{
        int64_t days = days_before_year(year) + m->day - 1;
        for (int month = 0; month < m->month; month++)
                days += days_of_month(year, month);
        int seconds = m->hour * 3600 + m->minute * 60 + m->second;
        return days * SECONDS_A_DAY + seconds;
}

static int year_of(int64_t days)
{
        int year = 1970 + (int)(days / 366);
        while (days_before_year(year + 1) <= days)
                year++;
        return year;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

/* Which of `names` begins with the word, three letters at least; -1: none. */
static int word_among(struct span word, const struct span *names, int count)
{
        if (word.len < 3)
                return -1;
        for (int i = 0; i < count; i++)
                if ((word.at[0] | 0x20) == (names[i].at[0] | 0x20) && word.len <= names[i].len &&
                    span_equal_fold(word, (struct span){names[i].at, word.len}))
                        return i;
        return -1;
}

static bool take_word(struct moment *m, struct span word, unsigned index)
{
        int month;

        if (index == 0 && word_among(word, weekdays, 7) >= 0)
                return true;
        month = word_among(word, months, 12);
        if (month >= 0 && m->month < 0) {
                m->month = month;
                return true;
        }
        if (m->zone || !(span_equal_fold(word, SPAN("GMT")) || span_equal_fold(word, SPAN("UTC"))))
                return false;
        return m->zone = true;
}

/* The digits at the front, taken off; -1 where there are fewer than `least` or more than `most`. */
static int take_digits(struct span *s, size_t least, size_t most)
{
        size_t run = octet_run(*s, OCTET_DIGIT);
        int n = 0;
        if (run < least || run > most)
                return -1;
        for (size_t i = 0; i < run; i++)
                n = n * 10 + (s->at[i] - '0');
        *s = (struct span){s->at + run, s->len - run};
        return n;
}

static bool take_colon(struct span *s)
{
        if (s->len == 0 || s->at[0] != ':')
                return false;
        *s = (struct span){s->at + 1, s->len - 1};
        return true;
}

static bool take_time(struct moment *m, struct span s)
{
        if (m->hour >= 0)
                return false;
        m->hour = take_digits(&s, 1, 2);
        bool colons = take_colon(&s);
        m->minute = take_digits(&s, 2, 2);
        colons &= take_colon(&s);
        m->second = take_digits(&s, 2, 2);
        return colons && s.len == 0 && m->hour >= 0 && m->hour < 24 && m->minute >= 0 && m->minute < 60 &&
               m->second >= 0 && m->second <= 60; /* a leap second */
}

static bool take_number(struct moment *m, struct span s)
{
        size_t len = s.len;
        int n = take_digits(&s, 1, 4);
        if (n < 0 || s.len > 0)
                return false;
        if (m->day < 0 && len <= 2)
                m->day = n;
        else if (m->year < 0 && (len == 2 || len == 4)) {
                m->year = n;
                m->short_year = len == 2;
        } else
                return false;
        return true;
}

static bool take_part(struct moment *m, struct span part, unsigned index)
{
        if (memchr(part.at, ':', part.len))
                return take_time(m, part);
        if (octet_is(part.at[0], OCTET_DIGIT))
                return take_number(m, part);
        return take_word(m, part, index);
}

static bool separates(char c)
{
        return octet_is(c, OCTET_BLANK) || c == ',' || c == '-';
}

/* The next part; false at the end, or at the ";" after which an old browser writes a length. */
static bool next_part(struct span *rest, struct span *part)
{
        while (rest->len > 0 && separates(rest->at[0]))
                *rest = (struct span){rest->at + 1, rest->len - 1};
        size_t len = 0;
        while (len < rest->len && !separates(rest->at[len]) && rest->at[len] != ';')
                len++;
        *part = (struct span){rest->at, len};
        *rest = (struct span){rest->at + len, rest->len - len};
        return len > 0;
}

/* RFC 9110 §5.6.7: two digits that seem to be more than 50 years ahead are the last such year in the past. */
static int full_year(const struct moment *m, int64_t now)
{
        int year = year_of(now / SECONDS_A_DAY) / 100 * 100 + 100 + m->year;
        while (seconds_of(m, year - 50) > now)
                year -= 100;
        return year;
}

int64_t date_parse(struct span s, int64_t now)
{
        struct moment m = {.year = -1, .month = -1, .day = -1, .hour = -1};
        struct span part;
        if (s.len == 0)
                return -1;
        for (unsigned i = 0; next_part(&s, &part); i++)
                if (i == PARTS_MAX || !take_part(&m, part, i))
                        return -1;
        if (m.year < 0 || m.month < 0 || m.day < 1 || m.hour < 0)
                return -1;
        if (m.second == 60) /* never later than what was said: RFC 9111 §4.2 */
                m.second = 59;
        if (m.short_year)
                m.year = full_year(&m, now < 0 ? 0 : now > last_second ? last_second : now);
        if (m.day > days_of_month(m.year, m.month))
                return -1;
        if (m.year < 1970)
                return 0; /* long ago is all that matters, and -1 is no date */
        return seconds_of(&m, m.year);
}

/* ---- the exact forms ------------------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* A form: 'a' is a letter, 'd' a digit, '_' a digit or a blank, '*' the rest of a word; all else is itself. */
static bool has_form(struct span s, const char *form)
{
        size_t at = 0;
        for (; *form; form++) {
                if (*form == '*') {
                        while (at < s.len && is_letter(s.at[at]))
                                at++;
                        continue;
                }
                char c = at < s.len ? s.at[at++] : '\0';
                bool good = *form == 'a'   ? is_letter(c)
                            : *form == 'd' ? octet_is(c, OCTET_DIGIT)
                            : *form == '_' ? octet_is(c, OCTET_DIGIT) || c == ' '
                                           : (c | 0x20) == (*form | 0x20);
                if (!good)
                        return false;
        }
        return at == s.len;
}

bool date_is_exact(struct span s)
{
        return has_form(s, "aaa, dd aaa dddd dd:dd:dd GMT") || has_form(s, "aaaaaa*, dd-aaa-dd dd:dd:dd GMT") ||
               has_form(s, "aaa aaa _d dd:dd:dd dddd");
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

static void put_two(char *at, int n)
{
        at[0] = (char)('0' + n / 10 % 10);
        at[1] = (char)('0' + n % 10);
}

void date_format(int64_t unix_seconds, char out[DATE_LEN + 1])
{
        int64_t t = unix_seconds < 0 ? 0 : unix_seconds > last_second ? last_second : unix_seconds;
        int64_t days = t / SECONDS_A_DAY;
        int year = year_of(days), day = (int)(days - days_before_year(year)), month = 0;
        int second = (int)(t % SECONDS_A_DAY);
        for (; day >= days_of_month(year, month); month++)
                day -= days_of_month(year, month);
        memcpy(out, "Thu, 01 Jan 1970 00:00:00 GMT", DATE_LEN + 1);
        memcpy(out, weekdays[(days + 4) % 7].at, 3);
        put_two(out + 5, day + 1);
        memcpy(out + 8, months[month].at, 3);
        put_two(out + 12, year / 100);
        put_two(out + 14, year % 100);
        put_two(out + 17, second / 3600);
        put_two(out + 20, second / 60 % 60);
        put_two(out + 23, second % 60);
}
