/* One function for each thing that may be wrong. What they say is for somebody who has not set up a transparent proxy
 * before: what is wrong, what it does to his clients, and the command that mends it. */
#include "setup/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHAT_MAX = 512, CONNTRACK_PERCENT = 90, FAILURES_LEAST = 5, MTU_IPV6 = 1280 /* RFC 8200 §5 */ };

struct examination {
        const struct doctor_case *about;
        const struct setup_options *o;
        const struct machine *s;
        void (*tell)(void *, const struct finding *);
        void *context;
};

/* What is wrong is formatted; why and mend are constants but for the rare `mend` that needs a name. */
__attribute__((format(printf, 5, 6))) static void tell(const struct examination *e, enum doctor_severity severity,
                                                       const char *why, const char *mend, const char *format, ...)
{
        char what[WHAT_MAX];
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(what, sizeof what, format, arguments);
        va_end(arguments);
        e->tell(e->context, &(struct finding){severity, what, why, mend});
}

/* ---- the kernel ----------------------------------------------------------------------------------------------------
 */

static void missing_features(const struct examination *e)
{
        int error = -e->s->wanted_error;

        if (error)
                tell(e, DOCTOR_BROKEN,
                     "without nf_tables and its tproxy, socket and fib expressions nothing is intercepted",
                     "modprobe -a nf_tables nft_tproxy nft_socket nft_fib_inet",
                     "the kernel does not take the rules: %s", e->s->wanted.len ? e->s->wanted.at : strerror(error));
}

static void no_forwarding(const struct examination *e)
{
        bool bridged = links_have_bridge(&e->s->links);

        if (!e->s->forwards4 && !bridged)
                tell(e, DOCTOR_BROKEN,
                     "this machine does not route: what is not intercepted, and everything when the gate is shut, is "
                     "lost",
                     "sysctl -w net.ipv4.ip_forward=1", "IPv4 forwarding is off");
        if (e->s->ipv6 && !e->s->forwards6 && !bridged)
                tell(e, DOCTOR_WARNING, "clients get no further over IPv6, unless another machine routes it for them",
                     "sysctl -w net.ipv6.conf.all.forwarding=1", "IPv6 forwarding is off");
}

static void fwmark_accepted(const struct examination *e)
{
        if (e->s->fwmark_accept)
                tell(e, DOCTOR_BROKEN,
                     "accepted connections inherit the mark, and what is sent on them is delivered to this machine "
                     "itself",
                     "sysctl -w net.ipv4.tcp_fwmark_accept=0", "net.ipv4.tcp_fwmark_accept is on");
}

static void valid_mark(const struct examination *e)
{
        char mend[96];

        if (!e->s->valid_mark[0])
                return;
        snprintf(mend, sizeof mend, "sysctl -w net.ipv4.conf.all.src_valid_mark=0 net.ipv4.conf.%s.src_valid_mark=0",
                 e->s->valid_mark);
        tell(e, DOCTOR_BROKEN, "the reverse path filter then looks up marked packets as local ones, and drops them",
             mend, "src_valid_mark and rp_filter are both on for %s", e->s->valid_mark);
}

static void bridge_netfilter(const struct examination *e)
{
        if (e->s->bridge[0])
                tell(e, DOCTOR_BROKEN,
                     "what is intercepted of its clients is lost between the rules and the listener; container engines "
                     "switch this on",
                     "sysctl -w net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0",
                     "bridge %s hands its frames to iptables", e->s->bridge);
}

static void ports_of_other_vlans(const struct examination *e)
{
        const struct links *all = &e->s->links;

        for (size_t i = 0; i < all->count; i++) {
                const struct link *bridge = links_bridge_of(all, &all->at[i]);

                if (bridge && !links_reached_by(all, &all->at[i]))
                        tell(e, DOCTOR_WARNING,
                             "clients behind it are not intercepted: their frames do not reach the bridge",
                             "bridge vlan show; then let the bridge itself be in their VLAN, without a tag",
                             "port %s of bridge %s is in another VLAN than the bridge", all->at[i].name, bridge->name);
        }
}

static void no_path_mtu(const struct examination *e)
{
        if (e->s->ignores_pmtu)
                tell(e, DOCTOR_WARNING, "where a link further on takes smaller packets, connections hang",
                     "sysctl -w net.ipv4.ip_no_pmtu_disc=0", "path MTU discovery is off (net.ipv4.ip_no_pmtu_disc)");
        if (e->s->uplink_mtu && e->s->uplink_mtu < MTU_IPV6 && e->s->ipv6)
                tell(e, DOCTOR_WARNING, "IPv6 takes 1280 at least: it does not work over this link",
                     "set the link's MTU to 1280 or more, or intercept.ipv6 = false", "%s has an MTU of %u",
                     e->s->uplink, e->s->uplink_mtu);
}

static void connections_tracked(const struct examination *e)
{
        const struct machine *s = e->s;

        if (s->conntrack_max && s->conntrack > s->conntrack_max / 100 * CONNTRACK_PERCENT)
                tell(e, DOCTOR_WARNING, "when it is full, new connections are dropped, intercepted or not",
                     "sysctl -w net.netfilter.nf_conntrack_max=1048576",
                     "the connection tracking table is nearly full: %llu of %llu", (unsigned long long)s->conntrack,
                     (unsigned long long)s->conntrack_max);
}

