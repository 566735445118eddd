/* Where does the body end, and does the connection live on? (RFC 9112 §6, §9.3, §9.6; cases.md F1-F6, H7, R1, R2)
 *
 * Requests are taken at their word only if there is but one way to read them: whoever reads them differently, before us
 * or behind us, could be made to see another request in the body. */
#include "http/fields.h"
#include "http/octet.h"
#include "http/parse_private.h"

enum { OPTIONS_MAX = 64 }; /* elements of Connection */

/* ---- Connection ------------------------------------------------------------------------------------------------ */

static bool never_hop(struct span name)
{
        enum field_id id = field_identify(name);
        return id == FIELD_CONTENT_LENGTH || id == FIELD_TRANSFER_ENCODING || id == FIELD_HOST;
}

/* `name` is nominated by Connection: such fields are this hop's. */
static void nominate(struct reading *r, struct span name)
{
        struct message *m = r->m;
        if (never_hop(name)) {
                reading_oddity(r, FAULT_ODD, 400, "connection names a framing field");
                if (!r->response)
                        reading_breach(r, 400, "connection names a framing field");
                return;
        }
        for (unsigned i = 0; i < m->field_count; i++)
                if (span_equal_fold(field_name(m, &m->fields[i]), name))
                        m->fields[i].hop = 1;
}

/* An upgrade that we would have to carry. h2c may be ignored, and is: the exchange goes on in HTTP/1.1 (RFC 9110 §7.8).
 */
static bool wants_upgrade(const struct message *m)
{
        struct elements e = {.field = NULL};
        struct span protocol;
        while (elements_next(m, FIELD_UPGRADE, &e, &protocol))
                if (!span_equal_fold(protocol, SPAN("h2c")))
                        return true;
        return false;
}

void reading_connection(struct reading *r)
{
        struct message *m = r->m;
        bool close = false, keep_alive = false, upgrade = false;
        unsigned options = 0;
        struct elements e = {.field = NULL};
        struct span option;
        while (elements_next(m, FIELD_CONNECTION, &e, &option)) {
                if (++options > OPTIONS_MAX) {
                        reading_breach(r, 400, "too many connection options");
                        break;
                }
                close |= span_equal_fold(option, SPAN("close"));
                keep_alive |= span_equal_fold(option, SPAN("keep-alive"));
                upgrade |= span_equal_fold(option, SPAN("upgrade"));
                nominate(r, option);
        }
        m->persistent = !close && (m->minor == 1 || keep_alive);
        m->upgrade = upgrade && m->minor == 1 && wants_upgrade(m);
}

/* ---- Transfer-Encoding and Content-Length ---------------------------------------------------------------------- */

/* Known codings before a last "chunked": understood, but not spoken here (501, RFC 9112 §6.1). */
static bool is_other_coding(struct span value)
{
        static const struct span codings[] = {{"gzip", 4}, {"x-gzip", 6}, {"deflate", 7}, {"compress", 8}};
        struct span coding, last = {NULL, 0};
        unsigned known = 0, before_last = 0;
        for (; list_next(&value, &coding); last = coding) {
                before_last += last.len > 0;
                for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++)
                        known += span_equal_fold(last, codings[i]);
        }
        return before_last > 0 && known == before_last && span_equal_fold(last, SPAN("chunked"));
}

/* What both directions demand of Transfer-Encoding: alone, once, exactly "chunked", in HTTP/1.1. */
static void judge_coding(struct reading *r, struct span value, int fields)
{
        if (message_has(r->m, FIELD_CONTENT_LENGTH))
                reading_breach(r, 400, "both content-length and transfer-encoding");
        if (r->m->minor == 0)
                reading_breach(r, 400, "transfer-encoding in http/1.0"); /* RFC 9112 §6.1 */
        if (fields > 1)
                reading_breach(r, 400, "transfer-encoding twice");
        if (span_equal_fold(value, SPAN("chunked"))) {
                r->m->framing = FRAMING_CHUNKED;
                r->chunked = true;
        } else
                reading_breach(r, is_other_coding(value) ? 501 : 400, "transfer-encoding other than chunked");
}

