/* A message: a header of 12 bytes (id, flags, four counts), the question, then records: owner name, type, class, TTL,
 * length, and as many bytes. Names are compared as they stand on the wire, lower-cased: a label may hold a dot. */
#include "proxy/dns.h"

#include <ctype.h>
#include <string.h>

enum {
        HEADER = 12,
        FLAG_REPLY = 0x8000,
        FLAG_TRUNCATED = 0x0200,
        MASK_OPCODE = 0x7800,
        MASK_ERROR = 0x000f,
        TYPE_A = 1,
        TYPE_CNAME = 5,
        TYPE_AAAA = 28,
        CLASS_INTERNET = 1,
        LABEL_MAX = 63,
        POINTER = 0xc0,
        CHAIN_MAX = 16,   /* CNAMEs that are followed; resolvers stop at about as many */
        RECORDS_MAX = 256 /* of a reply that something is learnt from */
};

struct name {
        size_t len; /* with the lengths of the labels and the root's zero */
        uint8_t at[DNS_NAME_MAX];
};

struct record {
        struct name owner;
        uint16_t type, class;
        uint32_t ttl;
        size_t at, len; /* of what it says */
};

static uint16_t get16(const char *at)
{
        return (uint16_t)((uint8_t)at[0] << 8 | (uint8_t)at[1]);
}

static uint32_t get32(const char *at)
{
        return (uint32_t)get16(at) << 16 | get16(at + 2);
}

uint16_t dns_id(const char *message)
{
        return get16(message);
}

void dns_set_id(char *message, uint16_t id)
{
        message[0] = (char)(id >> 8);
        message[1] = (char)id;
}

static uint16_t flags_of(struct span m)
{
        return get16(m.at + 2);
}

static unsigned question_count(struct span m)
{
        return get16(m.at + 4);
}

static unsigned answer_count(struct span m)
{
        return get16(m.at + 6);
}

/* ---- the question ------------------------------------------------------------------------------------------------ */

/* The question behind the header. Its name is the first of the message, so there is nothing that it could point to. */
static bool find_question(struct span m, struct span *question)
{
        size_t at = HEADER;

        while (at < m.len && m.at[at] != 0) {
                if ((uint8_t)m.at[at] > LABEL_MAX)
                        return false;
                at += 1 + (size_t)m.at[at];
        }
        *question = (struct span){m.at + HEADER, at + 1 + 4 - HEADER};
        return at + 1 + 4 <= m.len && question->len <= DNS_QUESTION_MAX;
}

bool dns_query(struct span m, struct span *question)
{
        return m.len >= HEADER && !(flags_of(m) & (FLAG_REPLY | MASK_OPCODE)) && question_count(m) == 1 &&
               find_question(m, question);
}

bool dns_answers(struct span m, uint16_t id, struct span question)
{
        struct span repeated;

        if (m.len < HEADER || get16(m.at) != id || (flags_of(m) & (FLAG_REPLY | MASK_OPCODE)) != FLAG_REPLY)
                return false;
        if (question_count(m) == 0)
                return (flags_of(m) & MASK_ERROR) != 0 && answer_count(m) == 0;
        return question_count(m) == 1 && find_question(m, &repeated) && span_equal(repeated, question);
}

/* ---- names and records ------------------------------------------------------------------------------------------- */

/* Reads the name at *at, which moves behind it. A pointer leads to before all that was read of this name, so that
 * following them comes to an end. */
static bool read_name(struct span m, size_t *at, struct name *n)
{
        size_t here = *at, lowest = here;
        bool jumped = false;

        n->len = 0;
        while (here < m.len) {
                uint8_t length = (uint8_t)m.at[here];

                if (length >= POINTER && here + 1 < m.len) {
                        size_t to = get16(m.at + here) & 0x3fff;

                        if (!jumped)
                                *at = here + 2;
                        jumped = true;
                        if (to >= lowest)
                                return false;
                        here = lowest = to;
                        continue;
                }
                if (length > LABEL_MAX || here + 1 + length > m.len || n->len + 1 + length > DNS_NAME_MAX)
                        return false;
                n->at[n->len++] = length;
                for (size_t i = 1; i <= length; i++)
                        n->at[n->len++] = (uint8_t)tolower((uint8_t)m.at[here + i]);
                here += 1 + (size_t)length;
                if (length == 0) {
                        *at = jumped ? *at : here;
                        return true;
                }
        }
        return false;
}

