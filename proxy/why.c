/* The request is made up as a client would send it and goes through the same rules; what is stored is read as it lies
 * in the stores. Nothing is counted, marked as read or changed. */
#include "proxy/why.h"

#include <stdio.h>
#include <stdlib.h>

#include "http/condition.h"
#include "http/freshness.h"
#include "http/range.h"
#include "http/render.h"
#include "http/request.h"
#include "http/reuse.h"
#include "http/vary.h"
#include "proxy/address.h"
#include "proxy/escape.h"
#include "proxy/purge.h"

enum { LISTED_MAX = 256, TEXT_MAX = 1024 };

struct why {
        json_t *list;
        struct message request;
        int64_t now;
        bool more;
        json_t *selected; /* the last one that the request selects; of the key that is being listed */
        char key[KEY_TEXT_MAX];
        size_t key_len;
};

/* ---- text ---------------------------------------------------------------------------------------------------------
 */

/* Text of the network's as a JSON string: what is not UTF-8 is escaped, what is too long is cut. */
static json_t *text_json(struct span s)
{
        char text[TEXT_MAX], *end;
        json_t *string = s.len <= TEXT_MAX ? json_stringn(s.at, s.len) : NULL;

        if (string)
                return string;
        end = escape_quoted(text, text + sizeof text, s);
        return json_stringn(text, (size_t)(end - text));
}

static void set_text(json_t *object, const char *name, struct span s)
{
        if (s.len)
                json_object_set_new(object, name, text_json(s));
}

/* ---- verdicts ------------------------------------------------------------------------------------------------------
 */

/* `paragraph` is NULL where no RFC decides but a rule of our own. */
static json_t *verdict_json(const char *use, const char *detail, const char *paragraph)
{
        return json_pack("{s:s, s:s*, s:s*}", "use", use, "detail", detail, "rfc", paragraph);
}

/* Of what cannot be completed, whether the request wants more than there is: as exchange_holds() has it. */
static bool lacks(const struct why *w, const struct listed *l)
{
        const struct stored *s = &l->found.stored;
        struct byte_range r = {0, l->found.length - 1};

        return stored_is_fragment(s) &&
               range_verdict(&w->request, s, l->found.length, w->now, &r) != RANGE_UNSATISFIABLE &&
               (r.first < l->first || r.last - l->first >= l->bytes);
}

static json_t *judge(const struct why *w, const struct listed *l)
{
        const struct stored *s = &l->found.stored;
        static const char *const uses[] = {[REUSE_FRESH] = "reused",
                                           [REUSE_STALE] = "stale",
                                           [REUSE_VALIDATE] = "validated",
                                           [REUSE_ONLY_CACHED] = "refused"};
        struct reuse_ruling r = reuse_ruling(&w->request, s, w->now);

        if (lacks(w, l))
                return verdict_json("incomplete", "partial", "RFC 9111 §3.3");
        if (r.verdict == REUSE_VALIDATE && reuse_while_validating(&w->request, s, w->now))
                return verdict_json("validated-behind", "stale-while-revalidate", "RFC 5861 §3");
        return verdict_json(uses[r.verdict], r.why, r.paragraph);
}

/* Of several that the request selects the newest answers. */
static void select_it(struct why *w, const struct listed *l, json_t *entry)
{
        bool same_key = span_equal((struct span){w->key, w->key_len}, l->key);

        if (same_key && w->selected)
                json_object_set_new(w->selected, "verdict", verdict_json("replaced", "a newer one", "RFC 9111 §4"));
        w->selected = entry;
        w->key_len = l->key.len < sizeof w->key ? l->key.len : 0;
        memcpy(w->key, l->key.at, w->key_len);
        json_object_set_new(entry, "verdict", judge(w, l));
}

/* ---- what is stored ------------------------------------------------------------------------------------------------
 */

static json_t *flags_json(const struct stored *s)
{
        static const struct {
                uint16_t flag;
                const char *name;
        } names[] = {{STORED_NO_CACHE, "no-cache"},
                     {STORED_MUST_REVALIDATE, "must-revalidate"},
                     {STORED_IMMUTABLE, "immutable"},
                     {STORED_COOKIE_STRIPPED, "set-cookie stripped"},
                     {STORED_AUTHORIZED, "authorized"}};
        json_t *flags = json_array();

        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                if (s->flags & names[i].flag)
                        json_array_append_new(flags, json_string(names[i].name));
        return flags;
}

static json_t *describe(const struct why *w, const struct listed *l)
{
        const struct stored *s = &l->found.stored;
        json_t *entry = json_pack("{s:i, s:I, s:I, s:b, s:I, s:I, s:I, s:b, s:o}", "status", s->status, "bytes",
                                  (json_int_t)l->bytes, "length", (json_int_t)l->found.length, "sparse",
                                  l->bytes < l->found.length, "age", (json_int_t)freshness_age(s, w->now), "lifetime",
                                  (json_int_t)s->lifetime, "left", (json_int_t)freshness_left(s, w->now), "heuristic",
                                  (s->flags & STORED_HEURISTIC) != 0, "flags", flags_json(s));

        set_text(entry, "reason", s->reason);
        set_text(entry, "etag", s->etag);
        set_text(entry, "last_modified", s->last_modified_text);
        set_text(entry, "vary", l->vary);
        set_text(entry, "cache_control", stored_field(s, SPAN("cache-control")));
        return entry;
}

