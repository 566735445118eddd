/* A body, pulled out of the bytes as they arrive (RFC 9112 §6.3, §7.1).
 *
 * The chunked coding is read here and not by llhttp, which takes chunk sizes near 2^64, lines without end and any
 * trailer. Each octet outside a chunk's data goes to the function of the state that the body is in, which names the
 * next one:
 *
 *     SIZE → (PAD →) (EXTENSION →) SIZE_LF → DATA → CHUNK_CR → CHUNK_LF → SIZE …       a size of 0 leads to the
 * trailers: TRAILER → TRAILER_LF → TRAILER … → DONE
 */
#include <stdlib.h>

#include "http/fields.h"
#include "http/octet.h"
#include "http/parse.h"

enum {
        CHUNK_LINE_MAX = 4096, /* size, its leading zeros and extensions */
        TRAILERS_MAX = 8192,   /* bytes of a trailer section, whatever is kept of it */
        TRAILER_LINES_MAX = 64
};

enum state { SIZE, PAD, EXTENSION, SIZE_LF, DATA, CHUNK_CR, CHUNK_LF, TRAILER, TRAILER_LF, DONE, BROKEN };

struct body {
        uint8_t framing;             /* enum framing */
        uint8_t state;               /* enum state, of the chunked coding */
        bool sized;                  /* the chunk line has a digit */
        uint16_t line;               /* bytes of the chunk line so far */
        uint64_t left;               /* of the body (LENGTH) or of the chunk */
        char *trailers;              /* TRAILERS_MAX bytes, NULL until the first one comes */
        uint16_t kept, trailer_line; /* end of the lines that are kept; where the one that is read begins */
        uint16_t trailer_bytes, trailer_lines;
};

_Static_assert(sizeof(struct body) <= BODY_SIZE, "body_storage must hold a body");

/* ---- chunk lines ----------------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What may follow the size: blanks before a semicolon only (RFC 9112 §7.1.1). */
static enum state after_size(char c)
{
        if (c == '\r')
                return SIZE_LF;
        if (c == ';')
                return EXTENSION;
        return octet_is(c, OCTET_BLANK) ? PAD : BROKEN;
}

static enum state read_size(struct body *b, char c)
{
        int digit = hex_value(c);
        if (++b->line > CHUNK_LINE_MAX)
                return BROKEN;
        if (digit < 0)
                return b->sized ? after_size(c) : BROKEN;
        if (b->left >> 56) /* no real chunk is as large: sums of sizes cannot wrap */
                return BROKEN;
        b->sized = true;
        b->left = b->left << 4 | (unsigned)digit;
        return SIZE;
}

static enum state read_pad(struct body *b, char c)
{
        enum state next = ++b->line > CHUNK_LINE_MAX ? BROKEN : after_size(c);
        return next == SIZE_LF ? BROKEN : next;
}

/* Extensions are this hop's and left out. */
static enum state read_extension(struct body *b, char c)
{
        if (c == '\r')
                return SIZE_LF;
        return ++b->line > CHUNK_LINE_MAX || octet_is(c, OCTET_CONTROL) ? BROKEN : EXTENSION;
}

static enum state read_size_lf(struct body *b, char c)
{
        if (c != '\n')
                return BROKEN;
        return b->left > 0 ? DATA : TRAILER;
}

static enum state read_chunk_cr(struct body *b, char c)
{
        (void)b;
        return c == '\r' ? CHUNK_LF : BROKEN;
}

static enum state read_chunk_lf(struct body *b, char c)
{
        b->line = 0;
        b->sized = false;
        return c == '\n' ? SIZE : BROKEN;
}

/* ---- trailers -------------------------------------------------------------------------------------------------- */

/* Fields that frame, route, authenticate, or say how to read the content or the head: never believed from a trailer
 * (RFC 9110 §6.5.1). */
#define BIT(id) (1ULL << FIELD_##id)
static const uint64_t not_in_trailers =
        BIT(ACCEPT) | BIT(ACCEPT_ENCODING) | BIT(ACCEPT_LANGUAGE) | BIT(AGE) | BIT(AUTHORIZATION) | BIT(CACHE_CONTROL) |
        BIT(CONNECTION) | BIT(CONTENT_ENCODING) | BIT(CONTENT_LENGTH) | BIT(CONTENT_LOCATION) | BIT(CONTENT_RANGE) |
        BIT(CONTENT_TYPE) | BIT(COOKIE) | BIT(DATE) | BIT(EXPECT) | BIT(EXPIRES) | BIT(FORWARDED) | BIT(HOST) |
        BIT(IF_MATCH) | BIT(IF_MODIFIED_SINCE) | BIT(IF_NONE_MATCH) | BIT(IF_RANGE) | BIT(IF_UNMODIFIED_SINCE) |
        BIT(KEEP_ALIVE) | BIT(LOCATION) | BIT(MAX_FORWARDS) | BIT(PRAGMA) | BIT(PROXY_AUTHENTICATE) |
        BIT(PROXY_AUTHORIZATION) | BIT(PROXY_CONNECTION) | BIT(RANGE) | BIT(SET_COOKIE) | BIT(TE) | BIT(TRAILER) |
        BIT(TRANSFER_ENCODING) | BIT(UPGRADE) | BIT(VARY) | BIT(WWW_AUTHENTICATE) | BIT(X_FORWARDED) |
        BIT(X_HTTP_METHOD_OVERRIDE) | BIT(X_ORIGINAL_URL) | BIT(X_REWRITE_URL);

