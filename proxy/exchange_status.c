/* What an exchange says of itself in Cache-Status (RFC 9211). */
#include "proxy/exchange.h"

struct span exchange_say_status(const struct exchange *x, struct cache_status s, char text[CACHE_STATUS_MAX])
{
        struct out out = {.at = text, .cap = CACHE_STATUS_MAX};

        if (x->store && !x->fault.status) /* pages of ours echo nothing of the request (cases.md H10) */
                s.key = x->key.text;
        s.detail = x->detail;
        cache_status(&out, &s);
        return (struct span){out.at, out.len};
}
