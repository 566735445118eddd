/* Whose key a request has (design.md §5): that of all who go to its host, if its host is known to have the address that
 * the client went to; else that of the clients who go to that very address. */
#include <arpa/inet.h>

#include "proxy/bindings.h"
#include "proxy/client.h"
#include "proxy/exchange.h"
#include "proxy/names.h"

enum { LENT_MAX = 64 << 20 /* of a response in parts: a thousand slices at the most */ };

/* An address as a host: "192.0.2.1", "[2001:db8::1]". False: it is a name. */
static bool literal(struct span host, union address *a)
{
        char text[INET6_ADDRSTRLEN];
        bool six = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';

        if (six)
                host = (struct span){host.at + 1, host.len - 2};
        if (!host.len || host.len >= sizeof text)
                return false;
        memcpy(text, host.at, host.len);
        text[host.len] = 0;
        *a = (union address){.sa = {.sa_family = six ? AF_INET6 : AF_INET}};
        return inet_pton(a->sa.sa_family, text, six ? (void *)&a->in6.sin6_addr : (void *)&a->in.sin_addr) == 1;
}

static struct span name_of(const struct exchange *x)
{
        struct span host = x->decision.host;

        if (host.len && host.at[host.len - 1] == '.')
                host.len--;
        return host;
}

/* As bindings_left(). A host that is the destination's own address is bound, one that is another address never. */
static int64_t look(const struct exchange *x, bool *named)
{
        const struct bindings *b = x->worker->proxy->bindings;
        const union address *destination = &x->client->destination;
        union address a;

        *named = !literal(x->decision.host, &a);
        if (!*named)
                return address_same_host(&a, destination) ? INT64_MAX : INT64_MIN;
        return b ? bindings_left(b, name_of(x), &destination->sa, x->start_us / 1000000) : INT64_MIN;
}

/* True: the exchange waits for an answer, or for as long as an answer is waited for. */
static bool ask(struct exchange *x)
{
        const struct question q = {name_of(x), &x->client->destination, &x->client->peer, x->worker, &x->note};

        x->asked = true;
        if (!names_worth_asking(x->worker->proxy->names, &q, x->start_us / 1000000) || !exchange_await(x))
                return false;
        if (names_ask(x->worker->proxy->names,
                      &(struct question){name_of(x), q.destination, q.client, q.worker, q.note})) {
                exchange_connect_early(x);
                return true;
        }
        exchange_forget_await(x);
        return false;
}

/* Nobody waits for the answer: what is stored may do, or what is known will do for a moment more. */
static void ask_behind(struct exchange *x)
{
        const struct question q = {name_of(x), &x->client->destination, &x->client->peer, NULL, NULL};

        names_refresh(x->worker->proxy->names, &q, x->start_us / 1000000);
}

static enum key_scope scope_of(const struct exchange *x)
{
        if (x->binding == BINDING_NONE)
                return KEY_ADDRESS;
        return address_private(&x->client->destination) ? KEY_PRIVATE : KEY_PUBLIC;
}

bool exchange_key(const struct exchange *x, struct key *key, char text[KEY_TEXT_MAX], struct span path)
{
        return key_build(key, text, x->decision.host, x->decision.port, path, scope_of(x), &x->client->destination.sa);
}

/* The key is there for what an unsafe method invalidates, too. */
static enum step take_key(struct exchange *x)
{
        struct proxy *p = x->worker->proxy;

        if (!exchange_key(x, &x->key, x->worker->key_text, x->decision.path)) {
                x->look = false;
                return STEP_FETCH;
        }
        x->store_index = proxy_store_index(p, &x->key);
        x->store = p->stores[x->store_index];
        if (!x->store)
                x->look = false;
        return x->look ? STEP_LOOKUP : STEP_FETCH;
}

enum step step_bind(struct exchange *x)
{
        bool may_read = x->look && !x->asked, named;
        enum binding binding;
        int64_t left;

        if (!x->decision.host.len || !x->worker->proxy->store_count) {
                x->look = false;
                return STEP_FETCH;
        }
        left = look(x, &named);
        binding = binding_of(left);
        if (left <= BINDINGS_SOON && (binding == BINDING_BOUND || (binding == BINDING_GRACE && may_read)))
                ask_behind(x);
        else if (binding != BINDING_BOUND && named && !x->asked && ask(x))
                return STEP_WAIT;
        if (binding == BINDING_GRACE && !may_read)
                binding = BINDING_NONE;
        x->binding = (uint8_t)binding;
        x->borrows = binding == BINDING_GRACE;
        return take_key(x);
}

enum step exchange_stop_borrowing(struct exchange *x)
{
        bool named;

        exchange_end_read(x);
        exchange_unpin(x);
        x->borrows = x->looked = false;
        x->colds = 0;
        x->detail = NULL;
        if (binding_of(look(x, &named)) != BINDING_BOUND && ask(x))
                return STEP_BIND;
        x->asked = true;
        return STEP_BIND;
}

/* What was stored whole lacks nothing. Else as much is looked through as an event loop can do at once; of more it is
 * not told. */
enum body_state exchange_lends(struct exchange *x, uint64_t *first, uint64_t end)
{
        const struct found *f = &x->worker->found;

        if (*first >= end || !(f->stored.flags & STORED_SPARSE))
                return BODY_READY;
        return end - *first <= LENT_MAX ? reader_held_to(x->reader, f->id, first, end) : BODY_GAP;
}
