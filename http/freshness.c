/* How old is it, and how long is it good for? (RFC 9111 §4.2) */
#include "http/freshness.h"

#include "http/date.h"
#include "http/fields.h"

enum { A_WEEK = 7 * 86400, HEURISTIC_PART = 10 };

/* Seconds from one time to a later one; 0 where it is not later. */
static int64_t elapsed(int64_t from, int64_t to)
{
        int64_t seconds;
        if (to <= from)
                return 0;
        return __builtin_sub_overflow(to, from, &seconds) ? INT64_MAX : seconds;
}

/* Of two numbers that are not negative. */
static int64_t saturating_sum(int64_t a, int64_t b)
{
        return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* ---- lifetime -------------------------------------------------------------------------------------------------- */

bool freshness_is_explicit(const struct message *response, const struct cache_control *cc)
{
        return cc->s_maxage >= 0 || cc->max_age >= 0 || message_has(response, FIELD_EXPIRES);
}

bool freshness_status_allows_heuristic(uint16_t status)
{
        static const uint16_t allowed[] = {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501};
        for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
                if (allowed[i] == status)
                        return true;
        return false;
}

int64_t freshness_date(const struct message *response, int64_t response_time)
{
        const struct field *f = field_next(response, FIELD_DATE, NULL);
        int64_t date = f ? date_parse(field_value(response, f), response_time) : -1;
        return date < 0 ? response_time : date;
}

int64_t freshness_age_value(const struct message *response)
{
        struct elements e = {.field = NULL};
        struct span age;
        int64_t seconds = elements_next(response, FIELD_AGE, &e, &age) ? span_decimal(age) : 0;
        return seconds < 0 ? 0 : seconds;
}

/* The first of the times that Expires gives; what is no date has passed (RFC 9111 §5.3, §4.2.1). */
static int64_t expires(const struct message *response, int64_t response_time)
{
        struct span value;
        field_only(response, FIELD_EXPIRES, &value);
        return date_is_exact(value) ? date_parse(value, response_time) : -1;
}

static int64_t heuristic_lifetime(const struct message *response, int64_t response_time)
{
        const struct field *f = field_next(response, FIELD_LAST_MODIFIED, NULL);
        int64_t modified = f ? date_parse(field_value(response, f), response_time) : -1;
        if (modified < 0)
                return 0;
        int64_t lifetime = elapsed(modified, freshness_date(response, response_time)) / HEURISTIC_PART;
        return lifetime > A_WEEK ? A_WEEK : lifetime;
}

int64_t freshness_lifetime(const struct message *response, const struct cache_control *cc, int64_t response_time,
                           bool allow_heuristic, bool *heuristic)
{
        *heuristic = false;
        if (cc->s_maxage >= 0)
                return cc->s_maxage;
        if (cc->max_age >= 0)
                return cc->max_age;
        if (message_has(response, FIELD_EXPIRES))
                return elapsed(freshness_date(response, response_time), expires(response, response_time));
        if (!allow_heuristic || !(freshness_status_allows_heuristic(response->status) || (cc->set & CC_PUBLIC)))
                return 0;
        int64_t lifetime = heuristic_lifetime(response, response_time);
        *heuristic = lifetime > 0;
        return lifetime;
}

/* ---- age ------------------------------------------------------------------------------------------------------- */

int64_t freshness_age(const struct stored *s, int64_t now)
{
        int64_t apparent_age = elapsed(s->date, s->response_time);
        int64_t response_delay = elapsed(s->request_time, s->response_time);
        int64_t corrected_age_value = saturating_sum(s->age > 0 ? s->age : 0, response_delay);
        int64_t initial = apparent_age > corrected_age_value ? apparent_age : corrected_age_value;
        return saturating_sum(initial, elapsed(s->response_time, now));
}

int64_t freshness_left(const struct stored *s, int64_t now)
{
        return (s->lifetime > 0 ? s->lifetime : 0) - freshness_age(s, now);
}
