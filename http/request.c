/* What is to be done with a request: a table of questions, asked in order. The first one that has an answer decides; a
 * request that none objects to is looked up. */
#include "http/request.h"

#include "http/authority.h"
#include "http/fields.h"
#include "http/octet.h"

#define BIT(id) (1ULL << FIELD_##id)

/* Origins are known to route by these without saying so in Vary (design.md §5.5, cases.md H11). */
static const uint64_t unkeyed =
        BIT(X_FORWARDED) | BIT(FORWARDED) | BIT(X_ORIGINAL_URL) | BIT(X_REWRITE_URL) | BIT(X_HTTP_METHOD_OVERRIDE);

/* Fields that are their hop's own without being named by Connection. */
static const uint64_t own_hop = BIT(CONNECTION) | BIT(KEEP_ALIVE) | BIT(PROXY_CONNECTION) | BIT(TE) | BIT(TRAILER) |
                                BIT(TRANSFER_ENCODING) | BIT(UPGRADE);

/* ---- the questions --------------------------------------------------------------------------------------------- */

static void settle(struct request_decision *d, enum request_verdict verdict, uint16_t status, const char *why)
{
        d->verdict = verdict;
        d->status = status;
        d->why = why;
}

static void pass(struct request_decision *d, const char *why)
{
        settle(d, REQUEST_PASS, 0, why);
}

/* M2 */
static void ask_connect(const struct message *m, uint16_t port, struct request_decision *d)
{
        (void)port;
        if (m->method == METHOD_CONNECT)
                settle(d, REQUEST_TUNNEL, 0, "connect");
}

/* F16; RFC 9110 §10.1.1: a client of HTTP/1.0 cannot wait for a 100. */
static void ask_expect(const struct message *m, uint16_t port, struct request_decision *d)
{
        (void)port;
        struct elements e = {.field = NULL};
        struct span expectation;
        while (elements_next(m, FIELD_EXPECT, &e, &expectation)) {
                if (span_equal_fold(expectation, SPAN("100-continue")))
                        d->expect_continue = m->minor == 1;
                else
                        settle(d, REQUEST_REFUSE, 417, "unknown expectation");
        }
}

/* M1; RFC 9110 §7.6.2. What TRACE should answer with is what must not be echoed, so it is not implemented. */
static void ask_max_forwards(const struct message *m, uint16_t port, struct request_decision *d)
{
        (void)port;
        struct span value;
        if ((m->method == METHOD_TRACE || m->method == METHOD_OPTIONS) &&
            field_only(m, FIELD_MAX_FORWARDS, &value) == 1 && span_decimal(value) == 0)
                settle(d, REQUEST_ANSWER, m->method == METHOD_TRACE ? 501 : 200, "max-forwards reached");
}

static void ask_method(const struct message *m, uint16_t port, struct request_decision *d)
{
        (void)port;
        if (m->method != METHOD_GET && m->method != METHOD_HEAD)
                pass(d, "method");
}

/* F13 */
static void ask_body(const struct message *m, uint16_t port, struct request_decision *d)
{
        (void)port;
        if (m->framing == FRAMING_CHUNKED || (m->framing == FRAMING_LENGTH && m->length > 0))
                pass(d, "body");
}

/* H3, H5 */
static void ask_host(const struct message *m, uint16_t port, struct request_decision *d)
{
        (void)m;
        if (d->host.len == 0)
                pass(d, "no-host");
        else if (d->port != port)
                pass(d, "port");
}

/* M3 */
static void ask_upgrade(const struct message *m, uint16_t port, struct request_decision *d)
{
        (void)port;
        if (m->upgrade)
                pass(d, "upgrade");
}

/* H11 */
static void ask_unkeyed(const struct message *m, uint16_t port, struct request_decision *d)
{
        (void)port;
        if (m->present & unkeyed)
                pass(d, "unkeyed-field");
}

/* H12 */
static void ask_authentication(const struct message *m, uint16_t port, struct request_decision *d)
{
        (void)port;
        if (message_authenticates_connection(m))
                pass(d, "connection-authentication");
}

/* H7: the origin will not see a field that Connection names, but a look-up would: the reply might be stored for what
 * was not asked. */
