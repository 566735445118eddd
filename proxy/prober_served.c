/* The proxy's side of the self-test: who comes from the probe's namespace and knows the question gets the answer. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/address.h"
#include "proxy/prober.h"
#include "proxy/worker.h"
#include "setup/probe.h"

bool prober_served(struct worker *w, int fd, const union address *peer)
{
        const struct probe_token *t = w->proxy->token;
        unsigned char question[PROBE_WORD];

        if (!t || !probe_is_client(&peer->sa) ||
            recv(fd, question, sizeof question, MSG_PEEK | MSG_DONTWAIT) != (ssize_t)sizeof question ||
            memcmp(question, t->question, sizeof question) != 0)
                return false;
        proxy_probed(w->proxy);
        /* Taken from the socket as well, since closing would else reset the connection. */
        if (recv(fd, question, sizeof question, MSG_DONTWAIT) > 0)
                send(fd, t->answer, sizeof t->answer, MSG_DONTWAIT | MSG_NOSIGNAL);
        close(fd);
        return true;
}
