/* The warden's end of the channel: what it is told by the proxy, of which it trusts nothing, and what it tells it. */
#include <errno.h>
#include <unistd.h>

#include "proxy/log.h"
#include "proxy/notify.h"
#include "proxy/warden.h"

enum { MESSAGES_MAX = 1024 }; /* before the rest of the work is seen to again */

void warden_tell(struct warden *w, enum channel_kind kind, uint32_t value)
{
        struct channel_message m = {.kind = kind, .value = value};

        if (w->channel >= 0 && !channel_send(w->channel, &m))
                log_errno(LOG_DEBUG, errno, "the proxy cannot be told");
}

static void bypass(struct warden *w, const struct channel_message *m, int64_t now)
{
        int error;

        if (!vigil_bypass_good(m)) {
                w->bad_messages++;
                return;
        }
        if (!w->gate || !allowance_take(&w->bypasses, now))
                return;
        error = gate_bypass(w->gate, (const struct sockaddr *)&m->address, m->seconds);
        if (error && !(error == ENOENT && w->config->manual))
                log_errno(LOG_WARNING, error, "a destination cannot be handed back");
}

static void hand_back_client(struct warden *w, const struct channel_message *m, int64_t now)
{
        int error;

        if (!vigil_crowded_good(m)) {
                w->bad_messages++;
                return;
        }
        if (!w->gate || !allowance_take(&w->crowded, now))
                return;
        error = gate_crowded(w->gate, (const struct sockaddr *)&m->address, m->seconds);
        if (error && !(error == ENOENT && w->config->manual))
                log_errno(LOG_WARNING, error, "a client with too many connections cannot be handed back");
}

static void hear(struct warden *w, const struct channel_message *m, int64_t now)
{
        switch (m->kind) {
        case CHANNEL_READY:
                vigil_heard(&w->vigil, m, now);
                log_say(LOG_INFO, "the proxy is ready");
                notify("READY=1");
                if (w->gate)
                        warden_tell(w, CHANNEL_GATE, w->open);
                break;
        case CHANNEL_HEARTBEAT:
        case CHANNEL_SHUT:
                vigil_heard(&w->vigil, m, now);
                break;
        case CHANNEL_BYPASS:
                bypass(w, m, now);
                break;
        case CHANNEL_CROWDED:
                hand_back_client(w, m, now);
                break;
        case CHANNEL_PROBE:
                prober_accepted(&w->prober);
                break;
        default:
                w->bad_messages++;
        }
}

/* The end of the channel is the end of the proxy, which SIGCHLD reports; until then there is nothing to read. */
void warden_listen(struct warden *w, int64_t now)
{
        struct channel_message m;
        unsigned long bad = w->bad_messages;

        for (int i = 0; i < MESSAGES_MAX; i++) {
                if (!channel_receive(w->channel, &m)) {
                        if (errno != EAGAIN) {
                                close(w->channel);
                                w->channel = -1;
                        }
                        break;
                }
                hear(w, &m, now);
        }
        if (w->bad_messages != bad && bad == 0)
                log_say(LOG_WARNING, "the proxy has sent a message that makes no sense; such messages are ignored");
}