static void ask_nominated(const struct message *m, uint16_t port, struct request_decision *d)
{
        (void)port;
        for (unsigned i = 0; message_has(m, FIELD_CONNECTION) && i < m->field_count; i++)
                if (m->fields[i].hop && !(own_hop >> m->fields[i].id & 1) &&
                    !span_equal_fold(field_name(m, &m->fields[i]), SPAN("HTTP2-Settings")))
                        pass(d, "connection-named-field");
}

typedef void question(const struct message *, uint16_t port, struct request_decision *);

static question *const of_the_message[] = {ask_connect, ask_expect, ask_max_forwards, ask_method, ask_body};
static question *const of_the_key[] = {ask_host, ask_upgrade, ask_unkeyed, ask_authentication, ask_nominated};

static void ask_all(question *const *questions, size_t count, const struct message *m, uint16_t port,
                    struct request_decision *d)
{
        for (size_t i = 0; d->verdict == REQUEST_LOOKUP && i < count; i++)
                questions[i](m, port, d);
}

static bool may_be_keyed(const struct message *m, uint16_t port, const struct request_decision *d)
{
        struct request_decision trial = *d;
        trial.verdict = REQUEST_LOOKUP;
        ask_all(of_the_key, sizeof of_the_key / sizeof of_the_key[0], m, port, &trial);
        return trial.verdict == REQUEST_LOOKUP;
}

/* ---- the target URI -------------------------------------------------------------------------------------------- */

/* RFC 9112 §3.3. parse_request has seen to it that target and Host agree. */
static void find_target(const struct message *m, struct request_decision *d)
{
        struct span authority = {NULL, 0}, target = message_target(m), path;
        struct authority a;
        d->port = 80;
        d->path = target;
        if (target_is_absolute(target, &authority, &path)) {
                d->path = path;
                if (path.len == 0)
                        d->path = m->method == METHOD_OPTIONS ? SPAN("*") : SPAN("/"); /* RFC 9112 §3.2.4 */
        } else
                field_only(m, FIELD_HOST, &authority);
        if (authority.len > 0 && authority_parse(authority, &a)) {
                d->host = a.host;
                d->port = a.port;
        }
}

void request_decide(const struct message *m, uint16_t port, struct request_decision *d)
{
        *d = (struct request_decision){.verdict = REQUEST_LOOKUP};
        find_target(m, d);
        ask_all(of_the_message, sizeof of_the_message / sizeof of_the_message[0], m, port, d);
        ask_all(of_the_key, sizeof of_the_key / sizeof of_the_key[0], m, port, d);
        d->keeps_post = m->method == METHOD_POST && d->verdict == REQUEST_PASS && may_be_keyed(m, port, d);
}

/* ---- methods, schemes ------------------------------------------------------------------------------------------ */

bool method_safe(enum method method)
{
        return method == METHOD_GET || method == METHOD_HEAD || method == METHOD_OPTIONS || method == METHOD_TRACE;
}

bool method_idempotent(enum method method)
{
        return method_safe(method) || method == METHOD_PUT || method == METHOD_DELETE;
}

/* Whether a list of challenges, or credentials, begins with or holds such a scheme. */
static bool names_such_scheme(struct span value)
{
        static const struct span schemes[] = {{"ntlm", 4}, {"negotiate", 9}, {"kerberos", 8}};
        struct span element;
        while (list_next(&value, &element)) {
                struct span scheme = {element.at, octet_run(element, OCTET_TOKEN)};
                for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
                        if (span_equal_fold(scheme, schemes[i]))
                                return true;
        }
        return false;
}

bool message_authenticates_connection(const struct message *m)
{
        static const uint8_t ids[] = {FIELD_AUTHORIZATION, FIELD_PROXY_AUTHORIZATION, FIELD_WWW_AUTHENTICATE,
                                      FIELD_PROXY_AUTHENTICATE};
        static const uint64_t any =
                BIT(AUTHORIZATION) | BIT(PROXY_AUTHORIZATION) | BIT(WWW_AUTHENTICATE) | BIT(PROXY_AUTHENTICATE);
        if (!(m->present & any)) /* asked of every request */
                return false;
        for (size_t i = 0; i < sizeof ids; i++)
                for (const struct field *f = field_next(m, ids[i], NULL); f; f = field_next(m, ids[i], f))
                        if (names_such_scheme(field_value(m, f)))
                                return true;
        return false;
}
