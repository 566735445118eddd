/* The steps of sparse responses: fetching a part of a body, the first one of a cold object (on with step_cold.c) or
 * what is missing in a stored one (RFC 9110 §14, RFC 9111 §3.4).
 *
 * The origin is asked for whole units of the store around what is wanted, so that what comes can be stored and
 * neighbours share no gaps; a server may send less, down to what is wanted. Parts are put together under one strong
 * validator only; without one, ranges go as they came, which is remembered, and the last part, if it is small, answers
 * what lies within it (RFC 9111 §3.3). */
#include "http/cache_control.h"
#include "http/condition.h"
#include "http/fields.h"
#include "http/storing.h"
#include "http/vary.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/pending.h"

/* ---- what to ask for -----------------------------------------------------------------------------------------------
 */

enum body_state exchange_holds(struct exchange *x, const struct found *f, uint64_t *at)
{
        const struct stored *s = &f->stored;
        struct byte_range r = {0, f->length - 1};

        if (!stored_is_fragment(s) || x->head_only)
                return BODY_READY;
        if (range_verdict(x->request, s, f->length, x->start_us / 1000000, &r) == RANGE_UNSATISFIABLE)
                return BODY_READY;
        *at = r.first;
        return reader_held_to(x->reader, f->id, at, r.last + 1);
}

bool exchange_take_validator(struct exchange *x, const struct stored *s)
{
        struct span v = strong_validator(s);

        if (!v.len || v.len > sizeof x->validator)
                return false;
        memcpy(x->validator, v.at, v.len);
        x->etag_len = v.len;
        x->last_modified_len = 0;
        return true;
}

bool exchange_gap_begins(struct exchange *x, const struct found *f)
{
        if (x->request->method != METHOD_GET || !x->request_done || x->gap_open ||
            !exchange_take_validator(x, &f->stored))
                return false;
        x->total = f->length;
        return true;
}

bool exchange_rest_alone(struct exchange *x, const struct fill_head *h)
{
        if (h->length == UINT64_MAX || !exchange_take_validator(x, &h->stored))
                return false;
        x->id = fill_id(x->part);
        x->total = h->length;
        x->gap = GAP_STORED;
        x->gap_at = x->at = x->part->at;
        x->gap_end = x->end = x->part->end < h->length ? x->part->end : h->length;
        x->request_started = x->retried = false;
        return true;
}

/* Whether somebody has filled the gap between the look at the store and the claim. */
static bool has_come(struct exchange *x)
{
        struct iovec span;
        bool come;
        int count;

        if (!x->claim || !exchange_begin_read(x))
                return false;
        come = reader_body(x->reader, x->id, x->at, 1, &span, 1, &count) != BODY_GAP;
        exchange_end_read(x);
        return come;
}

enum step exchange_open_gap(struct exchange *x, enum step next)
{
        uint64_t end = slice_up(x->end);

        x->gap_at = reader_gap_begin(x->reader, x->id, x->at, slice_down(x->at));
        x->gap_end = reader_gap_end(x->reader, x->id, x->at, end < x->total ? end : x->total);
        exchange_end_read(x);
        if (exchange_await_gap(x, x->at, x->end))
                return next;
        if (has_come(x)) {
                exchange_drop_claim(x);
                return next;
        }
        x->gap = GAP_STORED;
        x->request_started = x->retried = false;
        return STEP_FETCH;
}

/* So that all units of it are whole. */
static uint64_t suffix_asked(const struct exchange *x)
{
        return x->suffix + (x->exact ? 0 : SLICE_UNIT);
}

void exchange_describe_gap(const struct exchange *x, struct request_options *o, char text[RANGE_TEXT])
{
        struct out range = {.at = text, .cap = RANGE_TEXT};

        out_text(&range, "bytes=");
        if (!x->suffix)
                out_number(&range, x->gap_at);
        out_text(&range, "-");
        if (x->suffix)
                out_number(&range, suffix_asked(x));
        else if (x->gap_end != (x->gap == GAP_STORED ? x->total : UINT64_MAX))
                out_number(&range, x->gap_end - 1);
        o->drop_conditions = true;
        o->range = (struct span){range.at, range.len};
        if (x->gap == GAP_STORED)
                o->if_range = (struct span){x->validator, x->etag_len};
}

/* ---- what comes ----------------------------------------------------------------------------------------------------
 */

/* A part that says of how much it is one, and is as long as it says. */
static bool is_a_part(const struct message *m, struct byte_range *r, uint64_t *total)
{
        struct span value;

        return m->status == 206 && !m->odd && field_only(m, FIELD_CONTENT_RANGE, &value) == 1 &&
               content_range_parse(value, r, total) && *total != UINT64_MAX && r->last < *total &&
               (m->framing != FRAMING_LENGTH || m->length == r->last - r->first + 1);
}

/* What of the part must be there: what was asked for, or at least what the client wants of it. A server may send less
 * than it was asked for (RFC 9110 §15.3.7). */
static struct byte_range least_wanted(const struct exchange *x)
{
        struct byte_range least = {x->gap_at, x->gap_end - 1};

        if (x->gap == GAP_COLD) {
                least.first = x->want.first;
                if (x->want.last < least.last)
                        least.last = x->want.last;
        } else if (x->end) {
                if (x->at > least.first)
                        least.first = x->at;
                if (x->end - 1 < least.last)
                        least.last = x->end - 1;
        }
        return least;
}