/* 1*DIGIT below 2^63; leading zeros are allowed. */
static void judge_length(struct reading *r, struct span value)
{
        int64_t length = span_decimal(value);
        if (length < 0)
                reading_breach(r, 400, "malformed content-length");
        else if (length == INT64_MAX)
                reading_breach(r, 400, "content-length too large");
        else {
                r->m->framing = FRAMING_LENGTH;
                r->m->length = (uint64_t)length;
        }
}

void reading_request_framing(struct reading *r)
{
        struct span value;
        int codings = field_only(r->m, FIELD_TRANSFER_ENCODING, &value);
        if (codings > 0) {
                judge_coding(r, value, codings);
                return;
        }
        int lengths = field_only(r->m, FIELD_CONTENT_LENGTH, &value);
        if (lengths > 1)
                reading_breach(r, 400, "content-length twice");
        else if (lengths == 1)
                judge_length(r, value);
}

/* Lengths that are all alike count once (RFC 9112 §6.3), but such a response is not stored. */
static void merge_lengths(struct reading *r)
{
        struct message *m = r->m;
        struct elements e = {.field = NULL};
        struct span element;
        int64_t length = -1;
        unsigned count = 0;
        while (elements_next(m, FIELD_CONTENT_LENGTH, &e, &element)) {
                if (count++ > 0 && span_decimal(element) != length)
                        reading_breach(r, 502, "content-lengths that differ");
                length = span_decimal(element);
                reading_apart(r, (unsigned)(e.field - m->fields));
                judge_length(r, element);
        }
        m->odd = true;
        if (count == 0)
                reading_breach(r, 502, "malformed content-length");
}

/* Codings without "chunked" in any of them: such a body ends with the connection (RFC 9112 §6.3), and whoever asked for
 * it may understand it. */
static bool reads_to_the_close(struct span value)
{
        static const struct span chunked = {"chunked", 7};
        struct span all = value, coding;
        unsigned count = 0;
        for (size_t i = 0; i + chunked.len <= value.len; i++)
                if (span_equal_fold((struct span){value.at + i, chunked.len}, chunked))
                        return false;
        for (; list_next(&all, &coding); count++)
                if (!span_is_token(coding))
                        return false;
        return count > 0;
}

/* "identity" was a coding once and is none now (RFC 9112 §7), but some servers still say it. */
static void judge_response_coding(struct reading *r, int fields)
{
        struct span value;
        field_only(r->m, FIELD_TRANSFER_ENCODING, &value);
        if (fields > 1 || r->m->minor == 0 || message_has(r->m, FIELD_CONTENT_LENGTH) || !reads_to_the_close(value)) {
                judge_coding(r, value, fields);
                return;
        }
        r->m->odd = true;
        r->m->foreign_coding = !span_equal_fold(value, SPAN("identity"));
}

static bool has_no_body(const struct message *m)
{
        return m->method == METHOD_HEAD || m->status < 200 || m->status == 204 || m->status == 304;
}

void reading_response_framing(struct reading *r)
{
        struct message *m = r->m;
        struct span value;
        int codings = field_only(m, FIELD_TRANSFER_ENCODING, &value);
        int lengths = field_only(m, FIELD_CONTENT_LENGTH, &value);
        m->framing = FRAMING_CLOSE;
        if (codings > 0)
                judge_response_coding(r, codings);
        else if (lengths == 1 && span_decimal(value) >= 0)
                judge_length(r, value);
        else if (lengths > 0)
                merge_lengths(r);
        if (has_no_body(m)) /* whatever the fields say (RFC 9112 §6.3) */
                m->framing = FRAMING_NONE;
        if (m->framing == FRAMING_CLOSE)
                m->persistent = false;
}
