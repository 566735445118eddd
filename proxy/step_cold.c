/* The first part of a cold object: it becomes the first of a sparse response, the only one of an incomplete response,
 * or is for its client alone (RFC 9111 §3.3, §3.4). */
#include "http/condition.h"
#include "http/fields.h"
#include "http/storing.h"
#include "http/vary.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/pending.h"

/* What is stored meanwhile, by another client's part: this one is added to it. */
static bool adopt(struct exchange *x, const struct stored *s, uint64_t total)
{
        struct found *f = &x->worker->found;

        exchange_end_read(x);
        if (!exchange_begin_read(x) || reader_find(x->reader, &x->key, x->request, false, f) != FIND_HIT ||
            f->inlined || f->length != total || !etag_equal_strong(f->stored.etag, s->etag))
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
                          .replaces = x->replaces,
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
                                               .age = s->age ? freshness_age(s, x->response_time) : -1,
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
        if (!exchange_take_validator(x, s))
                x->etag_len = 0;
        return NULL;
}

/* Somebody has begun to wait for what is fetched here. */
static void awaited(void *client)
{
        client_turn(client);
}

void exchange_start_part(struct exchange *x, bool storing)
{
        if (!storing) /* nobody need wait for it */
                exchange_drop_claim(x);
        gaps_cut(x->claim, x->gap_end);
        part_start(&x->writer, storing ? x->store : NULL, x->id, x->gap_at, x->claim);
        gaps_lead(x->writer.claim, x->worker, awaited, x->client);
        x->claim = NULL;
        x->overtaken = x->let_wait = false;
}

static bool store_part(struct exchange *x, const struct stored *s, struct span names, uint64_t total)
{
        return (adopt(x, s, total) || put_record(x, s, names, total)) && exchange_pin(x, x->id);
}

/* A part that is stored by nobody: as it came, if it was asked for so; else what is wanted is cut out of it. */
static enum step pass_part(struct exchange *x, struct stored *s)
{
        if (x->probe)
                return exchange_ask_plainly(x);
        if (x->exact) {
                storing_as_whole(&x->worker->response, false);
                return exchange_another_answer(x);
        }
        exchange_start_part(x, false);
        exchange_own_fields(x, s);
        return reply_part(x, s);
}

/* Without a strong validator there is nothing to add to a part, but it answers what lies within it (RFC 9111 §3.3). */
static bool worth_keeping(const struct exchange *x, const struct byte_range *r)
{
        return x->etag_len || (!x->probe && r->last - r->first < SLICE_MAX);
}

enum step exchange_begin_sparse(struct exchange *x, const struct byte_range *r, uint64_t total)
{
        char names_text[4096];
        struct out names = {.at = names_text, .cap = sizeof names_text};
        struct stored s;
        const char *why = judge_whole(x, &s, &names);

        if (!why && total > exchange_storable_most(x))
                why = "its body is too large";
        fills_note(x->worker->proxy->fills, NOTED_UNSPARSE, &x->key, why || !x->etag_len);
        if (!why && fills_outdated(x->worker->proxy->fills, &x->key, x->asked_at))
                why = "it was made invalid meanwhile";
        if (!why && !x->look)
                why = x->detail; /* the connection is authenticated */
        x->detail = why;
        x->total = total;
        x->probe |= x->want.first >= total; /* what is stored then says that there is nothing (RFC 9110 §15.5.17) */
        x->at = x->want.first;
        x->end = x->want.last < total ? x->want.last + 1 : total;
        x->gap_end = r->last + 1;
        exchange_unpin(x);
        if (why || !worth_keeping(x, r))
                return pass_part(x, &s);
        exchange_start_part(x, store_part(x, &s, (struct span){names.at, names.len}, total));
        if (!x->probe) {
                if (x->etag_len)
                        exchange_read_on(x, x->at, x->end);
                exchange_own_fields(x, &s);
                return reply_part(x, &s);
        }
        x->at = x->end = 0; /* nobody gets these bytes now */
        return STEP_FILL_GAP;
}
