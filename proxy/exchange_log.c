/* The access log's line for an exchange. Host and path are the client's words: proxy/access.c escapes them. */
#include "proxy/exchange_log.h"

#include "http/fields.h"
#include "proxy/bindings.h"
#include "proxy/client.h"
#include "proxy/exchange.h"

static struct span value_of(const struct message *m, enum field_id id)
{
        struct span value = {NULL, 0};

        if (m && message_has(m, id))
                field_only(m, id, &value);
        return value;
}

static struct span method_of(const struct message *m)
{
        const char *space = m ? memchr(m->head, ' ', m->start_len) : NULL;

        return space ? (struct span){m->head, (size_t)(space - m->head)} : (struct span){NULL, 0};
}

/* What names no host is named by where it goes; a tunnel has no URL and is written as CONNECT. */
static void name_by_destination(struct access_entry *e, const struct exchange *x, char text[ADDRESS_TEXT])
{
        const union address *destination = &x->client->destination;

        address_text(destination, text);
        e->host = (struct span){text, (size_t)(strrchr(text, ':') - text)};
        e->port = address_port(destination);
        if (x->tunnel && !x->request)
                e->method = SPAN("CONNECT");
}

static void write_line(struct exchange *x)
{
        const struct client *c = x->client;
        const struct message *m = x->request;
        static const char *const bindings[] = {
                [BINDING_NONE] = "none", [BINDING_GRACE] = "grace", [BINDING_BOUND] = "bound"};
        char text[ADDRESS_TEXT];
        struct access_entry e = {
                .start_us = x->start_us,
                .duration_us = worker_clock() - x->start_us,
                .client = &c->peer.sa,
                .destination = &c->destination.sa,
                .host = x->decision.host,
                .path = x->decision.path,
                .port = x->decision.port,
                .method = method_of(m),
                .referer = value_of(m, FIELD_REFERER),
                .user_agent = value_of(m, FIELD_USER_AGENT),
                .content_type = {x->content_type, strlen(x->content_type)},
                .minor = m ? m->minor : 1,
                .status = x->status,
                .bytes = x->sent,
                .result = x->result,
                .hierarchy = x->hierarchy,
                .binding = x->store ? bindings[x->binding] : NULL,
                .detail = x->detail,
        };

        if (!e.host.len)
                name_by_destination(&e, x, text);
        access_write(x->worker->access, &e);
}

void exchange_log(struct exchange *x)
{
        struct worker *w = x->worker;
        bool hit = x->sent_stored > 0;

        if (x->background) /* nobody asked */
                return;
        count(&w->counters, COUNTER_bytes_clients, (int64_t)x->sent);
        count(&w->counters, COUNTER_bytes_stored, (int64_t)x->sent_stored);
        if (!x->tunnel)
                count(&w->counters, COUNTER_requests, 1);
        if (x->decision.host.len)
                hosts_add(w->hosts, x->decision.host, hit, x->sent, x->sent_stored);
        if (w->access)
                write_line(x);
}
