/* Which bytes does the client want? (RFC 9110 §14; If-Range: §13.1.5) */
#include "http/range.h"

#include "http/condition.h"
#include "http/date.h"
#include "http/fields.h"
#include "http/octet.h"
#include "http/render.h"

/* ---- one range-spec -------------------------------------------------------------------------------------------- */

enum spec { SPEC_INVALID, SPEC_UNSATISFIABLE, SPEC_GOOD };

/* "first-last", "first-" and "-suffix" within `length` bytes (§14.1.1, §14.1.2). */
static enum spec spec_read(struct span s, uint64_t length, struct byte_range *r)
{
        const char *dash = s.len ? memchr(s.at, '-', s.len) : NULL;
        if (dash == NULL)
                return SPEC_INVALID;
        struct span before = {s.at, (size_t)(dash - s.at)}, after = {dash + 1, s.len - before.len - 1};
        int64_t first = span_decimal(before), last = span_decimal(after);
        if ((first < 0 && before.len > 0) || (last < 0 && after.len > 0) || (first < 0 && last < 0))
                return SPEC_INVALID;
        if (first < 0) {
                if (last == 0)
                        return SPEC_UNSATISFIABLE;
                *r = (struct byte_range){(uint64_t)last < length ? length - (uint64_t)last : 0, length - 1};
                return length > 0 ? SPEC_GOOD : SPEC_INVALID; /* all of nothing: no 206 can say that */
        }
        if (last >= 0 && last < first)
                return SPEC_INVALID;
        *r = (struct byte_range){(uint64_t)first, last >= 0 && (uint64_t)last < length ? (uint64_t)last : length - 1};
        return (uint64_t)first < length ? SPEC_GOOD : SPEC_UNSATISFIABLE;
}

/* ---- the set --------------------------------------------------------------------------------------------------- */

struct range_set {
        struct byte_range ranges[RANGES_MAX]; /* by their first byte, until they are put in order */
        unsigned places[RANGES_MAX];          /* where they stood in the field */
        size_t count;
};

static void set_insert(struct range_set *set, const struct byte_range *r, unsigned at)
{
        size_t place = set->count++;
        for (; place > 0 && set->ranges[place - 1].first > r->first; place--) {
                set->ranges[place] = set->ranges[place - 1];
                set->places[place] = set->places[place - 1];
        }
        set->ranges[place] = *r;
        set->places[place] = at;
}

/* Ranges that touch or overlap become one, in the place of the first of them. */
static void set_coalesce(struct range_set *set)
{
        size_t kept = 0;
        for (size_t i = 1; i < set->count; i++) {
                const struct byte_range *r = &set->ranges[i];
                if (r->first <= set->ranges[kept].last + 1) { /* last is below the length, so this does not wrap */
                        if (r->last > set->ranges[kept].last)
                                set->ranges[kept].last = r->last;
                        if (set->places[i] < set->places[kept])
                                set->places[kept] = set->places[i];
                } else {
                        set->ranges[++kept] = *r;
                        set->places[kept] = set->places[i];
                }
        }
        if (set->count > 0)
                set->count = kept + 1;
}

/* As they were asked for (RFC 9110 §15.3.7.2). */
static void set_order(struct range_set *set)
{
        for (size_t i = 1; i < set->count; i++) {
                struct byte_range r = set->ranges[i];
                unsigned at = set->places[i];
                size_t place = i;
                for (; place > 0 && set->places[place - 1] > at; place--) {
                        set->ranges[place] = set->ranges[place - 1];
                        set->places[place] = set->places[place - 1];
                }
                set->ranges[place] = r;
                set->places[place] = at;
        }
}

/* Every satisfiable range of "bytes=…". False if the field is to be ignored: another unit, a syntax error, too many. */
static bool set_read(struct range_set *set, struct span value, uint64_t length)
{
        struct span unit = {value.at, octet_run(value, OCTET_TOKEN)}, spec;
        unsigned seen = 0;
        set->count = 0;
        if (!span_equal_fold(unit, SPAN("bytes")) || unit.len == value.len || value.at[unit.len] != '=')
                return false;
        struct span rest = {value.at + unit.len + 1, value.len - unit.len - 1};
        while (list_next(&rest, &spec)) {
                struct byte_range r;
                enum spec kind = spec_read(spec, length, &r);
                if (kind == SPEC_INVALID || ++seen > RANGES_MAX)
                        return false;
                if (kind == SPEC_GOOD)
                        set_insert(set, &r, seen);
        }
        set_coalesce(set);
        return seen > 0;
}

/* ---- the verdict ----------------------------------------------------------------------------------------------- */

