/* What an answer makes invalid (RFC 9111 §4.4), and what is found to be of no use. */
#include "http/fields.h"
#include "http/reference.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/pending.h"

static void purge_key(struct exchange *x, const struct key *key)
{
        struct proxy *p = x->worker->proxy;
        struct store *store = p->stores[proxy_store_index(p, key)];
        void *context = pending_add(p->pending, key);

        if (!store || store_purge(store, PURGE_KEY, key->text, pending_purged, context) != 0)
                pending_done(context, 0);
}

/* What is still arriving was asked for before: it is for nobody new, and not stored. */
static void invalidate_key(struct exchange *x, const struct key *key)
{
        fills_outdate(x->worker->proxy->fills, PURGE_KEY, key->text);
        purge_key(x, key);
}

void exchange_forget_stored(struct exchange *x)
{
        if (!x->borrows) /* it is not for it to say */
                purge_key(x, &x->key);
}

/* What Location or Content-Location points to, if it is of the same origin; for the same clients. */
static void invalidate_named(struct exchange *x, enum field_id id)
{
        const struct authority base = {x->decision.host, x->decision.port};
        char text[KEY_TEXT_MAX];
        struct out path = {.at = x->worker->page, .cap = PAGE_SIZE_MAX};
        struct span value;
        struct key key;

        if (field_only(&x->worker->response, id, &value) == 1 &&
            reference_resolve(&path, &base, x->decision.path, value) &&
            exchange_key(x, &key, text, (struct span){path.at, path.len}))
                invalidate_key(x, &key);
}

/* RFC 9111 §4.4: a successful unsafe request makes what is stored under its own key invalid, and what its reply names
 * (but nothing of another destination's: cases.md H13). */
void exchange_invalidate(struct exchange *x)
{
        uint16_t status = x->worker->response.status;

        if (!x->store || method_safe((enum method)x->request->method) || status < 200 || status >= 400)
                return;
        invalidate_key(x, &x->key);
        invalidate_named(x, FIELD_LOCATION);
        invalidate_named(x, FIELD_CONTENT_LOCATION);
        x->asked_at = fills_time(x->worker->proxy->fills); /* what this reply says is true from now on */
}