/* ---- the set-up ----------------------------------------------------------------------------------------------------
 */

static void interfaces_missing(const struct examination *e)
{
        for (size_t i = 0; i < e->o->interface_count; i++) {
                const char *name = e->o->interfaces[i];
                bool there = false;

                for (size_t j = 0; j < e->s->links.count; j++)
                        there |= links_match(name, e->s->links.at[j].name);
                if (!there)
                        tell(e, DOCTOR_WARNING, "clients behind it are not intercepted until it is there",
                             "ip link; then correct intercept.interfaces", "there is no interface %s", name);
        }
}

static void not_running(const struct examination *e)
{
        if (!e->about->running)
                tell(e, DOCTOR_WARNING, "nothing is intercepted, every connection goes direct",
                     "systemctl start limpid", "limpid run is not running");
}

/* Every line of setup_check is one; where nothing is set up because nothing runs, they say nothing new. */
static void differences(const struct examination *e)
{
        const char *line = e->s->differences.at;

        if (!e->about->running || e->about->manual || e->s->check <= 0 || !line)
                return;
        for (size_t len; (len = strcspn(line, "\n")) > 0; line += len + (line[len] == '\n'))
                tell(e, DOCTOR_BROKEN, "connections may be lost, or pass by Limpid",
                     "limpid setup up (and look for the program that has changed it)", "%.*s", (int)len, line);
}

static void shadowed(const struct examination *e)
{
        for (size_t i = 0; i < 2; i++) {
                const struct shadow *s = &e->s->shadows[i];

                if (s->there && (i == 0 || e->s->ipv6))
                        tell(e, DOCTOR_WARNING,
                             "where it matches, marked packets are routed by that table instead of delivered to Limpid",
                             "ip rule; then give that rule a priority behind Limpid's",
                             "the IPv%c routing rule with priority %u (table %u) comes before Limpid's", i ? '6' : '4',
                             s->priority, s->table);
        }
}

static void check_listener(const struct examination *e, const struct listener *l, char version)
{
        const struct doctor_case *c = e->about;

        if (c->running && !l->there)
                tell(e, DOCTOR_BROKEN, "intercepted connections find nobody", "systemctl restart limpid",
                     "nobody listens for intercepted IPv%c connections", version);
        else if (c->running && !l->transparent)
                tell(e, DOCTOR_BROKEN, "the kernel hands packets for other addresses to transparent sockets alone",
                     "ss -tlnp; then stop the other service, or change intercept.listen_port",
                     "what listens for intercepted IPv%c connections is not transparent", version);
        else if (!c->running && l->there)
                tell(e, DOCTOR_BROKEN, "Limpid cannot listen there",
                     "ss -tlnp; then stop the other service, or change intercept.listen_port",
                     "another service listens on Limpid's port, IPv%c", version);
}

static void listeners(const struct examination *e)
{
        check_listener(e, &e->s->listeners[0], '4');
        if (e->s->ipv6)
                check_listener(e, &e->s->listeners[1], '6');
}

/* The running program makes a test connection each minute, and shuts the gate if it does not come through. */
static void gate_is_shut(const struct examination *e)
{
        if (e->about->running && !e->about->open && !e->about->manual)
                tell(e, DOCTOR_BROKEN, "every connection goes direct: its test connection has not come through",
                     "journalctl -u limpid | grep -e self-test -e gate",
                     "the gate is shut although limpid run is running");
}

/* The program says what it has done last; the kernel, what came of it. */
static void gate_is_empty(const struct examination *e)
{
        const struct links *all = &e->s->links;
        char element[IF_NAMESIZE + 2];

        if (!e->about->running || !e->about->open || e->about->manual)
                return;
        for (size_t i = 0; i < all->count; i++) {
                snprintf(element, sizeof element, "\"%s\"", all->at[i].name);
                if (all->at[i].wanted && !(e->s->gate.at && strstr(e->s->gate.at, element)))
                        tell(e, DOCTOR_BROKEN, "its clients' connections go direct: who renews the gate hangs",
                             "systemctl restart limpid", "%s is not in the gate, which limpid run says is open",
                             all->at[i].name);
        }
}

/* ---- other rules ---------------------------------------------------------------------------------------------------
 */

/* Looks through the chains of a hook, but for those of our own tables. True: `is` says so of a line in one. */
static bool chain_has(const char *ruleset, const char *hook, bool (*is)(const char *line, const void *),
                      const void *what)
{
        bool ours = false, hooked = false;
        char line[1024];

        while (ruleset && *ruleset) {
                size_t len = strcspn(ruleset, "\n"), kept = len < sizeof line - 1 ? len : sizeof line - 1;

                memcpy(line, ruleset, kept);
                line[kept] = 0;
                ruleset += len + (ruleset[len] == '\n');
                if (strncmp(line, "table ", 6) == 0)
                        ours = strstr(line, " limpid {") != NULL;
                else if (strncmp(line, "\tchain ", 7) == 0)
                        hooked = false;
                else if (strstr(line, " hook "))
                        hooked = strstr(line, hook) != NULL;
                if (hooked && !ours && is(line, what))
                        return true;
        }
        return false;
}