static void tell(void *context, const struct listed *l)
{
        struct why *w = context;
        json_t *entry;

        if (json_array_size(w->list) == LISTED_MAX) {
                w->more = true;
                return;
        }
        entry = l->sound ? describe(w, l) : json_object();
        set_text(entry, "key", l->key);
        set_text(entry, "address", key_address(l->key));
        json_array_append_new(w->list, entry);
        if (!l->sound)
                json_object_set_new(entry, "verdict", verdict_json("damaged", "checksum", NULL));
        else if (l->vary.len && vary_hash(l->vary, &w->request) != l->variant)
                json_object_set_new(entry, "verdict", verdict_json("not-selected", "vary", "RFC 9111 §4.1"));
        else
                select_it(w, l, entry);
}

/* ---- the request ---------------------------------------------------------------------------------------------------
 */

/* Where a request that is not looked up is told so; NULL: by a rule of our own. */
static const char *paragraph_of(const char *why)
{
        static const char *const table[][2] = {
                {"body", "RFC 9110 §9.3.1"},
                {"upgrade", "RFC 9110 §7.8"},
                {"connection-named-field", "RFC 9110 §7.6.1"},
                {"connection-authentication", "RFC 9110 §11.7.1"},
                {"unknown expectation", "RFC 9110 §10.1.1"},
                {"no-host", "RFC 9110 §7.2"},
        };

        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
                if (strcmp(table[i][0], why) == 0)
                        return table[i][1];
        return NULL;
}

/* The text's path is its own; the host may be followed by a port. False: it does not fit, or a field is none. */
static bool write_request(struct out *o, struct span key_text, const json_t *fields)
{
        static const size_t scheme = sizeof "http://" - 1;
        const char *slash = memchr(key_text.at + scheme, '/', key_text.len - scheme);
        struct span host = {key_text.at + scheme, (size_t)(slash - key_text.at) - scheme};

        out_text(o, "GET ");
        out_span(o, (struct span){slash, (size_t)(key_text.at + key_text.len - slash)});
        out_text(o, " HTTP/1.1\r\nHost: ");
        out_span(o, host);
        out_text(o, "\r\n");
        for (size_t i = 0; i < json_array_size(fields); i++) {
                const json_t *field = json_array_get(fields, i);
                struct span line = {json_string_value(field), json_string_length(field)};

                if (!line.len || memchr(line.at, '\r', line.len) || memchr(line.at, '\n', line.len))
                        return false;
                out_span(o, line);
                out_text(o, "\r\n");
        }
        out_text(o, "\r\n");
        return !o->overflow;
}

static json_t *request_json(const struct request_decision *d)
{
        if (d->verdict == REQUEST_LOOKUP)
                return json_pack("{s:b}", "looked_up", 1);
        return json_pack("{s:b, s:s, s:s*}", "looked_up", 0, "detail", d->why, "rfc", paragraph_of(d->why));
}

static uint16_t port_of(struct span key_text)
{
        struct span host = key_host(key_text);

        return (uint16_t)strtoul(host.at + host.len + 1, NULL, 10);
}

/* All stores: the address may be a part of the key, and so any of them may hold it. */
static bool list_all(struct why *w, const struct proxy *p, struct span url)
{
        for (size_t i = 0; i < p->store_count; i++)
                if (p->stores[i] && store_list(p->stores[i], url, tell, w) != 0)
                        return false;
        return true;
}

json_t *why_json(const struct proxy *p, struct span url, const json_t *fields, int64_t now, const char **wrong)
{
        char key[KEY_TEXT_MAX], *head = malloc(HEAD_MAX);
        struct why *w = calloc(1, sizeof *w);
        struct out o = {.at = head, .cap = HEAD_MAX};
        struct request_decision decision;
        struct span text;
        json_t *answer = NULL;

        *wrong = "out of memory";
        if (!head || !w)
                goto out;
        w->list = json_array();
        w->now = now;
        *wrong = purge_url(url, key, &text);
        if (*wrong)
                goto out;
        *wrong = "a field is 'Name: value', and all of them are no more than a request may have";
        if (!write_request(&o, text, fields) ||
            parse_request(&w->request, (struct span){o.at, o.len}).kind != FAULT_NONE)
                goto out;
        request_decide(&w->request, port_of(text), &decision);
        w->request.reload_ignored = proxy_ignores_reload(p->config, decision.host);
        *wrong = "a store could not be read; see the log";
        if (list_all(w, p, text))
                answer = json_pack("{s:o, s:o, s:O, s:b}", "url", text_json(text), "request", request_json(&decision),
                                   "stored", w->list, "more", w->more);
out:
        if (w)
                json_decref(w->list);
        free(w);
        free(head);
        return answer;
}
