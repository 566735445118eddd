/* Freshness: a response is good for its lifetime, and its age is what has passed of it, wherever it lay
 * (RFC 9111 §4.2). */
#include "http/freshness.h"

#include "http/date.h"
#include "http/fields.h"

enum { WEEK = 7 * 86400 };

/* Both are at least 0. */
static int64_t add(int64_t a, int64_t b)
{
        int64_t sum;
        return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* a - b, but not below 0. */
static int64_t since(int64_t a, int64_t b)
{
        int64_t difference;
        if (__builtin_sub_overflow(a, b, &difference))
                return a > b ? INT64_MAX : 0;
        return difference > 0 ? difference : 0;
}

/* RFC 9110 §15.1; 206 is missing because it is never stored. */
static bool is_heuristically_cacheable(unsigned status)
{
        static const uint16_t statuses[] = {200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501};
        for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
                if (status == statuses[i])
                        return true;
        return false;
}

/* -1 where there is none, several, or no date. */
static int64_t only_date(const struct message *m, enum field_id id, int64_t now)
{
        struct span value;
        return field_only(m, id, &value) == 1 ? date_parse(value, now) : -1;
}

static int64_t guess(const struct message *response, const struct cache_control *cc, int64_t date,
                     int64_t response_time)
{
        int64_t modified = only_date(response, FIELD_LAST_MODIFIED, response_time);
        if (modified < 0 || !(is_heuristically_cacheable(response->status) || (cc->set & CC_PUBLIC)))
                return 0;
        int64_t tenth = since(date, modified) / 10;
        return tenth < WEEK ? tenth : WEEK;
}

int64_t freshness_lifetime(const struct message *response, const struct cache_control *cc, int64_t response_time,
                           bool allow_heuristic, bool *heuristic)
{
        *heuristic = false;
        if (cc->s_maxage >= 0)
                return cc->s_maxage;
        if (cc->max_age >= 0)
                return cc->max_age;
        int64_t date = only_date(response, FIELD_DATE, response_time);
        if (date < 0)
                date = response_time;
        if (message_has(response, FIELD_EXPIRES)) /* what is no date, "0" above all, is in the past (§5.3) */
                return since(only_date(response, FIELD_EXPIRES, response_time), date);
        int64_t lifetime = allow_heuristic ? guess(response, cc, date, response_time) : 0;
        *heuristic = lifetime > 0;
        return lifetime;
}

int64_t freshness_age(const struct stored *s, int64_t now)
{
        int64_t apparent = since(s->response_time, s->date);
        int64_t corrected = add(s->age, since(s->response_time, s->request_time));
        return add(apparent > corrected ? apparent : corrected, since(now, s->response_time));
}

int64_t freshness_left(const struct stored *s, int64_t now)
{
        return s->lifetime - freshness_age(s, now); /* neither is negative: no overflow */
}
