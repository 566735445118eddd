/* Elements with weights, as Accept-Encoding and Accept-Language list them (RFC 9110 §12.4.2, §12.5). Pure. */
#ifndef HTTP_WEIGHT_H
#define HTTP_WEIGHT_H

#include "http/message.h"

enum { WEIGHT_ONE = 1000 };

struct weighted {
        struct span name; /* as it is spelled; points into the element */
        unsigned weight;  /* thousandths; above WEIGHT_ONE where the element is not of this form: then `name` is all of
                             it, as it is */
};

/* "gzip", "de-CH;q=0.5": an element of such a list, without white space around it. */
struct weighted weighted_read(struct span element);

#endif
