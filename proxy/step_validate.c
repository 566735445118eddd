/* The steps of validation (RFC 9111 §4.3): asking whether what is stored is still good, and taking a 304 for an answer.
 */
#include "http/condition.h"
#include "http/storing.h"
#include "proxy/client.h"
#include "proxy/exchange.h"

/* RFC 9111 §4.3.1: asks with the validators of what is stored. Where nothing can be asked with them it is simply
 * fetched anew. */
enum step step_validate(struct exchange *x)
{
        const struct found *f = &x->worker->found;
        const struct stored *s = &f->stored;

        if (!condition_may_ask(s) || s->etag.len + s->last_modified_text.len > sizeof x->validator ||
            !exchange_pin(x, f->id))
                return STEP_JOIN;
        x->id = f->id;
        x->validating = true;
        x->offering = false;
        x->etag_len = s->etag.len;
        x->last_modified_len = s->last_modified_text.len;
        if (s->etag.len)
                memcpy(x->validator, s->etag.at, s->etag.len);
        if (s->last_modified_text.len)
                memcpy(x->validator + x->etag_len, s->last_modified_text.at, s->last_modified_text.len);
        return STEP_JOIN;
}

enum step exchange_fetch_again(struct exchange *x)
{
        x->validating = x->offering = false;
        x->forward_reason = "miss";
        exchange_release_upstream(x);
        return exchange_over_another(x);
}

/* What the 304 speaks of. */
static bool find_freshened(struct exchange *x, struct found *f)
{
        if (!x->offering)
                return reader_find(x->reader, &x->key, x->request, true, f) == FIND_HIT;
        if (x->freshened)
                return reader_response(x->reader, x->id, f) == FIND_HIT;
        return exchange_take_offer(x);
}

/* RFC 9111 §4.3.4: the origin said 304; what is stored gets the new times and fields, and answers. The 304's head is
 * rendered into the stored fields at once, so a second run (its body was cold) finds them in the store. */
enum step step_freshen(struct exchange *x)
{
        struct worker *w = x->worker;
        struct found *f = &w->found;
        struct stored fresh;
        bool withdrawn;

        if (!exchange_begin_read(x) || !find_freshened(x, f))
                return exchange_fetch_again(x);
        if (x->freshened || f->id != x->id) {
                exchange_release_upstream(x);
                return exchange_reply_with(x, f, &f->stored);
        }
        if (!exchange_update(x, f, &fresh))
                return exchange_fetch_again(x);
        withdrawn = storing_withdraws(&w->response);
        fills_note(w->proxy->fills, NOTED_UNSHAREABLE, &x->key, withdrawn);
        if (x->part)
                fill_end(x->part, withdrawn ? FILL_RELEASED : FILL_ANEW);
        fill_leave(&x->part);
        x->freshened = true;
        exchange_release_upstream(x); /* the origin has said all; the client may take its time */
        if (x->background)
                return STEP_FINISH;
        return exchange_reply_with(x, f, &fresh);
}
