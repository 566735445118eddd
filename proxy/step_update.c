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

static void replace_head(struct exchange *x, uint64_t id, const struct stored *s)
{
        void *context = pending_add(x->worker->proxy->pending, &x->key);

        if (store_freshen(x->store, id, s, pending_done, context) != 0)
                pending_done(context, 0);
}

bool exchange_update(struct exchange *x, const struct found *f, struct stored *fresh)
{
        const struct message *m = &x->worker->response;
        struct stored s;

        if (x->look && storing_may_update(x->request, m)) { /* not where the connection is authenticated */
                if (!merge(x, f, FOR_STORE, &s))
                        return false;
                replace_head(x, f->id, &s);
        } else if (storing_withdraws(m) && !(f->stored.flags & STORED_NO_CACHE)) {
                s = f->stored; /* nothing of the reply's may be stored, but what it says of the stored one holds */
                s.flags |= STORED_NO_CACHE;
                replace_head(x, f->id, &s);
        }
        return !fresh || merge(x, f, FOR_CLIENT, fresh);
}

/* RFC 9111 §4.3.5: a HEAD's reply makes what is stored good again, or shows that it is not. */
void exchange_update_by_head(struct exchange *x)
{
        struct worker *w = x->worker;
        struct found *f = &w->found;

        if (!x->had_stored || !x->head_only || w->response.status != 200 || !exchange_begin_read(x) ||
            reader_find(x->reader, &x->key, x->request, true, f) != FIND_HIT)
                return;
        if (!storing_head_agrees(&f->stored, f->length, &w->response) || !exchange_update(x, f, NULL))
                exchange_forget_stored(x);
}

void exchange_own_fields(struct exchange *x, struct stored *s)
{
        struct out fields = {.at = x->worker->fields, .cap = PAGE_SIZE_MAX};

        storing_fields(&fields, &x->worker->response, s, FOR_CLIENT);
        s->fields = (struct span){fields.at, fields.overflow ? 0 : fields.len};
}
