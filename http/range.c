/* Ranges of bytes (RFC 9110 §14). A server may ignore any Range, and we do where it is not one plain range. */
#include "http/range.h"

#include "http/condition.h"
#include "http/date.h"
#include "http/fields.h"
#include "http/octet.h"

/* Takes a prefix off, case aside. */
static bool take(struct span *s, struct span prefix)
{
        if (s->len < prefix.len || strncasecmp(s->at, prefix.at, prefix.len) != 0)
                return false;
        *s = (struct span){s->at + prefix.len, s->len - prefix.len};
        return true;
}

/* Takes a number off, saturating; false where there is none. */
static bool take_number(struct span *s, uint64_t *n)
{
        struct span digits = {s->at, octet_run(*s, OCTET_DIGIT)};
        if (digits.len == 0)
                return false;
        *n = (uint64_t)span_decimal(digits);
        return take(s, digits);
}

/* A date is a strong validator if the response was sent later than in the second of its last change (§8.8.2.2). */
static bool if_range_holds(const struct message *request, const struct stored *s, int64_t now)
{
        struct span value;
        int count = field_only(request, FIELD_IF_RANGE, &value);
        if (count != 1)
                return count == 0;
        if (etag_equal_strong(value, s->etag))
                return true;
        return s->last_modified >= 0 && s->last_modified < s->date && date_parse(value, now) == s->last_modified;
}

/* The last n bytes; of an empty body there are none that a 206 could name, so it is sent as it is. */
static enum range_verdict suffix(struct span spec, uint64_t length, struct byte_range *range)
{
        uint64_t n;
        if (!take_number(&spec, &n) || spec.len > 0 || (length == 0 && n > 0))
                return RANGE_WHOLE;
        if (n == 0)
                return RANGE_UNSATISFIABLE;
        *range = (struct byte_range){n < length ? length - n : 0, length - 1};
        return RANGE_PART;
}

static enum range_verdict one_range(struct span spec, uint64_t length, struct byte_range *range)
{
        uint64_t first, last = UINT64_MAX;
        if (take(&spec, SPAN("-")))
                return suffix(spec, length, range);
        if (!take_number(&spec, &first) || !take(&spec, SPAN("-")))
                return RANGE_WHOLE;
        if (spec.len > 0 && (!take_number(&spec, &last) || spec.len > 0 || last < first))
                return RANGE_WHOLE;
        if (first >= length)
                return RANGE_UNSATISFIABLE;
        *range = (struct byte_range){first, last < length ? last : length - 1};
        return RANGE_PART;
}

enum range_verdict range_verdict(const struct message *request, const struct stored *s, uint64_t length, int64_t now,
                                 struct byte_range *range)
{
        struct span value, spec, more;
        if (request->method != METHOD_GET || s->status != 200 || field_only(request, FIELD_RANGE, &value) != 1)
                return RANGE_WHOLE;
        if (!take(&value, SPAN("bytes=")) || !list_next(&value, &spec) || list_next(&value, &more))
                return RANGE_WHOLE;
        return if_range_holds(request, s, now) ? one_range(spec, length, range) : RANGE_WHOLE;
}

/* The range of a 416 is "*": it comes out empty, its first byte behind its last. */
static bool take_content_range(struct span *s, struct byte_range *range)
{
        *range = (struct byte_range){1, 0};
        if (take(s, SPAN("*")))
                return true;
        return take_number(s, &range->first) && take(s, SPAN("-")) && take_number(s, &range->last) &&
               range->first <= range->last;
}

bool content_range_parse(struct span value, struct byte_range *range, uint64_t *total)
{
        if (!take(&value, SPAN("bytes ")) || !take_content_range(&value, range) || !take(&value, SPAN("/")))
                return false;
        bool empty = range->first > range->last;
        *total = UINT64_MAX;
        if (span_equal(value, SPAN("*")))
                return !empty;
        return take_number(&value, total) && value.len == 0 && (empty || range->last < *total);
}
