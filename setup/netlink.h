/* Requests over rtnetlink (rtnetlink(7)): one at a time, each with its answers. */
#ifndef SETUP_NETLINK_H
#define SETUP_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

enum { NETLINK_BUFFER = 32768 };

/* A request without its body, in a buffer of NETLINK_BUFFER bytes. */
struct nlmsghdr *netlink_begin(char *buffer, uint16_t type, uint16_t flags);

/* A socket in the namespace that the calling thread is in; mnl_socket_close ends it. NULL with errno. */
struct mnl_socket *netlink_open(void);

/* Sends, and hands the answers to `each` until the acknowledgement or the end of a dump. `socket` NULL: one for this
 * request alone. 0 or -errno. */
int netlink_talk(struct mnl_socket *socket, struct nlmsghdr *request, mnl_cb_t each, void *context);

/* Of a dump during which something changed, anything may be missing (NLM_F_DUMP_INTR), and it ends with -EINTR: whether
 * it should be asked for anew. Not without end; *tries begins at 0. */
bool netlink_again(int error, unsigned *tries);

#endif
