/* From bytes to messages: finding the end of a head, reading it, and the framing of bodies (RFC 9112).
 *
 * llhttp, even strict, lets pass what request smuggling is made of; so a head is read as raw lines first (CRLF only, no
 * folding, token names, bounded sizes), judged for framing and Host, and then read again by llhttp, which must agree.
 * http/parse.c is llhttp's only home. Nothing here allocates, but body_read for a chunked body's trailers. */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include "http/message.h"

/* What is wrong, and how bad (cases.md): an ODD first message of a connection may be tunnelled, all else is refused. */
enum fault_kind {
        FAULT_NONE,
        FAULT_ODD,      /* T/R: worked without us, so tunnel it if it is the connection's first; else refuse */
        FAULT_FRAMING,  /* R: an attempt at the framing; never forwarded in any way */
        FAULT_NOT_HTTP, /* T: first bytes are no HTTP/1 request at all (TLS, SSH, PRI, RTSP); later ones are refused */
        FAULT_BARE      /* of a response: no status line; relay to the close, store nothing (cases.md R6) */
};

struct fault {
        enum fault_kind kind;
        uint16_t status; /* with which a request is refused: 400, 414, 431, 501, 505; of a response 502 */
        const char *why; /* a constant, lower-case phrase for the log and the error page */
};

/* ---- finding the end of a head --------------------------------------------------------------------------------- */

enum scan { SCAN_MORE, SCAN_DONE, SCAN_FAULT };

/* Where a scan stands; all zero at the start of a message. Resumable: a head that arrives byte by byte is scanned once.
 */
struct head_scan {
        uint32_t line; /* offset of the line that is being read */
        uint32_t seen; /* bytes looked at */
        uint16_t lines;
        uint16_t blank; /* bytes of blank lines before the start line (RFC 9112 §2.2), at most two of them are forgiven
                         */
};

/* Looks at the first `len` bytes that arrived of a request (or response). SCAN_DONE: the head is bytes[s->blank ..
 * s->seen). SCAN_FAULT: *fault says why: too large, or first bytes that can be no head; all else is left to the parser,
 * so that a bare LF ends lines here. Never asks for more than HEAD_MAX bytes, blank lines included. */
enum scan scan_request(struct head_scan *s, const char *bytes, size_t len, struct fault *fault);
enum scan scan_response(struct head_scan *s, const char *bytes, size_t len, struct fault *fault);

/* ---- parsing a whole head -------------------------------------------------------------------------------------- */

/* `head` is a scanned head, empty line included; it must outlive *m, which points into it. The kind is FAULT_NONE if *m
 * is good; its framing has then been checked by all of cases.md F1-F9, H2-H4 and R1, R2, R6. */
struct fault parse_request(struct message *m, struct span head);
struct fault parse_response(struct message *m, struct span head, enum method request_method);

/* ---- bodies ---------------------------------------------------------------------------------------------------- */

enum body_event {
        BODY_MORE, /* all of the input is consumed and the body goes on */
        BODY_DATA, /* *data is payload, lying in the input */
        BODY_END,  /* the message is complete; what follows *used belongs to the next one */
        BODY_FAULT /* the framing is broken (cases.md F10-F12, R1, R9) */
};

struct body; /* opaque but for its size: see http/body.c */
enum { BODY_SIZE = 256 };
typedef union {
        max_align_t align;
        char bytes[BODY_SIZE];
} body_storage;

/* Starts reading the body of m in `at` (no allocation; trailers are gathered on the heap once they come). */
struct body *body_start(body_storage *at, const struct message *m);

/* Reads on: at most one span of payload for each call, *used bytes of `in` consumed (0 <= *used <= in.len). Call again
 * with the rest until it says MORE, END or FAULT. A body without length (FRAMING_NONE) ends at once with *used = 0. */
enum body_event body_read(struct body *, struct span in, struct span *data, size_t *used);

/* The connection was closed by the sender: BODY_END where that ends the body, BODY_FAULT where it cuts it short. */
enum body_event body_eof(const struct body *);

/* Trailer lines "Name: value\r\n" as they came, those that must not be in a trailer left out (cases.md F12); valid
 * after BODY_END until body_stop. */
struct span body_trailers(const struct body *);

/* Bytes still to come where the framing is a length; UINT64_MAX where that is not known. */
uint64_t body_left(const struct body *);

void body_stop(struct body *);

#endif
