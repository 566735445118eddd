/* Requests over rtnetlink. */
#include "setup/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <time.h>

enum { TRIES = 10 };

struct nlmsghdr *netlink_begin(char *buffer, uint16_t type, uint16_t flags)
{
        struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);

        h->nlmsg_type = type;
        h->nlmsg_flags = NLM_F_REQUEST | flags;
        return h;
}

struct mnl_socket *netlink_open(void)
{
        struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
        int error;

        if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0)
                return socket;
        error = errno;
        mnl_socket_close(socket);
        errno = error;
        return NULL;
}

static int converse(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t each, void *context)
{
        char buffer[NETLINK_BUFFER];
        int result;

        request->nlmsg_seq = (unsigned)time(NULL);
        if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
                return -errno;
        do {
                ssize_t n = mnl_socket_recvfrom(socket, buffer, sizeof buffer);

                result = n < 0 ? MNL_CB_ERROR
                               : mnl_cb_run(buffer, (size_t)n, request->nlmsg_seq, mnl_socket_get_portid(socket), each,
                                            context);
        } while (result == MNL_CB_OK);
        return result == MNL_CB_ERROR ? -errno : 0;
}

int netlink_talk(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t each, void *context)
{
        struct mnl_socket *own = socket ? NULL : netlink_open();
        int result;

        if (!socket && !own)
                return -errno;
        result = converse(socket ? socket : own, request, each, context);
        if (own)
                mnl_socket_close(own);
        return result;
}

bool netlink_again(int error, unsigned *tries)
{
        return error == -EINTR && ++*tries < TRIES;
}
