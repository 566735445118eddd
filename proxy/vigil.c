/* The vigil: READY, then heartbeats. Silence shuts the gate at once and the proxy's life a little later. */
#include "proxy/vigil.h"

enum { BYPASS_SECONDS_MAX = 600, ALLOWANCE_MAX = 200, ALLOWANCE_MS = 50 };

void vigil_begin(struct vigil *v, int64_t now)
{
        *v = (struct vigil){.since = now};
}

void vigil_started(struct vigil *v, int64_t now)
{
        v->running = true;
        v->ready = v->shut = false;
        v->since = v->beat = now;
}

void vigil_heard(struct vigil *v, const struct channel_message *m, int64_t now)
{
        switch (m->kind) {
        case CHANNEL_READY:
                if (!v->ready)
                        v->since = now;
                v->ready = true;
                v->beat = now;
                break;
        case CHANNEL_HEARTBEAT:
                v->beat = now;
                v->shut = m->value != 0;
                break;
        case CHANNEL_SHUT:
                v->shut = true;
                break;
        default:
                break;
        }
}

/* The pause before the next start grows while none of them proves itself. */
void vigil_ended(struct vigil *v, int64_t now)
{
        bool proven = v->ready && now - v->since >= VIGIL_PROVEN_MS;

        if (proven || !v->pause_ms)
                v->pause_ms = VIGIL_PAUSE_MS;
        else if (v->pause_ms < VIGIL_PAUSE_MAX_MS)
                v->pause_ms = v->pause_ms * 2 < VIGIL_PAUSE_MAX_MS ? v->pause_ms * 2 : VIGIL_PAUSE_MAX_MS;
        v->running = v->ready = v->shut = false;
        v->since = now + v->pause_ms;
}

bool vigil_cookies(struct vigil *v, uint64_t sent, bool ours, int64_t now)
{
        bool more = ours && v->counted && sent != v->cookies, begins = more && now >= v->flood_until;

        v->counted = true;
        v->cookies = sent;
        if (begins && v->flood_until && now - v->flood_until < VIGIL_FLOOD_MAX_MS)
                v->flood_ms = v->flood_ms * 2 < VIGIL_FLOOD_MAX_MS ? v->flood_ms * 2 : VIGIL_FLOOD_MAX_MS;
        else if (begins)
                v->flood_ms = VIGIL_FLOOD_MS;
        if (more)
                v->flood_until = now + v->flood_ms;
        return begins;
}

bool vigil_start_due(const struct vigil *v, int64_t now)
{
        return !v->running && !v->draining && now >= v->since;
}

bool vigil_gate(const struct vigil *v, int64_t now)
{
        return v->running && v->ready && !v->shut && !v->draining && now - v->beat < VIGIL_QUIET_MS &&
               now >= v->flood_until;
}

/* When the patience with this proxy ends. While it drains, its workers need not turn; the warden's deadline holds. */
static int64_t patience(const struct vigil *v)
{
        if (v->draining)
                return INT64_MAX;
        return v->ready ? v->beat + VIGIL_HUNG_MS : v->since + VIGIL_STARTING_MS;
}

bool vigil_hung(const struct vigil *v, int64_t now)
{
        return v->running && now >= patience(v);
}

static void sooner(int64_t *next, int64_t at, int64_t now)
{
        if (at > now && at < *next)
                *next = at;
}

int64_t vigil_next(const struct vigil *v, int64_t now)
{
        int64_t next = now + VIGIL_RENEW_MS;

        if (!v->running) {
                sooner(&next, v->since, now);
                return next;
        }
        sooner(&next, patience(v), now);
        sooner(&next, v->beat + VIGIL_QUIET_MS, now);
        sooner(&next, v->flood_until, now);
        return next;
}

bool vigil_crowded_good(const struct channel_message *m)
{
        return (m->address.sin6_family == AF_INET || m->address.sin6_family == AF_INET6) && m->seconds >= 1 &&
               m->seconds <= BYPASS_SECONDS_MAX;
}

bool vigil_bypass_good(const struct channel_message *m)
{
        /* The port lies at the same place in both families. */
        return vigil_crowded_good(m) && m->address.sin6_port != 0;
}

bool allowance_take(struct allowance *a, int64_t now)
{
        int64_t more = a->filled ? (now - a->filled) / ALLOWANCE_MS : ALLOWANCE_MAX;

        if (!a->filled || more >= ALLOWANCE_MAX - (int64_t)a->left) {
                a->left = ALLOWANCE_MAX;
                a->filled = now;
        } else {
                a->left += (unsigned)more;
                a->filled += more * ALLOWANCE_MS;
        }
        if (a->left == 0)
                return false;
        a->left--;
        return true;
}
