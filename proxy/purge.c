/* The desk is where the writers' threads leave purges that have finished. It is counted: a store may answer after the
 * admin thread has gone, and whoever is last frees it. Everything in it and in a purge is under its lock. */
#include "proxy/purge.h"

#include "proxy/fill.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct purges {
        pthread_mutex_t lock;
        int event_fd;
        unsigned references; /* the owner's and one for each purge */
        bool closed;         /* the owner is gone */
        struct purge *finished;
};

struct purge {
        struct purges *desk;
        struct purge *next;
        unsigned outstanding; /* stores that have not answered, and one while it is being started */
        int64_t removed;
        bool failed;
        purge_done *done; /* NULL: not wanted */
        void *context;
};

int purges_new(struct purges **out)
{
        struct purges *d = calloc(1, sizeof *d);

        *out = NULL;
        if (!d)
                return ENOMEM;
        d->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (d->event_fd < 0) {
                int error = errno;

                free(d);
                return error;
        }
        pthread_mutex_init(&d->lock, NULL);
        d->references = 1;
        *out = d;
        return 0;
}

/* Unlocks, and frees the desk with the last reference. */
static void release(struct purges *d)
{
        bool last = --d->references == 0;

        pthread_mutex_unlock(&d->lock);
        if (!last)
                return;
        close(d->event_fd);
        pthread_mutex_destroy(&d->lock);
        free(d);
}

void purges_free(struct purges **d)
{
        struct purge *finished;

        if (!*d)
                return;
        pthread_mutex_lock(&(*d)->lock);
        (*d)->closed = true;
        finished = (*d)->finished;
        (*d)->finished = NULL;
        while (finished) {
                struct purge *next = finished->next;

                (*d)->references--;
                free(finished);
                finished = next;
        }
        release(*d);
        *d = NULL;
}

int purges_fd(const struct purges *d)
{
        return d->event_fd;
}

/* Leaves the purge on the desk; the lock is held. */
static void finish(struct purge *p)
{
        static const uint64_t one = 1;

        p->next = p->desk->finished;
        p->desk->finished = p;
        /* It can fail only where 2^64 wake-ups are not yet read: the desk will be looked at all the same. */
        (void)!write(p->desk->event_fd, &one, sizeof one);
}

/* On a store's writer thread. */
static void store_answered(void *context, int64_t removed)
{
        struct purge *p = context;
        struct purges *d = p->desk;

        pthread_mutex_lock(&d->lock);
        if (removed < 0)
                p->failed = true;
        else
                p->removed += removed;
        if (--p->outstanding == 0 && d->closed) {
                free(p);
                release(d);
                return;
        }
        if (p->outstanding == 0)
                finish(p);
        pthread_mutex_unlock(&d->lock);
}

/* While it is being started: so many answers more. */
static void expect(struct purge *p, int answers, bool failed)
{
        pthread_mutex_lock(&p->desk->lock);
        p->failed = p->failed || failed;
        p->outstanding += (unsigned)answers;
        pthread_mutex_unlock(&p->desk->lock);
}

static void ask_stores(struct purge *p, const struct proxy *proxy, enum purge_kind kind, struct span text)
{
        for (size_t i = 0; i < proxy->store_count; i++) {
                if (!proxy->stores[i])
                        continue;
                expect(p, 1, false);
                if (store_purge(proxy->stores[i], kind, text, store_answered, p) != 0)
                        expect(p, -1, true); /* it could not even be asked */
        }
}

struct purge *purge_start(struct purges *d, const struct proxy *proxy, enum purge_kind kind, struct span text,
                          purge_done *done, void *context)
{
        struct purge *p = calloc(1, sizeof *p);

        if (!p)
                return NULL;
        if (proxy->fills)
                fills_outdate(proxy->fills, kind, text);
        *p = (struct purge){.desk = d, .outstanding = 1, .done = done, .context = context};
        pthread_mutex_lock(&d->lock);
        d->references++;
        pthread_mutex_unlock(&d->lock);
        ask_stores(p, proxy, kind, text);
        pthread_mutex_lock(&d->lock);
        if (--p->outstanding == 0)
                finish(p);
        pthread_mutex_unlock(&d->lock);
        return p;
}

