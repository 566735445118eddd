/* Asking a message for its fields, and taking list-valued fields apart (RFC 9110 §5.3, §5.6.1). Pure; nothing is
 * copied. */
#ifndef HTTP_FIELDS_H
#define HTTP_FIELDS_H

#include "http/message.h"

/* The id of a field name, compared without regard to case; FIELD_OTHER where no rule asks about it. */
enum field_id field_identify(struct span name);

/* The next field of this id after `previous` (NULL: the first one), or NULL. */
const struct field *field_next(const struct message *, enum field_id, const struct field *previous);

/* The same by name, for names that Vary or Connection nominate. */
const struct field *field_next_named(const struct message *, struct span name, const struct field *previous);

/* The value of the only field of this id: 1 and *value set; 0 where there is none; 2 where there are several (*value is
 * the first). */
int field_only(const struct message *, enum field_id, struct span *value);

/* Walks a comma-separated list: takes the first element off *rest, without the white space around it. Commas inside
 * quoted strings do not separate. Empty elements are passed over. False at the end. */
bool list_next(struct span *rest, struct span *element);

/* An iterator over all elements of all fields of one id, in order. Start with {.field = NULL}. */
struct elements {
        const struct field *field;
        struct span rest;
};
bool elements_next(const struct message *, enum field_id, struct elements *, struct span *element);

/* Whether some element of the fields of this id is this token, case aside. */
bool field_lists(const struct message *, enum field_id, struct span token);

/* Optional white space (RFC 9110 §5.6.3) cut from both ends. */
struct span span_trim(struct span);

/* Whether all of it are tchar (RFC 9110 §5.6.2) and there is at least one. */
bool span_is_token(struct span);

/* 1*DIGIT, saturating at INT64_MAX; -1 where it is anything else. */
int64_t span_decimal(struct span);

#endif
