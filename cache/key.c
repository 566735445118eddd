/* Keys: text built from a target URI, hashed with XXH3 128. */
#include "cache/key.h"

#include <arpa/inet.h>
#include <xxhash.h>

#include "http/render.h"

/* Without a port and a final dot, neither of which tells hosts apart here. */
static struct span bare_host(struct span host)
{
        const char *colon = host.len && host.at[0] != '[' ? memchr(host.at, ':', host.len) : NULL;
        const char *bracket = host.len && host.at[0] == '[' ? memchr(host.at, ']', host.len) : NULL;

        if (colon)
                host.len = (size_t)(colon - host.at);
        if (bracket)
                host.len = (size_t)(bracket - host.at) + 1;
        if (host.len && host.at[host.len - 1] == '.')
                host.len--;
        return host;
}

static void append_lower(struct out *o, struct span host)
{
        size_t start = o->len;

        out_span(o, host);
        for (size_t i = start; i < o->len; i++)
                if (o->at[i] >= 'A' && o->at[i] <= 'Z')
                        o->at[i] = (char)(o->at[i] + ('a' - 'A'));
}

static void append_destination(struct out *o, const struct sockaddr *a)
{
        char text[INET6_ADDRSTRLEN] = "";
        const void *bytes = a->sa_family == AF_INET6
                                    ? (const void *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr
                                    : (const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr;

        inet_ntop(a->sa_family, bytes, text, sizeof text);
        out_text(o, " @");
        out_span(o, (struct span){text, strlen(text)});
}

static void append_scope(struct out *o, enum key_scope scope, const struct sockaddr *destination)
{
        switch (scope) {
        case KEY_ADDRESS:
                append_destination(o, destination);
                break;
        case KEY_PRIVATE:
                out_text(o, " private");
                break;
        case KEY_PUBLIC:
                break;
        }
}

bool key_build(struct key *key, char *buffer, struct span host, uint16_t port, struct span path, enum key_scope scope,
               const struct sockaddr *destination)
{
        struct out o = {.at = buffer, .cap = KEY_TEXT_MAX};

        out_text(&o, "http://");
        append_lower(&o, bare_host(host));
        out_text(&o, ":");
        out_number(&o, port);
        out_span(&o, path);
        append_scope(&o, scope, destination);
        if (o.overflow)
                return false;
        key_of_text(key, (struct span){buffer, o.len});
        return true;
}

void key_of_text(struct key *key, struct span text)
{
        XXH128_hash_t h = XXH3_128bits(text.at, text.len);

        key->text = text;
        XXH128_canonicalFromHash((XXH128_canonical_t *)(void *)key->hash, h);
}

struct span key_url(struct span text)
{
        const char *space = memchr(text.at, ' ', text.len);

        return space ? (struct span){text.at, (size_t)(space - text.at)} : text;
}

struct span key_address(struct span text)
{
        size_t url = key_url(text).len;

        return text.len > url + 2 && text.at[url + 1] == '@' ? (struct span){text.at + url + 2, text.len - url - 2}
                                                             : (struct span){NULL, 0};
}

struct span key_host(struct span text)
{
        static const size_t scheme = sizeof "http://" - 1;
        const char *end;

        if (text.len <= scheme)
                return (struct span){NULL, 0};
        text = (struct span){text.at + scheme, text.len - scheme};
        end = text.at[0] == '[' ? memchr(text.at, ']', text.len) : memchr(text.at, ':', text.len);
        return end ? (struct span){text.at, (size_t)(end - text.at) + (text.at[0] == '[')} : (struct span){NULL, 0};
}
