/* Makes this kernel one that lacks something: preloaded into a program (ld.so(8)), it changes what the program asks of
 * netlink so that the kernel itself says what it says of things that it does not know. LAB_LACKS names what is lacking:
 *
 *     netfilter  netlink's whole protocol
 *     nf_tables  its subsystem
 *     bridge     its family for bridges
 *     tproxy, socket, fib  an expression
 *
 * And LAB_STATFS, in hexadecimal, is the kind of every file system (statfs(2)). */
#include <dlfcn.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/vfs.h>

enum { NO_SUBSYSTEM = 99, NO_FAMILY = 99 };

static bool lacks(const char *what)
{
        const char *named = getenv("LAB_LACKS");

        return named && strcmp(named, what) == 0;
}

/* An expression's name is an attribute of type 1: its length, the type, the name with its zero. */
static void rename_expression(uint8_t *at, size_t len, const char *name)
{
        size_t name_len = strlen(name) + 1;
        const uint16_t head[2] = {(uint16_t)(4 + name_len), NFTA_EXPR_NAME};

        for (size_t i = 0; i + 4 + name_len <= len; i++)
                if (memcmp(at + i, head, 4) == 0 && memcmp(at + i + 4, name, name_len) == 0)
                        at[i + 4] = '?';
}

static void change_message(struct nlmsghdr *h)
{
        struct nfgenmsg *g = NLMSG_DATA(h);

        if (h->nlmsg_len < NLMSG_LENGTH(sizeof *g))
                return;
        if (lacks("nf_tables") && h->nlmsg_type == NFNL_MSG_BATCH_BEGIN)
                g->res_id = (uint16_t)(NO_SUBSYSTEM << 8); /* in network order */
        if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
                return;
        if (lacks("nf_tables"))
                h->nlmsg_type = (uint16_t)(NO_SUBSYSTEM << 8 | (h->nlmsg_type & 0xff));
        if (lacks("bridge") && g->nfgen_family == NFPROTO_BRIDGE)
                g->nfgen_family = NO_FAMILY;
        for (const char *const *name = (const char *const[]){"tproxy", "socket", "fib", NULL}; *name; name++)
                if (lacks(*name))
                        rename_expression((uint8_t *)h, h->nlmsg_len, *name);
}

static void change(void *at, size_t len)
{
        for (size_t i = 0; i + sizeof(struct nlmsghdr) <= len;) {
                struct nlmsghdr *h = (void *)((char *)at + i);

                if (h->nlmsg_len < sizeof *h || h->nlmsg_len > len - i)
                        return;
                change_message(h);
                i += NLMSG_ALIGN(h->nlmsg_len);
        }
}

static bool to_netfilter(int fd)
{
        int domain = 0, protocol = 0;
        socklen_t len = sizeof domain;

        return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_NETLINK &&
               getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 && protocol == NETLINK_NETFILTER;
}

int socket(int domain, int type, int protocol)
{
        static int (*real)(int, int, int);

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "socket");
        if (domain == AF_NETLINK && protocol == NETLINK_NETFILTER && lacks("netfilter")) {
                errno = EPROTONOSUPPORT;
                return -1;
        }
        return real(domain, type, protocol);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
        static ssize_t (*real)(int, const struct msghdr *, int);

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
        for (size_t i = 0; to_netfilter(fd) && i < m->msg_iovlen; i++)
                change(m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
        return real(fd, m, flags);
}

ssize_t sendto(int fd, const void *at, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
        static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "sendto");
        if (to_netfilter(fd))
                change((void *)(uintptr_t)at, len);
        return real(fd, at, len, flags, to, to_len);
}

int statfs(const char *path, struct statfs *s)
{
        static int (*real)(const char *, struct statfs *);
        const char *kind = getenv("LAB_STATFS");
        int result;

        if (!real)
                *(void **)&real = dlsym(RTLD_NEXT, "statfs");
        result = real(path, s);
        if (result == 0 && kind)
                s->f_type = (__typeof__(s->f_type))strtoul(kind, NULL, 16);
        return result;
}
