/* A head read twice: by our own scan for what smuggling is made of, and by llhttp for all the rest. Both must agree on
 * where the head ends and how its body is framed, or it is refused.
 *
 * llhttp 8.1 in strict mode refuses control bytes, stray line ends, unknown versions, and methods that it does not
 * know. It lets pass repeated, joined or quoted framing fields, folding, bare line feeds, empty names and all that is
 * wrong with Host, which is why it comes last. Measured: about 1 ns for each byte. */
#include <llhttp.h>

#include "http/octet.h"
#include "http/parse_private.h"

void reading_oddity(struct reading *r, enum fault_kind kind, uint16_t status, const char *why)
{
        if (r->response)
                r->m->odd = true;
        else if (r->odd.kind == FAULT_NONE)
                r->odd = (struct fault){kind, status, why};
}

void reading_breach(struct reading *r, uint16_t status, const char *why)
{
        if (r->breach.kind == FAULT_NONE)
                r->breach = (struct fault){FAULT_FRAMING, r->response ? 502 : status, why};
}

/* ---- llhttp ---------------------------------------------------------------------------------------------------- */

static int pause_after_head(llhttp_t *parser)
{
        (void)parser;
        return HPE_PAUSED;
}

static const llhttp_settings_t settings = {.on_headers_complete = pause_after_head};

/* RFC 9112 §3 has ASCII alone in a target, real clients send UTF-8 too; llhttp does not take it. */
static bool has_high_octets(struct span s)
{
        unsigned char all = 0;
        for (size_t i = 0; i < s.len; i++)
                all |= (unsigned char)s.at[i];
        return all & 0x80;
}

static llhttp_errno_t show_line(llhttp_t *parser, struct span line)
{
        llhttp_errno_t e = llhttp_execute(parser, line.at, line.len);
        return e == HPE_OK ? llhttp_execute(parser, "\r\n", 2) : e;
}

/* An odd response: its lines with proper ends, but for those that were set apart. */
static llhttp_errno_t show_lines(const struct reading *r, llhttp_t *parser)
{
        const struct message *m = r->m;
        llhttp_errno_t e = show_line(parser, (struct span){m->head, m->start_len});
        for (unsigned i = 0; e == HPE_OK && i < m->field_count; i++)
                if (!reading_is_apart(r, i))
                        e = show_line(parser, (struct span){m->head + m->fields[i].line, m->fields[i].line_len});
        return e == HPE_OK ? llhttp_execute(parser, "\r\n", 2) : e;
}

/* `from`: where in the head to begin. */
static llhttp_errno_t show(const struct reading *r, llhttp_t *parser, size_t from)
{
        const struct message *m = r->m;
        if (m->odd)
                return show_lines(r, parser);
        if (!r->response && has_high_octets(message_target(m))) {
                llhttp_execute(parser, m->head + from, m->target - from);
                llhttp_execute(parser, "/", 1);
                from = m->target + m->target_len;
        }
        return llhttp_execute(parser, m->head + from, m->head_len - from);
}

/* Whether llhttp found the end of the head where we did, and the same framing. */
static bool agrees(const struct reading *r, const llhttp_t *parser)
{
        const struct message *m = r->m;
        if (!m->odd && m->head + m->head_len - llhttp_get_error_pos(parser) > 1)
                return false;
        bool length = message_has(m, FIELD_CONTENT_LENGTH) && !m->odd;
        return parser->http_minor == m->minor && !(parser->flags & F_CHUNKED) == !r->chunked &&
               (!length || parser->content_length == m->length) && (!r->response || parser->status_code == m->status);
}

static struct fault refusal(const struct reading *r, llhttp_errno_t e)
{
        if (r->response)
                return (struct fault){FAULT_FRAMING, 502, "malformed response head"};
        switch (e) {
        case HPE_INVALID_METHOD:
                return (struct fault){FAULT_ODD, 501, "unknown method"};
        case HPE_INVALID_VERSION:
                return (struct fault){FAULT_NOT_HTTP, 505, "http version not supported"};
        case HPE_INVALID_URL:
                return (struct fault){FAULT_ODD, 400, "malformed request target"};
        case HPE_INVALID_CONTENT_LENGTH:
        case HPE_UNEXPECTED_CONTENT_LENGTH:
        case HPE_INVALID_TRANSFER_ENCODING:
                return (struct fault){FAULT_FRAMING, 400, "malformed framing field"};
        case HPE_OK:
        case HPE_PAUSED:
                return (struct fault){FAULT_FRAMING, 400, "head that can be read in two ways"};
        default:
                return (struct fault){FAULT_ODD, 400, "control byte or bare cr in a field"};
        }
}