/* Of words that end with NULL. */
static bool has_one(const char *line, const void *words)
{
        for (const char *const *w = words; *w; w++)
                if (strstr(line, *w))
                        return true;
        return false;
}

/* As nft lists them: one port, a range, or some of both in braces. */
static bool names_port(const char *line, unsigned port)
{
        const char *at = strstr(line, "dport ");
        char *end;

        for (at = at ? at + strlen("dport ") : ""; *(at += strspn(at, " {,")); at = end) {
                unsigned long first = strtoul(at, &end, 10), last = first;

                if (end == at)
                        return false;
                if (*end == '-')
                        last = strtoul(end + 1, &end, 10);
                if (first <= port && port <= last)
                        return true;
        }
        return false;
}

static bool sends_elsewhere(const char *line, const void *options)
{
        static const char *const verdicts[] = {" redirect", " dnat ", " tproxy ", "REDIRECT", "DNAT", "TPROXY", NULL};
        const struct setup_options *o = options;

        for (size_t i = 0; i < o->port_count; i++)
                if (names_port(line, o->ports[i]))
                        return has_one(line, verdicts);
        return false;
}

static const char *const drops[] = {"policy drop", " drop", NULL};

/* Destination NAT comes before us, and so may what others do with tproxy. */
static void sent_elsewhere(const struct examination *e)
{
        if (chain_has(e->s->ruleset.at, " hook prerouting ", sends_elsewhere, e->o))
                tell(e, DOCTOR_WARNING,
                     "what it takes never comes to Limpid; a captive portal means that, a rule that another proxy left "
                     "does not",
                     "nft list ruleset; then remove it, unless it is meant",
                     "a rule of the firewall sends connections to an intercepted port elsewhere");
}

static void evaded_forward(const struct examination *e)
{
        static const char *const words[] = {"policy drop", " drop", "reject", NULL};

        if (chain_has(e->s->ruleset.at, " hook forward ", has_one, words))
                tell(e, DOCTOR_WARNING,
                     "interception goes round the FORWARD chain: what it forbids of these ports becomes possible",
                     "say the same in intercept.match, bypass_servers or bypass_clients",
                     "a chain of the firewall drops or refuses what is forwarded");
}

static void dropping_input(const struct examination *e)
{
        if (!e->about->open && chain_has(e->s->ruleset.at, " hook input ", has_one, drops))
                tell(e, DOCTOR_WARNING, "intercepted connections pass INPUT, as packets for foreign addresses",
                     "nft insert rule inet filter input meta mark and 0x1 != 0 accept (with your table, chain and "
                     "intercept.mark)",
                     "a chain of the firewall drops what comes in");
}

static void no_masquerade(const struct examination *e)
{
        const char *rules = e->s->ruleset.at;

        if (!e->about->spoofs || !e->s->uplink[0] || e->s->uplink_private || !rules)
                return;
        if (!strstr(rules, "masquerade") && !strstr(rules, "MASQUERADE") && !strstr(rules, "snat") &&
            !strstr(rules, "SNAT"))
                tell(e, DOCTOR_WARNING,
                     "Limpid asks servers from the clients' own addresses; if those are private, no reply comes back",
                     "nft add rule ip nat postrouting oifname UPLINK masquerade, or origin.spoof_client = false",
                     "nothing translates private addresses on their way out over %s", e->s->uplink);
}

/* A router further on that knows another way to the clients sends them what was meant for us, and they refuse it. */
bool doctor_unanswered(const struct doctor_case *c)
{
        return c->spoofs && c->failures >= FAILURES_LEAST && c->connects < c->failures + c->failures / 10 + 1;
}

static void unanswered(const struct examination *e)
{
        const struct doctor_case *c = e->about;

        if (doctor_unanswered(c))
                tell(e, DOCTOR_BROKEN,
                     "what servers answer to clients' addresses does not come back through this machine, or those "
                     "addresses mean nothing out there",
                     "route the clients' networks by this machine at the next router, masquerade, or set "
                     "origin.spoof_client = false",
                     "no server has answered: %llu connections were tried, %llu destinations could not be reached",
                     (unsigned long long)c->connects, (unsigned long long)c->failures);
}

void doctor_examine(const struct doctor_case *c, void (*tell_it)(void *, const struct finding *), void *context)
{
        static void (*const examinations[])(const struct examination *) = {
                missing_features,    interfaces_missing, not_running,      differences,          shadowed,
                listeners,           gate_is_shut,       gate_is_empty,    sent_elsewhere,       no_forwarding,
                fwmark_accepted,     valid_mark,         bridge_netfilter, ports_of_other_vlans, no_path_mtu,
                connections_tracked, evaded_forward,     dropping_input,   no_masquerade,        unanswered,
        };
        const struct examination e = {c, c->options, c->machine, tell_it, context};

        for (size_t i = 0; i < sizeof examinations / sizeof examinations[0]; i++)
                examinations[i](&e);
}
