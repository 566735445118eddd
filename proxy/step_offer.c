/* Asking about all stored variants of a resource at once, where the request selects none of them, and taking the one
 * that the origin says is right (RFC 9111 §4.3.1, §4.3.4). */
#include "http/offer.h"
#include "http/storing.h"
#include "http/vary.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/pending.h"

enum { OFFERED_MAX = 16 };

/* Those that may be offered; of two with one tag it cannot be said which one is meant. */
static size_t find_offers(struct exchange *x, struct variant_found all[OFFERED_MAX])
{
        size_t count = reader_variants(x->reader, &x->key, all, OFFERED_MAX), kept = 0;
        bool twice[OFFERED_MAX] = {false};

        for (size_t i = 0; i < count; i++)
                for (size_t j = 0; j < i; j++)
                        if (span_equal(all[i].found.stored.etag, all[j].found.stored.etag))
                                twice[i] = twice[j] = true;
        for (size_t i = 0; i < count; i++)
                if (!twice[i] && offer_fits(x->request, &all[i].found.stored))
                        all[kept++] = all[i];
        return kept;
}

void exchange_offer(struct exchange *x)
{
        struct variant_found all[OFFERED_MAX];
        struct out tags = {.at = x->validator, .cap = sizeof x->validator};
        size_t count;

        if (x->background || !offer_suits(x->request))
                return;
        count = find_offers(x, all);
        for (size_t i = 0; i < count; i++)
                offer_add(&tags, &all[i].found.stored);
        x->etag_len = tags.len;
        x->last_modified_len = 0;
        x->offering = x->validating = tags.len > 0;
}

bool exchange_take_offer(struct exchange *x)
{
        struct worker *w = x->worker;
        struct variant_found all[OFFERED_MAX];
        size_t count = find_offers(x, all), taken = 0;
        void *context;

        while (taken < count && !offer_taken(&w->response, &all[taken].found.stored))
                taken++;
        if (taken == count)
                return false;
        w->found = all[taken].found;
        x->id = w->found.id;
        if (!storing_may_update(x->request, &w->response))
                return true; /* a client's own word on it is not for all */
        context = pending_add(w->proxy->pending, &x->key);
        if (store_alias(x->store, x->id,
                        &(struct alias){.key = &x->key,
                                        .vary = all[taken].names,
                                        .variant = vary_hash(all[taken].names, x->request)},
                        pending_done, context) != 0)
                pending_done(context, 0);
        return true;
}
