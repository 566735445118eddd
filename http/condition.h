/* Preconditions (RFC 9110 §13) evaluated against a stored response. */
#ifndef HTTP_CONDITION_H
#define HTTP_CONDITION_H

#include "http/message.h"
#include "http/stored.h"

enum condition {
        CONDITION_PASS,         /* answer in full */
        CONDITION_NOT_MODIFIED, /* 304 */
        CONDITION_FAILED        /* 412 */
};

/* If-None-Match before If-Modified-Since (§13.2.2); If-Match and If-Unmodified-Since too, though reuse_verdict has
 * seen to it that the origin judges those that fail (condition_is_for_origin). */
enum condition condition_evaluate(const struct message *request, const struct stored *, int64_t now);

/* If-Match or If-Unmodified-Since does not hold of what is stored. They are not a cache's to judge (RFC 9111 §4.3.2),
 * so such a request goes to the origin. */
bool condition_is_for_origin(const struct message *request, const struct stored *, int64_t now);

/* Whether the request has a condition on what is there, of either kind; If-Range is none (§13.1.5). */
bool condition_is_made(const struct message *request);

/* Whether the origin can be asked if this is still good (RFC 9111 §4.3.1): it has a validator, and is a success, for a
 * 304 stands for the 200 that there would have been (RFC 9110 §15.4.5): to a 404 that was stored it says that there is
 * something now. */
bool condition_may_ask(const struct stored *);

/* Whether it is an entity tag (§8.8.3), or one without quotes, as some servers write them: a run of visible octets,
 * without quotes and commas, that is good for weak comparison alone. */
bool etag_is_valid(struct span);
bool etag_is_strong(struct span);
bool etag_equal_weak(struct span, struct span);
bool etag_equal_strong(struct span, struct span);

/* The strong validator of what is stored, as If-Range takes it (§13.1.5); empty where there is none. */
struct span strong_validator(const struct stored *);

/* A part that nothing can be added to (RFC 9111 §3.4). */
bool stored_is_fragment(const struct stored *);

/* Last-Modified is a strong validator if Date is so much later that nothing can have changed since within the same
 * second (§8.8.2.2): here a minute, whatever the clocks are. */
bool last_modified_is_strong(const struct stored *);

#endif
