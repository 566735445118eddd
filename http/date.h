/* HTTP dates (RFC 9110 §5.6.7): all three formats and the broken ones seen in the wild. */
#ifndef HTTP_DATE_H
#define HTTP_DATE_H

#include "http/span.h"
#include <stdint.h>

enum { DATE_LEN = 29 };

/* Unix seconds, or -1 if it is no date. `now` decides the century of two-digit years. */
int64_t date_parse(struct span, int64_t now);

/* Whether it has one of the three forms that the RFC defines, letters of either case: what a field wants that is not to
 * be read kindly (Expires, RFC 9111 §5.3). */
bool date_is_exact(struct span);

/* IMF-fixdate, DATE_LEN bytes and a zero. */
void date_format(int64_t unix_seconds, char out[DATE_LEN + 1]);

#endif