static enum method method_of(uint8_t method)
{
        switch (method) {
        case HTTP_GET:
                return METHOD_GET;
        case HTTP_HEAD:
                return METHOD_HEAD;
        case HTTP_POST:
                return METHOD_POST;
        case HTTP_PUT:
                return METHOD_PUT;
        case HTTP_DELETE:
                return METHOD_DELETE;
        case HTTP_CONNECT:
                return METHOD_CONNECT;
        case HTTP_OPTIONS:
                return METHOD_OPTIONS;
        case HTTP_TRACE:
                return METHOD_TRACE;
        case HTTP_PATCH:
                return METHOD_PATCH;
        default:
                return METHOD_OTHER;
        }
}

/* A token that is no method's name in other letters: servers that are lenient there would frame the reply otherwise. */
static bool is_extension_method(const struct message *m)
{
        static const struct span known[] = {{"GET", 3},     {"HEAD", 4},    {"POST", 4},  {"PUT", 3},  {"DELETE", 6},
                                            {"CONNECT", 7}, {"OPTIONS", 7}, {"TRACE", 5}, {"PATCH", 5}};
        struct span method = {m->head, m->target - 1U};
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
                if (span_equal_fold(method, known[i]))
                        return false;
        return octet_run(method, OCTET_TOKEN) == method.len;
}

/* The second reading. A method that llhttp does not know (RFC 9110 §16.1 has a registry, open to all) is read as POST:
 * its request is framed like any other's. */
static struct fault confirm(struct reading *r)
{
        llhttp_t parser;
        llhttp_init(&parser, r->response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
        llhttp_errno_t e = show(r, &parser, 0);
        bool extension = e == HPE_INVALID_METHOD && !r->response && is_extension_method(r->m);
        if (extension) {
                llhttp_init(&parser, HTTP_REQUEST, &settings);
                llhttp_execute(&parser, "POST", 4);
                e = show(r, &parser, r->m->target - 1U);
        }
        if (e != HPE_PAUSED || !agrees(r, &parser))
                return refusal(r, e);
        if (!r->response)
                r->m->method = (uint8_t)(extension ? METHOD_OTHER : method_of(parser.method));
        return (struct fault){.kind = FAULT_NONE};
}

/* ---- the two kinds of heads ------------------------------------------------------------------------------------ */

static void begin(struct reading *r, struct message *m, struct span head, bool response)
{
        memset(m, 0, offsetof(struct message, fields));
        *r = (struct reading){.m = m, .response = response};
        m->head = head.at;
        m->head_len = (uint16_t)head.len;
}

static struct fault conclude(struct reading *r)
{
        if (r->breach.kind != FAULT_NONE)
                return r->breach;
        return r->odd.kind != FAULT_NONE ? r->odd : confirm(r);
}

struct fault parse_request(struct message *m, struct span head)
{
        struct reading r;
        begin(&r, m, head, false);
        if (head.len > HEAD_MAX)
                return (struct fault){FAULT_ODD, 431, "head too large"};
        reading_lines(&r, head);
        reading_request_line(&r);
        reading_connection(&r);
        reading_request_framing(&r);
        reading_host(&r);
        struct fault fault = conclude(&r);
        if (m->method == METHOD_CONNECT)
                m->framing = FRAMING_NONE; /* what follows is the tunnel's */
        return fault;
}

struct fault parse_response(struct message *m, struct span head, enum method request_method)
{
        struct reading r;
        begin(&r, m, head, true);
        if (head.len > HEAD_MAX)
                return (struct fault){FAULT_FRAMING, 502, "head too large"};
        m->method = (uint8_t)request_method;
        reading_lines(&r, head);
        reading_status_line(&r);
        reading_connection(&r);
        reading_response_framing(&r);
        return conclude(&r);
}
