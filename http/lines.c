/* The lines of a head: where each field's name and value lie (RFC 9112 §2.2, §5).
 *
 * Lines are split at every line feed, whether or not a carriage return stands before it; what is not as the RFC has it
 * is noted. Octets within values are left to llhttp, but where a response's line is kept from it. */
#include "http/fields.h"
#include "http/octet.h"
#include "http/parse_private.h"

#define BIT(id) (1ULL << FIELD_##id)

/* RFC 9110 §7.6.1. Proxy-Authenticate and its kin are not here: we are no proxy that anybody chose, and they are
 * between the client and whomever it talks to. Trailer of a request goes on where a trailer section does (render.c);
 * that of a response always, for it says what was lost where the section was (RFC 9110 §6.6.2). */
static const uint64_t always_hop = BIT(CONNECTION) | BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) | BIT(TE) | BIT(TRAILER) |
                                   BIT(TRANSFER_ENCODING) | BIT(UPGRADE);

/* The line that was read last is odd, and llhttp would refuse it. */
static void set_apart(struct reading *r)
{
        r->m->odd = true;
        reading_apart(r, r->m->field_count - 1U);
}

static bool is_framing(const struct field *f)
{
        return f->id == FIELD_CONTENT_LENGTH || f->id == FIELD_TRANSFER_ENCODING;
}

/* Control bytes in a response: NUL and CR are never lived with, others are (RFC 9110 §5.5), but llhttp would refuse
 * them. */
static void judge_octets(struct reading *r, struct span line)
{
        bool control = false;
        for (size_t i = 0; i < line.len; i++) {
                control |= octet_is(line.at[i], OCTET_CONTROL);
                if (line.at[i] == '\0' || line.at[i] == '\r')
                        reading_breach(r, 502, "bare cr or nul in a field");
        }
        if (control)
                set_apart(r);
}

/* A line without a field name: refused in a request, left out of a response. */
static void nameless(struct reading *r, struct field *f)
{
        reading_oddity(r, FAULT_ODD, 400, "malformed field name");
        f->id = FIELD_OTHER;
        f->hop = 1;
        f->name_len = 0;
        f->value = (uint16_t)(f->line + f->line_len);
        f->value_len = 0;
        if (r->response)
                set_apart(r);
}

/* A proxy removes the blanks from a response (RFC 9112 §5.1); a request with them is odd. */
static void blanks_before_colon(struct reading *r, const struct field *f)
{
        reading_oddity(r, FAULT_ODD, 400, "white space before the colon");
        if (r->response && is_framing(f))
                reading_breach(r, 502, "white space before the colon of a framing field");
        if (r->response)
                set_apart(r);
}

/* The value is what follows the colon at `from`, without the blanks around it; a line end is a blank where it was
 * folded. */
static void place_value(const struct message *m, struct field *f, size_t from, bool folded)
{
        size_t to = (size_t)f->line + f->line_len;
        while (from < to && octet_is(m->head[from], OCTET_BLANK))
                from++;
        while (from < to && octet_is(m->head[to - 1], OCTET_BLANK))
                to--;
        struct span value = {m->head + from, to - from};
        if (folded)
                value = span_trim(value);
        f->value = (uint16_t)(value.at - m->head);
        f->value_len = (uint16_t)value.len;
}

static void read_field(struct reading *r, struct span line)
{
        struct message *m = r->m;
        struct field *f = &m->fields[m->field_count++];
        *f = (struct field){.line = (uint16_t)(line.at - m->head), .line_len = (uint16_t)line.len};
        size_t name = octet_run(line, OCTET_TOKEN);
        size_t colon = name + octet_run((struct span){line.at + name, line.len - name}, OCTET_BLANK);
        if (name == 0 || colon == line.len || line.at[colon] != ':') {
                nameless(r, f);
                return;
        }
        if (name > FIELD_NAME_MAX)
                reading_oddity(r, FAULT_ODD, 431, "field name too long");
        f->name_len = (uint16_t)name;
        f->id = (uint8_t)field_identify((struct span){line.at, name});
        f->hop = (always_hop >> f->id & 1) && !(r->response && f->id == FIELD_TRAILER);
        m->present |= 1ULL << f->id;
        place_value(m, f, f->line + colon + 1, false);
        if (colon > name)
                blanks_before_colon(r, f);
}

/* obs-fold: the line goes on the field before it (RFC 9112 §5.2). */
static void fold(struct reading *r, struct span line)
{
        struct message *m = r->m;
        if (m->field_count == 0) {
                reading_oddity(r, FAULT_ODD, 400, "white space before the first field");
                if (r->response)
                        reading_breach(r, 502, "white space before the first field");
                return;
        }
        struct field *f = &m->fields[m->field_count - 1];
        reading_oddity(r, FAULT_ODD, 400, "folded field line");
        if (is_framing(f))
                reading_breach(r, 400, "folded framing field");
        f->line_len = (uint16_t)(line.at + line.len - m->head - f->line);
        const char *colon = memchr(m->head + f->line, ':', f->line_len);
        if (f->name_len > 0 && colon)
                place_value(m, f, (size_t)(colon + 1 - m->head), true);
}

static void read_line(struct reading *r, struct span line)
{
        if (octet_is(line.at[0], OCTET_BLANK))
                fold(r, line);
        else if (r->m->field_count < FIELDS_MAX)
                read_field(r, line);
        else {
                reading_oddity(r, FAULT_ODD, 431, "too many fields");
                if (r->response)
                        reading_breach(r, 502, "too many fields");
        }
        if (r->response && r->m->field_count > 0)
                judge_octets(r, line);
}

/* The next line without its end; false where the bytes end before it. */
static bool next_line(struct reading *r, struct span *rest, struct span *line)
{
        const char *feed = rest->len ? memchr(rest->at, '\n', rest->len) : NULL;
        if (feed == NULL)
                return false;
        *line = (struct span){rest->at, (size_t)(feed - rest->at)};
        *rest = (struct span){feed + 1, rest->len - line->len - 1};
        if (line->len > 0 && feed[-1] == '\r')
                line->len--;
        else
                reading_oddity(r, FAULT_ODD, 400, "line ended by a bare line feed");
        return true;
}

void reading_lines(struct reading *r, struct span head)
{
        struct message *m = r->m;
        struct span rest = head, line = {NULL, 0};
        bool whole = next_line(r, &rest, &line);
        m->start_len = (uint16_t)line.len;
        while (whole && (whole = next_line(r, &rest, &line)) && line.len > 0)
                read_line(r, line);
        if (!whole || rest.len > 0)
                reading_breach(r, 400, "no end of the head where it should be");
}
