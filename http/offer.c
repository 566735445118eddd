/* Offering what is stored to the origin by its entity tags: who may ask so, what may be offered, which was meant. */
#include "http/offer.h"

#include "http/condition.h"
#include "http/fields.h"
#include "http/weight.h"

bool offer_suits(const struct message *request)
{
        return request->method == METHOD_GET && !condition_is_made(request) && !message_has(request, FIELD_IF_RANGE) &&
               !message_has(request, FIELD_RANGE);
}

static bool accepts_coding(const struct message *request, struct span coding)
{
        struct elements e = {.field = NULL};
        struct span element;

        while (elements_next(request, FIELD_ACCEPT_ENCODING, &e, &element)) {
                struct weighted w = weighted_read(element);

                if (span_equal_fold(w.name, coding))
                        return w.weight > 0;
        }
        return false;
}

bool offer_fits(const struct message *request, const struct stored *s)
{
        struct span coding = stored_field(s, SPAN("content-encoding"));

        return s->status == 200 && etag_is_strong(s->etag) && (!coding.len || accepts_coding(request, coding));
}

bool offer_add(struct out *o, const struct stored *s)
{
        if (o->overflow || s->etag.len + 2 > o->cap - o->len)
                return false;
        if (o->len)
                out_text(o, ", ");
        out_span(o, s->etag);
        return true;
}

bool offer_taken(const struct message *not_modified, const struct stored *s)
{
        struct span tag;

        return field_only(not_modified, FIELD_ETAG, &tag) == 1 && etag_equal_strong(tag, s->etag);
}