static enum state push_trailer(struct body *b, char c)
{
        if (b->trailers == NULL)
                b->trailers = malloc(TRAILERS_MAX);
        if (b->trailers == NULL || ++b->trailer_bytes > TRAILERS_MAX)
                return BROKEN;
        b->trailers[b->kept++] = c;
        return TRAILER;
}

static enum state read_trailer(struct body *b, char c)
{
        bool line_begins = b->kept == b->trailer_line;
        if (c == '\r')
                return TRAILER_LF;
        if (octet_is(c, OCTET_CONTROL) || (line_begins && octet_is(c, OCTET_BLANK)))
                return BROKEN;
        return push_trailer(b, c);
}

/* Keeps the line that has been read, or takes it back. */
static enum state end_trailer(struct body *b)
{
        struct span line = {b->trailers + b->trailer_line, (size_t)b->kept - b->trailer_line};
        struct span name = {line.at, octet_run(line, OCTET_TOKEN)};
        if (name.len == 0 || name.len == line.len || name.at[name.len] != ':' || ++b->trailer_lines > TRAILER_LINES_MAX)
                return BROKEN;
        if (not_in_trailers >> field_identify(name) & 1)
                b->kept = b->trailer_line;
        else if (push_trailer(b, '\r') == BROKEN || push_trailer(b, '\n') == BROKEN)
                return BROKEN;
        b->trailer_line = b->kept;
        return TRAILER;
}

static enum state read_trailer_lf(struct body *b, char c)
{
        if (c != '\n')
                return BROKEN;
        return b->kept == b->trailer_line ? DONE : end_trailer(b);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

typedef enum state state_fn(struct body *, char c);

static state_fn *const states[] = {
        [SIZE] = read_size,           [PAD] = read_pad,
        [EXTENSION] = read_extension, [SIZE_LF] = read_size_lf,
        [CHUNK_CR] = read_chunk_cr,   [CHUNK_LF] = read_chunk_lf,
        [TRAILER] = read_trailer,     [TRAILER_LF] = read_trailer_lf,
};

/* As much payload as is there. */
static enum body_event take(struct body *b, struct span in, struct span *data, size_t *used)
{
        size_t there = in.len - *used;
        size_t n = b->left < there ? (size_t)b->left : there;
        if (n == 0)
                return BODY_MORE;
        *data = (struct span){in.at + *used, n};
        *used += n;
        if (b->framing != FRAMING_CLOSE)
                b->left -= n;
        return BODY_DATA;
}

static enum body_event read_chunked(struct body *b, struct span in, struct span *data, size_t *used)
{
        while (b->state != DATA) {
                if (b->state == DONE)
                        return BODY_END;
                if (b->state == BROKEN)
                        return BODY_FAULT;
                if (*used == in.len)
                        return BODY_MORE;
                b->state = (uint8_t)states[b->state](b, in.at[(*used)++]);
        }
        enum body_event event = take(b, in, data, used);
        if (b->left == 0)
                b->state = CHUNK_CR;
        return event;
}

struct body *body_start(body_storage *at, const struct message *m)
{
        struct body *b = (struct body *)(void *)at;
        *b = (struct body){.framing = m->framing, .state = SIZE};
        if (m->framing == FRAMING_LENGTH)
                b->left = m->length;
        else if (m->framing == FRAMING_CLOSE)
                b->left = UINT64_MAX;
        return b;
}

enum body_event body_read(struct body *b, struct span in, struct span *data, size_t *used)
{
        *used = 0;
        *data = (struct span){NULL, 0};
        if (b->framing == FRAMING_CHUNKED)
                return read_chunked(b, in, data, used);
        return b->left == 0 ? BODY_END : take(b, in, data, used);
}

enum body_event body_eof(const struct body *b)
{
        if (b->framing == FRAMING_CLOSE)
                return BODY_END;
        bool whole = b->framing == FRAMING_CHUNKED ? b->state == DONE : b->left == 0;
        return whole ? BODY_END : BODY_FAULT;
}

struct span body_trailers(const struct body *b)
{
        if (b->state != DONE)
                return (struct span){NULL, 0};
        return (struct span){b->trailers, b->kept};
}

uint64_t body_left(const struct body *b)
{
        return b->framing == FRAMING_CHUNKED ? UINT64_MAX : b->left;
}

void body_stop(struct body *b)
{
        free(b->trailers);
        *b = (struct body){.state = BROKEN, .framing = FRAMING_CHUNKED};
}
