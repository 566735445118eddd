/* From messages to bytes: the heads that are sent to origins and to clients (RFC 9112 §2-7, RFC 9110 §7.6).
 *
 * What is not of one hop alone is copied line by line as it came, in its order and spelling. All functions append to a
 * `struct out` and note an overflow instead of writing beyond it, so that the caller tests once. */
#ifndef HTTP_RENDER_H
#define HTTP_RENDER_H

#include "http/message.h"
#include "http/stored.h"

struct out {
        char *at;
        size_t len, cap;
        bool overflow;
};

/* In line, so that of a literal two or three stores are left: a head is made of a dozen of them. */
static inline void out_span(struct out *o, struct span s)
{
        if (s.len > o->cap - o->len) {
                o->overflow = true;
                return;
        }
        if (s.len > 0)
                memcpy(o->at + o->len, s.at, s.len);
        o->len += s.len;
}

void out_number(struct out *, uint64_t);
#define out_text(o, literal) out_span((o), SPAN(literal))

struct request_options {
        struct span authority; /* not empty: what Host is to say, in the field's place or where there is none */
        bool via;              /* add a Via field (RFC 9110 §7.6.3) */
        bool drop_conditions;  /* leave out If-None-Match, If-Modified-Since, If-Range and Range: a store will be filled
                                  or validated */
        bool drop_preconditions;   /* nor If-Match and If-Unmodified-Since: the question is ours, not a client's */
        struct span etag;          /* not empty: add If-None-Match with it */
        struct span last_modified; /* not empty: add If-Modified-Since with it */
        struct span range;         /* not empty: add Range with it */
        struct span if_range;      /* not empty: add If-Range with it */
        bool upgrade;              /* keep Upgrade and "Connection: upgrade" */
};

/* The head of the request as it goes to the origin: origin-form target, HTTP/1.1, hop-by-hop fields gone, framing
 * canonical (one Content-Length without leading zeros, or exactly "Transfer-Encoding: chunked"). `path` as
 * request_decide found it. */
void render_request(struct out *, const struct message *, struct span path, const struct request_options *);

struct response_options {
        bool close;      /* say Connection: close */
        bool keep_alive; /* say Connection: keep-alive (to an HTTP/1.0 client that asked for it) */
        bool via;
        bool chunked;             /* the body is sent on in chunks; else as the message frames it */
        bool strip_length;        /* leave out Content-Length (the body ends with the connection) */
        struct span cache_status; /* the whole value of our member of Cache-Status (RFC 9211); empty: none */
        bool upgrade;             /* 101: keep Upgrade and Connection: upgrade */
        int64_t date;             /* when it came, unix seconds: said where it has no Date (RFC 9110 §6.6.1); 0: not */
};

/* The head of a response as it goes on to the client; a Cache-Status that came with it is kept and ours appended. */
void render_response(struct out *, const struct message *, const struct response_options *);

/* 1xx heads other than 101 go on with their end-to-end fields. */
void render_interim(struct out *, const struct message *);

struct stored_reply_options {
        uint16_t status;           /* the stored one, or 206, 304, 412, 416 */
        int64_t age;               /* seconds (RFC 9111 §5.1); -1: the origin has just sent or validated it */
        uint64_t length;           /* bytes of the body that follows, or would follow a GET */
        bool with_length;          /* false: no Content-Length (the length is not known yet) */
        struct span content_range; /* value of Content-Range, for 206 and 416; empty: none */
        struct span content_type;  /* not empty: instead of the stored one */
        bool close, keep_alive, via;
        bool chunked;             /* the body is sent in chunks */
        struct span cache_status; /* the whole value of our member of Cache-Status; empty: none */
};

/* The value of the first stored field of this name; empty where there is none. */
struct span stored_field(const struct stored *, struct span wanted);

/* The head of a reply from the store. A 304 has the fields of RFC 9110 §15.4.5 only; 412 and 416 have none that speak
 * of content, its validators or its freshness. */
void render_stored_head(struct out *, const struct stored *, const struct stored_reply_options *);

/* A whole reply of our own: head and a short HTML page that names Limpid and the reason and echoes nothing of the
 * request (cases.md H10). `head_only` for HEAD. `date` in unix seconds. */
struct error_reply {
        uint16_t status;
        const char *why;
        int64_t date;             /* unix seconds */
        struct span cache_status; /* our member, or empty */
        bool head_only, close;
};
void render_error(struct out *, const struct error_reply *);

/* The standard reason phrase, "Unknown" where there is none. */
const char *reason_phrase(uint16_t status);

/* Chunked coding (RFC 9112 §7.1): the line before a chunk of `len` bytes (at most 18 bytes with its CRLF). */
size_t render_chunk_line(char out[20], uint64_t len);

#endif
