/* Stale on purpose (RFC 5861, RFC 9111 §4.2.4): what is stored answers although it is not fresh, while it is validated
 * behind the client's back, or because the origin has failed. */
#include "http/reuse.h"
#include "proxy/client.h"
#include "proxy/exchange.h"

static bool may_answer(const struct exchange *x, const struct stored *s, enum reuse_failure failure, const char **why)
{
        return reuse_despite_failure(x->request, s, x->start_us / 1000000, failure, why);
}

void exchange_may_be_stale(struct exchange *x, const struct stored *s)
{
        const char *why;

        x->despite = 0;
        for (enum reuse_failure f = REUSE_UNREACHABLE; f <= REUSE_SERVER_ERROR; f++)
                if (may_answer(x, s, f, &why))
                        x->despite |= (uint8_t)(1U << f);
}

/* A body that is not in memory is read before the head goes out, so it is looked up with the failure remembered: the
 * origin is not asked again for that. */
bool exchange_stale_instead(struct exchange *x, enum reuse_failure failure, uint16_t status, enum step *next)
{
        if (!x->had_stored || x->reply_started || x->background || !(x->despite & 1U << failure))
                return false;
        exchange_end_read(x);
        exchange_drop_upstream(x);
        fill_leave(&x->part);
        x->validating = false;
        exchange_drop_claim(x);
        x->gap = GAP_NONE;
        x->had_stored = false; /* should it not be readable: no second time */
        x->failed = true;
        x->failure = (uint8_t)failure;
        x->failed_status = status;
        *next = STEP_LOOKUP;
        return true;
}

bool exchange_answers_stale(struct exchange *x, const struct stored *s)
{
        return x->failed && may_answer(x, s, (enum reuse_failure)x->failure, &x->detail);
}

void exchange_validate_behind(const struct exchange *x)
{
        struct exchange *y = exchange_shadow(x);

        if (!y)
                return;
        y->head_only = x->head_only;
        exchange_start_shadow(y, STEP_LOOKUP);
}
