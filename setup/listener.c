/* A dump of the listening sockets of one family. */
#include "setup/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>

#include "setup/netlink.h"

struct search {
        struct listener *found;
        uint16_t port;
};

static int see_attribute(const struct nlattr *a, void *context)
{
        struct listener *l = context;
        const struct inet_diag_sockopt *options = mnl_attr_get_payload(a);

        if (mnl_attr_get_type(a) == INET_DIAG_SOCKOPT && mnl_attr_get_payload_len(a) >= sizeof *options)
                l->transparent |= options->transparent;
        return MNL_CB_OK;
}

static int see_socket(const struct nlmsghdr *h, void *context)
{
        const struct inet_diag_msg *m = mnl_nlmsg_get_payload(h);
        struct search *s = context;

        if (ntohs(m->id.idiag_sport) != s->port)
                return MNL_CB_OK;
        s->found->backlog =
                s->found->there && s->found->backlog < m->idiag_wqueue ? s->found->backlog : m->idiag_wqueue;
        s->found->there = true;
        return mnl_attr_parse(h, sizeof *m, see_attribute, s->found);
}

int listener_list(int family, unsigned state, int (*see)(const struct nlmsghdr *, void *), void *context)
{
        struct mnl_socket *socket = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
        struct inet_diag_req_v2 *r = mnl_nlmsg_put_extra_header(h, sizeof *r);
        int error;

        if (!socket)
                return -errno;
        r->sdiag_family = (uint8_t)family;
        r->sdiag_protocol = IPPROTO_TCP;
        r->idiag_states = 1U << state;
        error = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 ? netlink_talk(socket, h, see, context) : -errno;
        mnl_socket_close(socket);
        return error;
}

int listener_find(struct listener *l, int family, uint16_t port)
{
        struct search search = {l, port};

        *l = (struct listener){0};
        return listener_list(family, TCP_LISTEN, see_socket, &search);
}
