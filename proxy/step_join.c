/* The steps up to a shared reply: joining the fill that is under way or leading one (step_share.c), and the head that
 * is made from what the leader has received, of all of it or of the part that is wanted. */
#include "http/fields.h"
#include "http/render.h"
#include "http/reuse.h"
#include "http/vary.h"
#include "proxy/client.h"
#include "proxy/exchange.h"

enum {
        NEAR_BYTES = 4 << 20, /* what is so far ahead of a fill is not waited for */
        JOIN_SECONDS = 3      /* for a head that another exchange asked for; then we ask ourselves */
};

/* ---- the head ------------------------------------------------------------------------------------------------------
 */

static struct span fill_status(const struct exchange *x, const struct fill_head *h, int64_t now,
                               char text[CACHE_STATUS_MAX])
{
        struct cache_status s = {.fwd = x->forward_reason};

        if (x->leads) {
                s.fwd_status = x->worker->response.status;
                s.stored = true;
        } else {
                s.collapsed = s.has_ttl = true;
                s.ttl = freshness_left(&h->stored, now);
        }
        return exchange_say_status(x, s, text);
}

static void say_head(struct exchange *x, const struct fill_head *h, struct stored_reply_options *o,
                     char status[CACHE_STATUS_MAX])
{
        int64_t now = worker_clock() / 1000000;
        bool unknown = h->length == UINT64_MAX;

        x->reply_chunked = unknown && x->request->minor == 1;
        x->reply_close |= unknown && !x->reply_chunked;
        *o = (struct stored_reply_options){.status = h->stored.status,
                                           .age = x->leads && !h->stored.age ? -1 : freshness_age(&h->stored, now),
                                           .with_length = !unknown,
                                           .length = unknown ? 0 : h->length,
                                           .chunked = x->reply_chunked,
                                           .close = x->reply_close || !x->request->persistent,
                                           .via = x->worker->proxy->config->origin.via_response};
        o->keep_alive = !o->close && x->request->minor == 0;
        o->cache_status = fill_status(x, h, now, status);
}

/* The bytes of the whole that are wanted: first, and end. False: none that could be said. */
static bool cut_out(const struct exchange *x, const struct fill_head *h, uint64_t *end)
{
        if (h->stored.status != 200 || h->length == UINT64_MAX || x->want.first >= h->length)
                return false;
        *end = x->want.last < h->length ? x->want.last + 1 : h->length;
        return true;
}

/* The head of the reply, of all of it or of the part that is wanted. False: it is too large. */
static bool send_head(struct exchange *x, const struct fill_head *h)
{
        struct out head = {.at = x->worker->page, .cap = PAGE_SIZE_MAX};
        char status[CACHE_STATUS_MAX], text[RANGE_TEXT];
        struct out range = {.at = text, .cap = sizeof text};
        struct stored_reply_options options;
        uint64_t end;

        say_head(x, h, &options, status);
        if (x->ranged && cut_out(x, h, &end)) {
                range_describe(&range, &(struct byte_range){x->want.first, end - 1}, h->length);
                options.content_range = (struct span){range.at, range.len};
                options.status = 206;
                options.length = end - x->want.first;
                fill_seek(x->part, x->want.first, end);
        }
        render_stored_head(&head, &h->stored, &options);
        if (head.overflow)
                return false;
        x->status = options.status;
        x->reply_started = true;
        exchange_hold(x, (struct span){head.at, head.len});
        return true;
}

bool exchange_share_range(struct exchange *x)
{
        struct fill_head head = *fill_head(x->part);
        uint64_t end;

        exchange_own_fields(x, &head.stored);
        return cut_out(x, &head, &end) && send_head(x, &head);
}

/* ---- joining -------------------------------------------------------------------------------------------------------
 */

/* A request whose reply could be anybody's: with no condition, range or directive of its own. A range that can be cut
 * out of the whole is none of its own. */
static bool may_share(const struct exchange *x)
{
        const struct message *m = x->request;

        return !x->solo && m->method == METHOD_GET && m->framing == FRAMING_NONE && !m->upgrade &&
               (x->ranged || !message_has(m, FIELD_RANGE)) && !message_has(m, FIELD_IF_RANGE) &&
               request_is_anybodys(m) && !request_wants_origin(m);
}

static bool shares(const struct exchange *x)
{
        return may_share(x) && !fills_noted(x->worker->proxy->fills, NOTED_UNSHAREABLE, &x->key);
}

/* Asks the origin after all, beside the others. */
static enum step alone(struct exchange *x, const char *reason)
{
        fill_leave(&x->part);
        x->solo = true;
        x->ranged = false;
        if (reason)
                x->forward_reason = reason;
        return STEP_FETCH;
}

/* The same look-up again: what is stored has changed. */
static enum step look_again(struct exchange *x)
{
        x->looked = x->validating = false;
        return STEP_LOOKUP;
}

/* Whether what is wanted is about to come. */
static bool near(const struct exchange *x)
{
        return !x->ranged || x->want.first <= fill_arrived(x->part) + NEAR_BYTES;
}

/* The head has come, for whoever asked: it answers this request as well, or this one asks for itself. */
static enum step follow(struct exchange *x)
{
        const struct fill_head *h = fill_head(x->part);
        struct worker *w = x->worker;
        const char *why = NULL;

        if (h->vary.len && vary_hash(h->vary, x->request) != h->variant)
                return alone(x, "vary-miss");
        if (!near(x) || reuse_verdict(x->request, &h->stored, worker_clock() / 1000000, &why) != REUSE_FRESH)
                return alone(x, NULL);
        if (!send_head(x, h))
                return exchange_fail(x, 500, "the head is too large");
        exchange_unpin(x); /* what it would have validated */
        x->validating = false;
        x->result = "TCP_CF_HIT";
        count(&w->counters, COUNTER_hits, 1);
        count(&w->counters, COUNTER_collapsed, 1);
        return STEP_SHARE;
}

void exchange_wait_for_head(struct exchange *x)
{
        timer_set(&x->worker->wheel, &x->client->conn.timer, JOIN_SECONDS);
        x->waited = true; /* that deadline stands */
}

/* Others are told by what this exchange does from now on; but first it looks again, for the last one who led may just
 * have stored what is wanted. */
static enum step enter(struct exchange *x)
{
        if (!x->look || !(x->background || shares(x)))
                return STEP_FETCH;
        x->part = fills_enter(x->worker->proxy->fills, &x->key, x->worker, exchange_wake, x->client, &x->leads);
        if (!x->part)
                return STEP_FETCH;
        if (x->leads)
                return exchange_may_find_more(x) ? look_again(x) : STEP_FETCH;
        if (x->background) { /* it is being validated already */
                x->broken = true;
                return STEP_FINISH;
        }
        exchange_wait_for_head(x);
        return STEP_JOIN;
}

enum step step_join(struct exchange *x)
{
        if (!x->part)
                return enter(x);
        if (x->leads)
                return STEP_FETCH;
        switch (fill_look(x->part)) {
        case FILL_ASKED:
                return STEP_WAIT;
        case FILL_ARRIVING:
        case FILL_WHOLE:
                client_moved(x->client);
                return follow(x);
        case FILL_ANEW:
                fill_leave(&x->part);
                x->solo = true; /* what has to be validated for each is so for all at once, not one after the other */
                return look_again(x);
        case FILL_CUT:
        case FILL_RELEASED:
                break;
        }
        return alone(x, NULL);
}

enum step exchange_join_late(struct exchange *x)
{
        return alone(x, NULL);
}
