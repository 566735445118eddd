/* The steps of sparse responses: fetching a part of a body, the first one of a cold object or what is missing in a
 * stored one (RFC 9110 §14, RFC 9111 §3.4).
 *
 * The origin is asked for whole units of the store around what is wanted, so that what comes can be stored and
 * neighbours share no gaps. Parts are put together under one strong validator only; without one, ranges go as they
 * came, and that is remembered. */
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

/* A strong validator of what is stored, as If-Range takes it. */
static bool take_validator(struct exchange *x, const struct stored *s)
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
        if (x->request->method != METHOD_GET || !x->request_done || x->gap_open || !take_validator(x, &f->stored))
                return false;
        x->total = f->length;
        return true;
}

bool exchange_rest_alone(struct exchange *x, const struct fill_head *h)
{
        if (h->length == UINT64_MAX || !take_validator(x, &h->stored))
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

        x->gap_at = slice_down(x->at);
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

void exchange_describe_gap(const struct exchange *x, struct request_options *o, char text[RANGE_TEXT])
{
        struct out range = {.at = text, .cap = RANGE_TEXT};

        out_text(&range, "bytes=");
        if (!x->suffix)
                out_number(&range, x->gap_at);
        out_text(&range, "-");
        if (x->suffix)
                out_number(&range, x->suffix + SLICE_UNIT); /* so that all units of it are whole */
        else if (x->gap_end != UINT64_MAX)
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

/* Whether it is the part that was asked for; how much of what. Of a suffix it is now known where it lies. */
static bool is_the_part(struct exchange *x, const struct message *m, struct byte_range *r, uint64_t *total)
{
        uint64_t least = x->gap_end - 1, asked = x->suffix + SLICE_UNIT;

        if (!is_a_part(m, r, total))
                return false;
        if (x->suffix) {
                if (r->last + 1 != *total || r->first != (asked < *total ? *total - asked : 0))
                        return false;
                x->want = (struct byte_range){x->suffix < *total ? *total - x->suffix : 0, r->last};
                x->gap_at = r->first;
                x->gap_end = *total;
                return true;
        }
        if (x->gap == GAP_COLD && x->want.last < least)
                least = x->want.last;
        return r->first == x->gap_at && r->last < x->gap_end && (r->last >= least || r->last + 1 == *total);
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

        if (ours.len && ours.at[0] == '"')
                return field_only(m, FIELD_ETAG, &value) == 1 && etag_equal_strong(value, ours);
        return field_only(m, FIELD_LAST_MODIFIED, &value) == 1 && span_equal(value, ours);
}

/* The request once more, as the client made it. */
static enum step ask_plainly(struct exchange *x)
{
        exchange_drop_claim(x);
        x->gap = GAP_NONE;
        x->suffix = 0;
        x->solo = true;
        x->probe = x->validating = x->request_started = false;
        upstream_close(&x->client->upstream, false);
        return STEP_FETCH;
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
        return x->reply_started ? cut_off(x, "what is stored and what the origin has differ") : ask_plainly(x);
}

/* No part of anything: a refusal, a redirect. It says nothing about what is stored; if it comes first, the client gets
 * it. */
static enum step another_answer(struct exchange *x)
{
        if (x->reply_started)
                return cut_off(x, "the origin server did not give what is missing");
        exchange_drop_claim(x);
        x->gap = GAP_NONE;
        return STEP_JUDGE;
}

/* ---- the first part of a cold object -------------------------------------------------------------------------------
 */

/* What is stored meanwhile, by another client's part: this one is added to it. */
static bool adopt(struct exchange *x, const struct stored *s, uint64_t total)
{
        struct found *f = &x->worker->found;

        exchange_end_read(x);
        if (!exchange_begin_read(x) || reader_find(x->reader, &x->key, x->request, true, f) != FIND_HIT || f->inlined ||
            f->length != total || !etag_equal_strong(f->stored.etag, s->etag))
                return false;
        x->id = f->id;
        return true;
}

/* Puts the record of a body of which nothing is there yet; or takes the one that another client's part has just put. */
static bool put_record(struct exchange *x, const struct stored *s, struct span names, uint64_t total)
{
        struct gaps *gaps = x->worker->proxy->gaps;
        void *claim = pending_claim(x->worker->proxy->pending, &x->key);
        struct put put = {.id = store_next_id(x->store),
                          .key = &x->key,
                          .vary = names,
                          .variant = names.len ? vary_hash(names, x->request) : 0,
                          .stored = s,
                          .length = total,
                          .done = pending_done,
                          .context = claim};
        struct gaps_begun begun = {.id = put.id, .total = total, .variant = put.variant};

        if (x->etag_len <= sizeof begun.validator) {
                begun.validator_len = x->etag_len;
                memcpy(begun.validator, x->validator, x->etag_len);
        }
        if (!claim) {
                x->id = begun.validator_len ? gaps_find_begun(gaps, &x->key, &begun) : 0;
                return x->id != 0;
        }
        x->id = put.id;
        if (store_put_response(x->store, &put) != 0) {
                pending_done(claim, 0);
                return false;
        }
        gaps_begin(gaps, &x->key, &begun); /* its parts come behind the record now */
        return true;
}

static enum step reply_part(struct exchange *x, const struct stored *s)
{
        struct worker *w = x->worker;
        struct out head = {.at = w->page, .cap = PAGE_SIZE_MAX};
        char status[CACHE_STATUS_MAX], range_text[RANGE_TEXT];
        struct out range = {.at = range_text, .cap = sizeof range_text};
        struct stored_reply_options options = {.status = 206,
                                               .age = -1,
                                               .with_length = true,
                                               .length = x->end - x->at,
                                               .close = !x->request->persistent || x->reply_close,
                                               .via = w->proxy->config->origin.via_response};

        range_describe(&range, &(struct byte_range){x->at, x->end - 1}, x->total);
        options.cache_status = exchange_say_status(
                x, (struct cache_status){.fwd = x->forward_reason, .fwd_status = 206, .stored = x->pinned != 0},
                status);
        options.content_range = (struct span){range.at, range.len};
        options.keep_alive = !options.close && x->request->minor == 0;
        render_stored_head(&head, s, &options);
        if (head.overflow)
                return exchange_fail(x, 502, "the head of the origin server's answer is too large");
        x->status = 206;
        x->reply_started = true;
        x->reply_close |= options.close;
        x->result = "TCP_MISS";
        count(&w->counters, COUNTER_misses, 1);
        exchange_send(x, &(struct iovec){head.at, head.len}, 1);
        return STEP_FILL_GAP;
}

/* NULL, or why the whole that this is a part of cannot be stored. */
static const char *judge_whole(struct exchange *x, struct stored *s, struct out *names)
{
        struct worker *w = x->worker;
        struct storing_rules rules = {.keep_set_cookie = w->proxy->config->keep_set_cookie};
        struct out fields = {.at = w->fields, .cap = PAGE_SIZE_MAX};
        const char *why;

        storing_as_whole(&w->response, true);
        why = storing_verdict(x->request, &w->response, &rules, x->request_time, x->response_time, s);
        if (why)
                return why;
        if (!exchange_nominate(names, &w->response) || names->overflow)
                return "its Vary matches nothing";
        storing_fields(&fields, &w->response, s, FOR_STORE);
        if (fields.overflow)
                return "its head is too large";
        s->fields = (struct span){fields.at, fields.len};
        s->reason = SPAN("OK");
        s->flags |= STORED_SPARSE;
        return take_validator(x, s) ? NULL : "no strong validator";
}

/* Somebody has begun to wait for what is fetched here. */
static void awaited(void *client)
{
        client_turn(client);
}

static void start_part(struct exchange *x, bool storing)
{
        part_start(&x->writer, storing ? x->store : NULL, x->id, x->gap_at, x->total, x->claim);
        gaps_lead(x->writer.claim, x->worker, awaited, x->client);
        x->claim = NULL;
        x->overtaken = false;
}

static enum step begin_sparse(struct exchange *x, const struct byte_range *r, uint64_t total)
{
        char names_text[4096];
        struct out names = {.at = names_text, .cap = sizeof names_text};
        struct stored s;

        if (judge_whole(x, &s, &names) || total > exchange_storable_most(x) || x->want.first >= total) {
                fills_note(x->worker->proxy->fills, NOTED_UNSPARSE, &x->key, true);
                return ask_plainly(x);
        }
        x->total = total;
        x->at = x->want.first;
        x->end = x->want.last < total ? x->want.last + 1 : total;
        x->gap_end = r->last + 1;
        exchange_unpin(x);
        start_part(x, (adopt(x, &s, total) || put_record(x, &s, (struct span){names.at, names.len}, total)) &&
                              exchange_pin(x, x->id));
        if (!x->probe) {
                exchange_read_on(x, x->at, x->end);
                exchange_own_fields(x, &s);
                return reply_part(x, &s);
        }
        x->at = x->end = 0; /* nobody gets these bytes now */
        return STEP_FILL_GAP;
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
                return ask_plainly(x);
        x->gap_open = true;
        return STEP_REPLY_STORED;
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
                return ask_plainly(x);
        if (m->status == 200 && x->gap == GAP_COLD && !x->probe && exchange_join_whole(x))
                return STEP_JOIN;
        if (m->status != 206 && (x->gap == GAP_COLD || m->status != 200)) /* all of it, or why not */
                return another_answer(x);
        if (!is_the_part(x, m, &r, &total))
                return x->gap == GAP_COLD ? ask_plainly(x) : changed(x);
        x->reply_body = body_start(&x->reply_storage, m);
        if (x->gap == GAP_COLD)
                return begin_sparse(x, &r, total);
        if (total != x->total || !same_validator(x, m))
                return changed(x);
        x->gap_end = r.last + 1;
        start_part(x, storing_may_update(x->request, m));
        return combine(x);
}