void purge_forget(struct purge *p)
{
        struct purges *d = p->desk;

        pthread_mutex_lock(&d->lock);
        p->done = NULL;
        pthread_mutex_unlock(&d->lock);
}

void purges_collect(struct purges *d)
{
        struct purge *list, *next;
        uint64_t n;

        (void)!read(d->event_fd, &n, sizeof n);
        pthread_mutex_lock(&d->lock);
        list = d->finished;
        d->finished = NULL;
        for (struct purge *p = list; p; p = p->next)
                d->references--;
        pthread_mutex_unlock(&d->lock);
        for (; list; list = next) {
                next = list->next;
                if (list->done)
                        list->done(list->context, list->failed ? -1 : list->removed);
                free(list);
        }
}

/* ---- what an operator types -------------------------------------------------------------------------------------- */

static bool plain(struct span s)
{
        for (size_t i = 0; i < s.len; i++)
                if (!isgraph((unsigned char)s.at[i]))
                        return false;
        return s.len > 0;
}

/* Splits "host:port" or "[v6]:port". False if the port is none. */
static bool split_port(struct span authority, struct span *host, uint16_t *port)
{
        const char *bracket = memrchr(authority.at, ']', authority.len);
        const char *from = bracket ? bracket : authority.at;
        const char *colon = memrchr(from, ':', (size_t)(authority.at + authority.len - from));
        unsigned long n = 0;

        *host = authority;
        *port = 80;
        if (!colon)
                return true;
        host->len = (size_t)(colon - authority.at);
        for (const char *c = colon + 1; c < authority.at + authority.len; c++) {
                if (!isdigit((unsigned char)*c) || (n = n * 10 + (unsigned long)(*c - '0')) > UINT16_MAX)
                        return false;
        }
        *port = (uint16_t)n;
        return n > 0;
}

const char *purge_url(struct span url, char *buffer, struct span *text)
{
        static const char ends[] = {'/', '?', '#'};
        static const struct span scheme = {"http://", 7};
        struct span authority, host, path;
        struct key key;
        const char *slash;
        uint16_t port;

        if (!url.len)
                return "a URL begins with http://";
        if (!plain(url))
                return "a URL has no blanks and no control characters";
        if (url.len < scheme.len || strncasecmp(url.at, scheme.at, scheme.len) != 0)
                return "a URL begins with http://";
        authority = (struct span){url.at + scheme.len, 0};
        while (scheme.len + authority.len < url.len && !memchr(ends, authority.at[authority.len], sizeof ends))
                authority.len++;
        slash = authority.at + authority.len;
        path = (struct span){slash, url.len - scheme.len - authority.len};
        if (memchr(path.at, '#', path.len))
                return "a fragment (#) is never sent, so nothing is stored under it";
        if (memchr(authority.at, '@', authority.len) || !split_port(authority, &host, &port) || !host.len)
                return "this is no host, or no port";
        if (path.len == 0)
                path = SPAN("/");
        if (path.at[0] != '/')
                return "a path begins with /";
        if (!key_build(&key, buffer, host, port, path, KEY_PUBLIC, NULL))
                return "the URL is too long";
        *text = key.text;
        return NULL;
}

const char *purge_host(struct span host, char *buffer, struct span *text)
{
        if (host.len && host.at[host.len - 1] == '.')
                host.len--;
        if (!plain(host) || memchr(host.at, '/', host.len) || memchr(host.at, '@', host.len) ||
            (host.at[0] != '[' && memchr(host.at, ':', host.len)))
                return "this is no host's name";
        if (host.len > HOST_MAX)
                return "the name is too long";
        for (size_t i = 0; i < host.len; i++)
                buffer[i] = (char)tolower((unsigned char)host.at[i]);
        *text = (struct span){buffer, host.len};
        return NULL;
}
