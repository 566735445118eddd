/* The proxy's side of the self-test: who comes from the probe's namespace is never a client, and
 * gets the answer if he knows the question. */
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

        if (!t || !probe_is_at((struct probe_place){PROBE_SELF, 0}, &peer->sa))
                return false;
        /* A connection is accepted when its first bytes are there (TCP_DEFER_ACCEPT). */
        if (recv(fd, question, sizeof question, MSG_DONTWAIT) == (ssize_t)sizeof question &&
            memcmp(question, t->question, sizeof question) == 0) {
                proxy_probed(w->proxy);
                send(fd, t->answer, sizeof t->answer, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
        close(fd);
        return true;
}