static bool same_name(const struct name *a, const struct name *b)
{
        return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

static bool read_record(struct span m, size_t *at, struct record *r)
{
        if (!read_name(m, at, &r->owner) || m.len - *at < 10)
                return false;
        r->type = get16(m.at + *at);
        r->class = get16(m.at + *at + 2);
        r->ttl = get32(m.at + *at + 4);
        if (r->ttl > INT32_MAX) /* RFC 2181 §8 */
                r->ttl = 0;
        r->len = get16(m.at + *at + 8);
        r->at = *at + 10;
        *at = r->at + r->len;
        return *at <= m.len;
}

/* ---- what a reply says ------------------------------------------------------------------------------------------- */

/* A name as text, if a host can be called so: letters, digits, hyphens, and the underscore that some have. */
static bool host_text(const struct name *n, char text[DNS_HOST_MAX])
{
        size_t len = 0;

        for (size_t at = 0; n->at[at]; at += 1 + (size_t)n->at[at]) {
                if (at)
                        text[len++] = '.';
                for (size_t i = 1; i <= n->at[at]; i++) {
                        uint8_t c = n->at[at + i];

                        if (!isalnum(c) && c != '-' && c != '_')
                                return false;
                        text[len++] = (char)c;
                }
        }
        text[len] = 0;
        return len > 0;
}

/* What is gathered while the answers are read: the name that the chain has come to, and the record that leads on. */
struct chain {
        struct name name, next;
        bool leads_on;
        uint16_t type;
};

static bool take_cname(struct span m, const struct record *r, struct chain *c, struct dns_addresses *out)
{
        size_t at = r->at;

        if (!read_name(m, &at, &c->next) || at != r->at + r->len)
                return false;
        c->leads_on = true;
        out->ttl = r->ttl < out->ttl ? r->ttl : out->ttl;
        return true;
}

static bool take_address(struct span m, const struct record *r, struct dns_addresses *out)
{
        size_t size = out->family == AF_INET ? sizeof out->at->in : sizeof out->at->in6;

        if (r->len != size)
                return false;
        if (out->count == DNS_ADDRESSES_MAX)
                return true;
        memcpy(&out->at[out->count++], m.at + r->at, size);
        out->ttl = r->ttl < out->ttl ? r->ttl : out->ttl;
        return true;
}

/* One reading of all answers: what is there about the chain's name. A name with a CNAME has nothing else (RFC 1034
 * §3.6.2). */
static bool read_answers(struct span m, size_t at, struct chain *c, struct dns_addresses *out)
{
        struct record r;

        c->leads_on = false;
        out->count = 0;
        for (unsigned i = answer_count(m); i > 0; i--) {
                if (!read_record(m, &at, &r))
                        return false;
                if (r.class != CLASS_INTERNET || !same_name(&r.owner, &c->name))
                        continue;
                if (r.type == TYPE_CNAME && !c->leads_on && !take_cname(m, &r, c, out))
                        return false;
                if (r.type == c->type && !take_address(m, &r, out))
                        return false;
        }
        return !c->leads_on || out->count == 0;
}

bool dns_addresses(struct span m, struct span question, struct dns_addresses *out)
{
        size_t at = HEADER, answers = HEADER + question.len;
        struct chain c;

        *out = (struct dns_addresses){.ttl = UINT32_MAX};
        if ((flags_of(m) & (FLAG_TRUNCATED | MASK_ERROR)) || answer_count(m) > RECORDS_MAX || !question_count(m) ||
            !read_name(m, &at, &c.name) || !host_text(&c.name, out->host))
                return false;
        c.type = get16(question.at + question.len - 4);
        if (get16(question.at + question.len - 2) != CLASS_INTERNET || (c.type != TYPE_A && c.type != TYPE_AAAA))
                return false;
        out->family = c.type == TYPE_A ? AF_INET : AF_INET6;
        for (int steps = 0; steps <= CHAIN_MAX; steps++) {
                if (!read_answers(m, answers, &c, out))
                        return false;
                if (!c.leads_on)
                        return out->count > 0;
                c.name = c.next;
        }
        return false;
}
