/* What a 304, the reply to a HEAD or a part says of what is stored already: for the store, and for the client whose
 * request it was. */
#include "http/storing.h"
#include "proxy/exchange.h"
#include "proxy/pending.h"

static bool merge(struct exchange *x, const struct found *f, enum storing_for whom, struct stored *fresh)
{
        struct worker *w = x->worker;
        struct out fields = {.at = w->fields, .cap = PAGE_SIZE_MAX};

        return storing_freshen(&fields, &f->stored, &w->response, x->request, x->request_time, x->response_time, whom,
                               fresh);
}

bool exchange_update(struct exchange *x, const struct found *f, struct stored *fresh)
{
        struct pending *pending = x->worker->proxy->pending;
        void *context;

        if (storing_may_update(x->request, &x->worker->response)) {
                if (!merge(x, f, FOR_STORE, fresh))
                        return false;
                context = pending_add(pending, &x->key);
                if (store_freshen(x->store, f->id, fresh, pending_done, context) != 0)
                        pending_done(context, 0);
        }
        return merge(x, f, FOR_CLIENT, fresh);
}

/* RFC 9111 §4.3.5: a HEAD's reply makes what is stored good again, or shows that it is not. */
void exchange_update_by_head(struct exchange *x)
{
        struct worker *w = x->worker;
        struct found *f = &w->found;
        struct stored fresh;

        if (!x->had_stored || !x->head_only || w->response.status != 200 || !exchange_begin_read(x) ||
            reader_find(x->reader, &x->key, x->request, true, f) != FIND_HIT)
                return;
        if (!storing_head_agrees(&f->stored, f->length, &w->response) || !exchange_update(x, f, &fresh))
                exchange_forget_stored(x);
}

void exchange_own_fields(struct exchange *x, struct stored *s)
{
        struct out fields = {.at = x->worker->fields, .cap = PAGE_SIZE_MAX};

        storing_fields(&fields, &x->worker->response, s, FOR_CLIENT);
        s->fields = (struct span){fields.at, fields.overflow ? 0 : fields.len};
}