/* No If-Range, or it names what is stored, by a strong validator (§13.1.5). */
static bool if_range_holds(const struct message *request, const struct stored *s, int64_t now)
{
        struct span value;
        int count = field_only(request, FIELD_IF_RANGE, &value);
        if (count != 1)
                return count == 0;
        if (etag_equal_strong(value, s->etag))
                return true;
        return last_modified_is_strong(s) && date_parse(value, now) == s->last_modified;
}

enum range_verdict range_verdict(const struct message *request, const struct stored *s, uint64_t length, int64_t now,
                                 struct byte_range *r)
{
        struct range_set set;
        struct span value;
        if (request->method != METHOD_GET || s->status != 200 || field_only(request, FIELD_RANGE, &value) != 1)
                return RANGE_WHOLE;
        if (!if_range_holds(request, s, now) || !set_read(&set, value, length))
                return RANGE_WHOLE;
        if (set.count == 0)
                return RANGE_UNSATISFIABLE;
        if (set.count > 1)
                return RANGE_WHOLE;
        *r = set.ranges[0];
        return RANGE_PART;
}

size_t range_parts(const struct message *request, const struct stored *s, uint64_t length, int64_t now,
                   struct byte_range parts[RANGES_MAX])
{
        struct range_set set;
        struct span value;

        if (request->method != METHOD_GET || s->status != 200 || field_only(request, FIELD_RANGE, &value) != 1 ||
            !if_range_holds(request, s, now) || !set_read(&set, value, length) || set.count < 2)
                return 0;
        set_order(&set);
        memcpy(parts, set.ranges, set.count * sizeof *parts);
        return set.count;
}

static enum range_asked several_asked(const struct range_set *set, struct byte_range *r)
{
        static const uint64_t suffixes = INT64_MAX / 2; /* a suffix of what has no end lies beyond */
        *r = set->ranges[0];
        return r->first < suffixes ? RANGE_ASKED_SEVERAL : RANGE_ASKED_NONE;
}

enum range_asked range_asked(const struct message *request, struct byte_range *r)
{
        struct range_set set;
        struct span value;
        const uint64_t endless = INT64_MAX;
        if (request->method != METHOD_GET || message_has(request, FIELD_IF_RANGE) ||
            field_only(request, FIELD_RANGE, &value) != 1 || !set_read(&set, value, endless) || set.count == 0)
                return RANGE_ASKED_NONE;
        if (memchr(value.at, ',', value.len))
                return several_asked(&set, r);
        *r = set.ranges[0];
        if (((const char *)memchr(value.at, '=', value.len))[1] == '-') {
                *r = (struct byte_range){0, endless - r->first};
                return RANGE_ASKED_SUFFIX;
        }
        if (value.at[value.len - 1] == '-')
                r->last = UINT64_MAX;
        return RANGE_ASKED_ONE;
}

/* ---- Content-Range --------------------------------------------------------------------------------------------- */

/* Takes digits and the octet that must follow them off the front. Numbers that do not fit 63 bits are none. */
static bool number_before(struct span *s, char end, uint64_t *n)
{
        size_t digits = octet_run(*s, OCTET_DIGIT);
        int64_t value = span_decimal((struct span){s->at, digits});
        if (value < 0 || value == INT64_MAX || digits == s->len || s->at[digits] != end)
                return false;
        *n = (uint64_t)value;
        *s = (struct span){s->at + digits + 1, s->len - digits - 1};
        return true;
}

/* complete-length, or "*" */
static bool total_read(struct span s, uint64_t *total)
{
        int64_t value = span_decimal(s);
        bool unknown = span_equal(s, SPAN("*"));
        *total = unknown ? UINT64_MAX : (uint64_t)value;
        return unknown || (value >= 0 && value < INT64_MAX);
}

bool content_range_parse(struct span value, struct byte_range *r, uint64_t *total)
{
        struct span unit = {value.at, octet_run(value, OCTET_TOKEN)};
        struct span rest = {value.at + unit.len, value.len - unit.len};
        if (!span_equal_fold(unit, SPAN("bytes")) || rest.len == 0 || rest.at[0] != ' ')
                return false;
        rest = span_trim(rest);
        if (rest.len >= 2 && rest.at[0] == '*' && rest.at[1] == '/') {
                *r = (struct byte_range){1, 0};
                return total_read((struct span){rest.at + 2, rest.len - 2}, total) && *total != UINT64_MAX;
        }
        return number_before(&rest, '-', &r->first) && number_before(&rest, '/', &r->last) && total_read(rest, total) &&
               r->first <= r->last && r->last < *total;
}

void range_describe(struct out *o, const struct byte_range *r, uint64_t length)
{
        out_text(o, "bytes ");
        if (r) {
                out_number(o, r->first);
                out_text(o, "-");
                out_number(o, r->last);
        } else {
                out_text(o, "*");
        }
        out_text(o, "/");
        out_number(o, length);
}
