#include "http/offer.h"

#include "http/condition.h"
#include "http/fields.h"
#include "http/octet.h"

#define BIT(id) (1ULL << FIELD_##id)

bool offer_suits(const struct message *request)
{
        static const uint64_t own = BIT(IF_NONE_MATCH) | BIT(IF_MODIFIED_SINCE) | BIT(IF_MATCH) |
                                    BIT(IF_UNMODIFIED_SINCE) | BIT(IF_RANGE) | BIT(RANGE);

        return request->method == METHOD_GET && !(request->present & own);
}

/* ";q=0", ";q=0.000": not acceptable (RFC 9110 §12.4.2). */
static bool is_refused(struct span parameters)
{
        const char *q = memchr(parameters.at, '=', parameters.len);

        if (!q)
                return false;
        for (q++; q < parameters.at + parameters.len; q++)
                if (*q >= '1' && *q <= '9')
                        return false;
        return true;
}

static bool accepts_coding(const struct message *request, struct span coding)
{
        struct elements e = {.field = NULL};
        struct span element;

        while (elements_next(request, FIELD_ACCEPT_ENCODING, &e, &element)) {
                size_t len = octet_run(element, OCTET_TOKEN);

                if (span_equal_fold((struct span){element.at, len}, coding))
                        return !is_refused((struct span){element.at + len, element.len - len});
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
