/* Asking about several stored responses at once (RFC 9111 §4.3.1): where none of them is selected by the request's
 * fields, the origin may know that one of them is what it would send. */
#ifndef HTTP_OFFER_H
#define HTTP_OFFER_H

#include "http/message.h"
#include "http/render.h"
#include "http/stored.h"

/* Whether the request may be turned into such a question: a GET with no condition and no range of its own. */
bool offer_suits(const struct message *request);

/* Whether this stored response may be offered: it has a strong entity tag, and its content coding is one that the
 * request names as good. Servers are known to give all codings one tag, so the coding is not left to them. */
bool offer_fits(const struct message *request, const struct stored *);

/* Appends its entity tag to what If-None-Match will say. False: it does not fit any more; nothing was appended. */
bool offer_add(struct out *, const struct stored *);

/* Whether a 304 speaks of this stored response, by its entity tag alone (§4.3.4). */
bool offer_taken(const struct message *not_modified, const struct stored *);

#endif
