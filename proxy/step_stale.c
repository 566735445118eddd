/* Stale on purpose (RFC 5861, RFC 9111 §4.2.4): what is stored answers although it is not fresh, while it is validated
 * behind the client's back, or because the origin has failed. */
#include "http/reuse.h"
#include "proxy/client.h"
#include "proxy/exchange.h"

bool exchange_stale_instead(struct exchange *x, enum reuse_failure failure, uint16_t status, enum step *next)
{
        struct worker *w = x->worker;
        const char *why;

        if (!x->had_stored || x->reply_started || x->background)
                return false;
        exchange_end_read(x);
        if (!exchange_begin_read(x) || reader_find(x->reader, &x->key, x->request, true, &w->found) != FIND_HIT ||
            !reuse_despite_failure(x->request, &w->found.stored, x->start_us / 1000000, failure, &why))
                return false;
        exchange_drop_upstream(x);
        fill_leave(&x->part);
        x->validating = false;
        exchange_drop_claim(x);
        x->gap = GAP_NONE;
        x->had_stored = false; /* should it not be readable: no second time */
        x->failed = true;
        x->failed_status = status;
        x->detail = why;
        *next = STEP_REPLY_STORED;
        return true;
}

void exchange_validate_behind(const struct exchange *x)
{
        struct exchange *y = exchange_shadow(x);

        if (!y)
                return;
        y->head_only = x->head_only;
        exchange_start_shadow(y, STEP_LOOKUP);
}