/* No more than was asked for; but it may begin with what is stored already, as long as none of that has been sent. */
static bool is_within(const struct exchange *x, const struct byte_range *r, const struct byte_range *least,
                      uint64_t total)
{
        uint64_t from = x->reply_started ? x->gap_at : slice_down(x->gap_at);

        return r->first >= from && r->first <= least->first && r->last < x->gap_end &&
               (r->last >= least->last || r->last + 1 == total);
}

static bool is_the_suffix(struct exchange *x, const struct byte_range *r, uint64_t total)
{
        uint64_t asked = suffix_asked(x), first = x->suffix < total ? total - x->suffix : 0;

        if (r->last + 1 != total || r->first > first || r->first < (asked < total ? total - asked : 0))
                return false;
        x->want = (struct byte_range){first, r->last};
        x->gap_end = total;
        return true;
}

/* Whether it is the part that was asked for, of how much. Where it begins, and of a suffix where it lies, is now known.
 */
static bool is_the_part(struct exchange *x, const struct message *m, struct byte_range *r, uint64_t *total)
{
        struct byte_range least = least_wanted(x);

        if (!is_a_part(m, r, total))
                return false;
        if (x->suffix ? !is_the_suffix(x, r, *total) : !is_within(x, r, &least, *total))
                return false;
        x->gap_at = r->first;
        return true;
}

bool exchange_is_whole(const struct message *m)
{
        struct byte_range r;
        uint64_t total;

        return is_a_part(m, &r, &total) && r.first == 0 && r.last + 1 == total && !message_has(m, FIELD_SET_COOKIE) &&
               m->framing == FRAMING_LENGTH;
}

static bool same_validator(const struct exchange *x, const struct message *m)
{
        struct span ours = {x->validator, x->etag_len}, value;

        if (!ours.len)
                return false;
        if (ours.at[0] == '"')
                return field_only(m, FIELD_ETAG, &value) == 1 && etag_equal_strong(value, ours);
        return field_only(m, FIELD_LAST_MODIFIED, &value) == 1 && span_equal(value, ours);
}

enum step exchange_ask_plainly(struct exchange *x)
{
        exchange_drop_claim(x);
        part_end(&x->writer, NULL, NULL);
        x->gap = GAP_NONE;
        x->suffix = 0;
        x->solo = true;
        x->gap_open = x->probe = x->validating = false;
        return exchange_over_another(x);
}

static enum step cut_off(struct exchange *x, const char *why)
{
        x->detail = why;
        x->broken = true;
        exchange_drop_upstream(x);
        return STEP_FINISH;
}

/* What is stored is not what the origin has any more: never mixed (cases.md R10). */
static enum step changed(struct exchange *x)
{
        exchange_forget_stored(x);
        return x->reply_started ? cut_off(x, "what is stored and what the origin has differ") : exchange_ask_plainly(x);
}

enum step exchange_another_answer(struct exchange *x)
{
        if (x->reply_started)
                return cut_off(x, "the origin server did not give what is missing");
        exchange_drop_claim(x);
        x->gap = GAP_NONE;
        return STEP_JUDGE;
}

/* ---- judging -------------------------------------------------------------------------------------------------------
 */

/* RFC 9111 §3.4: what the part's head says is news of the whole. If the reply has not begun, it begins with it. */
static enum step combine(struct exchange *x)
{
        struct found *f = &x->worker->found;
        struct stored fresh;
        bool found = exchange_begin_read(x) && reader_response(x->reader, x->id, f) == FIND_HIT;

        if (found && exchange_update(x, f, x->reply_started ? NULL : &fresh) && !x->reply_started)
                f->stored = fresh;
        if (x->reply_started)
                return STEP_FILL_GAP;
        if (!found)
                return exchange_ask_plainly(x);
        x->gap_open = true;
        return STEP_REPLY_STORED;
}

/* All of it instead of what is missing, for who wants all of it: what was stored is not what the origin has any more.
 */
static enum step whole_after_all(struct exchange *x)
{
        exchange_forget_stored(x);
        exchange_drop_claim(x);
        x->gap = GAP_NONE;
        x->validating = false;
        x->forward_reason = "partial";
        return STEP_JUDGE;
}

/* The head of the reply to a request of ours for a part. STEP_JUDGE: it is to be judged like any other. */
enum step exchange_judge_part(struct exchange *x)
{
        struct worker *w = x->worker;
        const struct message *m = &w->response;
        struct byte_range r;
        uint64_t total;

        if (m->status == 206 || (m->status == 200 && x->gap == GAP_COLD))
                exchange_note_host(x, m->status == 200);
        if (x->probe && m->status == 416) /* of the first of several ranges alone */
                return exchange_ask_plainly(x);
        if (m->status == 304 && !x->reply_started) /* to a question without a condition */
                return exchange_ask_plainly(x);
        if (m->status == 200 && x->gap == GAP_COLD && !x->probe && exchange_join_whole(x))
                return STEP_JOIN;
        if (m->status == 200 && x->gap == GAP_STORED && !x->reply_started && !message_has(x->request, FIELD_RANGE))
                return whole_after_all(x);
        if (m->status != 206 && (x->gap == GAP_COLD || m->status != 200)) /* all of it, or why not */
                return exchange_another_answer(x);
        if (!is_the_part(x, m, &r, &total))
                return x->gap == GAP_COLD ? exchange_ask_plainly(x) : changed(x);
        if (x->gap == GAP_COLD) {
                enum step next = exchange_begin_sparse(x, &r, total);

                if (next == STEP_FILL_GAP)
                        exchange_begin_body(x);
                return next;
        }
        exchange_begin_body(x);
        if (total != x->total || !same_validator(x, m))
                return changed(x);
        x->gap_end = r.last + 1;
        exchange_start_part(x, x->look && storing_may_update(x->request, m));
        return combine(x);
}
