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

/* If-None-Match before If-Modified-Since (§13.2.2); If-Match and If-Unmodified-Since too. */
enum condition condition_evaluate(const struct message *request, const struct stored *, int64_t now);

bool etag_is_strong(struct span);
bool etag_equal_weak(struct span, struct span);
bool etag_equal_strong(struct span, struct span);

#endif
