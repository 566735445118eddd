/* A parsed message head (RFC 9112 §2-3): where each part lies in the bytes as they arrived.
 *
 * Nothing is copied: every offset counts from `head`, which the caller owns; who moves the bytes sets `head` anew and
 * all else stays true. Offsets are 16 bits wide, because a head is HEAD_MAX bytes at the most. */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include <stdint.h>

#include "http/span.h"

enum {
        HEAD_MAX = 65535,     /* bytes of a head: start line to empty line */
        FIELDS_MAX = 256,     /* field lines in a head */
        FIELD_NAME_MAX = 1024 /* bytes of a field's name */
};

/* The fields that some rule asks about. The order is that of http/fields.c's table; at most 64 (message.present). */
enum field_id {
        FIELD_OTHER,
        FIELD_ACCEPT,
        FIELD_ACCEPT_ENCODING,
        FIELD_ACCEPT_LANGUAGE,
        FIELD_ACCEPT_RANGES,
        FIELD_AGE,
        FIELD_AUTHORIZATION,
        FIELD_CACHE_CONTROL,
        FIELD_CACHE_STATUS,
        FIELD_CONNECTION,
        FIELD_CONTENT_ENCODING,
        FIELD_CONTENT_LENGTH,
        FIELD_CONTENT_LOCATION,
        FIELD_CONTENT_RANGE,
        FIELD_CONTENT_TYPE,
        FIELD_COOKIE,
        FIELD_DATE,
        FIELD_ETAG,
        FIELD_EXPECT,
        FIELD_EXPIRES,
        FIELD_FORWARDED,
        FIELD_HOST,
        FIELD_IF_MATCH,
        FIELD_IF_MODIFIED_SINCE,
        FIELD_IF_NONE_MATCH,
        FIELD_IF_RANGE,
        FIELD_IF_UNMODIFIED_SINCE,
        FIELD_KEEP_ALIVE,
        FIELD_LAST_MODIFIED,
        FIELD_LOCATION,
        FIELD_MAX_FORWARDS,
        FIELD_PRAGMA,
        FIELD_PROXY_AUTHENTICATE,
        FIELD_PROXY_AUTHENTICATION_INFO,
        FIELD_PROXY_AUTHORIZATION,
        FIELD_PROXY_CONNECTION,
        FIELD_RANGE,
        FIELD_REFERER,
        FIELD_SET_COOKIE,
        FIELD_TE,
        FIELD_TRAILER,
        FIELD_TRANSFER_ENCODING,
        FIELD_UPGRADE,
        FIELD_USER_AGENT,
        FIELD_VARY,
        FIELD_VIA,
        FIELD_WWW_AUTHENTICATE,
        FIELD_X_FORWARDED, /* every name that begins with X-Forwarded-, and its like: by which origins route */
        FIELD_X_HTTP_METHOD_OVERRIDE,
        FIELD_X_ORIGINAL_URL,
        FIELD_X_REWRITE_URL,
        FIELD_IDS
};

struct field {
        uint16_t line, line_len;   /* the whole line without its CRLF */
        uint16_t value, value_len; /* without the white space around it */
        uint16_t name_len;         /* the name begins where the line does */
        uint8_t id;                /* enum field_id */
        uint8_t hop;               /* 1: this hop's alone (RFC 9110 §7.6.1): listed there or named by Connection */
};

enum method {
        METHOD_OTHER,
        METHOD_GET,
        METHOD_HEAD,
        METHOD_POST,
        METHOD_PUT,
        METHOD_DELETE,
        METHOD_CONNECT,
        METHOD_OPTIONS,
        METHOD_TRACE,
        METHOD_PATCH
};

/* How the body's end is found (RFC 9112 §6.3). */
enum framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED, FRAMING_CLOSE };

struct message {
        const char *head;
        uint16_t head_len;
        uint16_t field_count;
        uint8_t method;              /* enum method; of a response: the request's */
        uint8_t minor;               /* HTTP/1.minor: 0 or 1 */
        uint16_t status;             /* 0 in a request */
        uint16_t start_len;          /* start line without its CRLF; it begins at head */
        uint16_t target, target_len; /* of a request; of a response: its reason phrase */
        uint8_t framing;             /* enum framing */
        bool persistent;             /* the sender lets the connection live on (RFC 9112 §9.3) */
        bool upgrade;                /* Connection: upgrade and an Upgrade field */
        bool reload_ignored;         /* a request whose wish for something newer than what is fresh is not heeded: set
                                        by the program, never by the parser */
        bool odd; /* a response that may be delivered but never stored (cases.md R1: obs-fold, lengths alike) */
        bool foreign_coding; /* a response in a transfer coding that is not ours: it goes on as it came, to the close */
        uint64_t length;     /* body bytes, where framing is FRAMING_LENGTH */
        uint64_t present;    /* bit n: a field of id n is there */
        struct field fields[FIELDS_MAX];
};

static inline struct span message_target(const struct message *m)
{
        return (struct span){m->head + m->target, m->target_len};
}

static inline struct span field_name(const struct message *m, const struct field *f)
{
        return (struct span){m->head + f->line, f->name_len};
}

static inline struct span field_value(const struct message *m, const struct field *f)
{
        return (struct span){m->head + f->value, f->value_len};
}

static inline bool message_has(const struct message *m, enum field_id id)
{
        return m->present >> id & 1;
}

/* The bytes that a copy of m needs: all but the fields that are not there. */
static inline size_t message_size(const struct message *m)
{
        return offsetof(struct message, fields) + m->field_count * sizeof m->fields[0];
}

#endif
