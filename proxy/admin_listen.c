/* All addresses are looked at before the first is bound: a name that stands for a loopback address and for another one
 * is not half opened. */
#include "proxy/admin_listen.h"

#include <errno.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/log.h"

static bool is_loopback(const struct sockaddr *address)
{
        const struct sockaddr_in *v4 = (const void *)address;
        const struct sockaddr_in6 *v6 = (const void *)address;

        if (address->sa_family == AF_INET)
                return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* Splits at the last colon and takes the brackets off. False if there is no port or it is too long. */
static bool split(const char *listen, char *host, size_t size, const char **port)
{
        const char *colon = strrchr(listen, ':');
        size_t len = colon ? (size_t)(colon - listen) : 0;

        if (!colon || !colon[1])
                return false;
        if (len >= 2 && listen[0] == '[' && listen[len - 1] == ']') {
                listen++;
                len -= 2;
        }
        if (len >= size)
                return false;
        memcpy(host, listen, len);
        host[len] = '\0';
        *port = colon + 1;
        return true;
}

static struct addrinfo *look_up(const char *listen)
{
        static const struct addrinfo hints = {
                .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
        struct addrinfo *list = NULL;
        char host[256] = "";
        const char *port;
        int error;

        if (!split(listen, host, sizeof host, &port)) {
                log_say(LOG_ERR, "no page: admin.listen is \"%s\", and not \"address:port\"", listen);
                return NULL;
        }
        error = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
        if (error)
                log_say(LOG_ERR, "no page: admin.listen is \"%s\": %s", listen, gai_strerror(error));
        return error ? NULL : list;
}

static uint16_t port_of(struct evconnlistener *listener)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } address = {.v6 = {0}};
        socklen_t len = sizeof address;

        if (getsockname(evconnlistener_get_fd(listener), &address.any, &len) != 0)
                return 0;
        return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

static void open_one(struct admin_listen *l, struct event_base *base, struct evhttp *http, const struct addrinfo *a)
{
        unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
        struct evconnlistener *listener;

        if (a->ai_family == AF_INET6)
                flags |= LEV_OPT_BIND_IPV6ONLY;
        listener = evconnlistener_new_bind(base, NULL, NULL, flags, -1, a->ai_addr, (int)a->ai_addrlen);
        if (!listener)
                return;
        if (!evhttp_bind_listener(http, listener)) {
                evconnlistener_free(listener);
                return;
        }
        l->listeners[l->count++] = listener;
        if (l->count == 1)
                l->port = port_of(listener);
}

bool admin_listen_open(struct admin_listen *l, struct event_base *base, struct evhttp *http, const char *listen,
                       bool has_password)
{
        struct addrinfo *list = look_up(listen);

        if (!list)
                return false;
        for (const struct addrinfo *a = list; a; a = a->ai_next) {
                if (!has_password && !is_loopback(a->ai_addr)) {
                        log_say(LOG_ERR,
                                "no page: \"%s\" can be reached from elsewhere, and admin.password_file is not set",
                                listen);
                        freeaddrinfo(list);
                        return false;
                }
        }
        for (const struct addrinfo *a = list; a && l->count < ADMIN_LISTENERS; a = a->ai_next)
                open_one(l, base, http, a);
        freeaddrinfo(list);
        if (l->count)
                log_say(LOG_INFO, "the page is at http://%.*s:%u/", (int)(strrchr(listen, ':') - listen), listen,
                        (unsigned)l->port);
        else
                log_errno(LOG_ERR, errno, "no page: cannot listen on %s", listen);
        return l->count > 0;
}

int admin_listen_try(const char *where)
{
        struct addrinfo *list = look_up(where);
        int error = list ? 0 : EINVAL;

        for (const struct addrinfo *a = list; a && !error; a = a->ai_next) {
                int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

                if (fd < 0)
                        continue;
                if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
                    (a->ai_family == AF_INET6 &&
                     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int)) != 0) ||
                    bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, 1) != 0)
                        error = errno;
                close(fd);
        }
        if (list)
                freeaddrinfo(list);
        return error;
}

void admin_listen_pause(struct admin_listen *l, bool pause)
{
        for (size_t i = 0; i < l->count; i++) {
                if (pause)
                        evconnlistener_disable(l->listeners[i]);
                else
                        evconnlistener_enable(l->listeners[i]);
        }
}
