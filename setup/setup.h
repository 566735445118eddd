/* The kernel side (design.md §6): a plan from the configuration (pure), and how it is applied, checked, shown, removed.
 *
 * nftables through libnftables, rules and routes through libmnl (rtnetlink), sysctls through /proc with the old value
 * remembered in a state file. Knows nothing of HTTP; never prints: whatever there is to say is returned as text. */
#ifndef SETUP_SETUP_H
#define SETUP_SETUP_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setup_form { SETUP_TPROXY, SETUP_MARK };

struct setup_options {
        const char *const *interfaces; /* where the clients are */
        size_t interface_count;
        const uint16_t *ports; /* intercepted TCP ports */
        size_t port_count;
        const uint16_t *udp_ports; /* UDP ports whose datagrams are intercepted */
        size_t udp_port_count;
        bool dns; /* UDP and TCP port 53 as well */
        uint16_t listen_port;
        enum setup_form form;
        uint32_t mark;  /* our own bits */
        uint32_t table; /* routing table of our own */
        bool ipv6;
        bool prove_ipv6;                   /* an IPv6 destination is intercepted only after it has answered somebody */
        const char *const *bypass_clients; /* addresses, CIDR */
        size_t bypass_client_count;
        const char *const *bypass_servers; /* addresses, CIDR, and the word "private" */
        size_t bypass_server_count;
        const char *match; /* a further nft condition or "" */
        bool self_test;    /* connections of the probe's link are intercepted as well (setup/probe.h) */
        bool fail_closed;
        const char *state; /* file that remembers what was found (old sysctls), e.g. /run/limpid/setup.state */
};

/* Text that is returned; free with setup_text_free. */
struct setup_text {
        char *at;
        size_t len, cap;
};
void setup_text_free(struct setup_text *);

/* Everything that is wanted, as commands for a shell: nft, ip, sysctl, each with a comment saying why. Pure. */
int setup_show(const struct setup_options *, struct setup_text *);

/* The same by iptables, ip6tables and ipset, for manual = true. -EOPNOTSUPP: there is something that has no such form,
 * and the text says what. */
int setup_show_iptables(const struct setup_options *, struct setup_text *);

/* Applies it, idempotently; a failure in the middle takes back what was done. 0 or an errno, *why then says what failed
 * in one line. The gate is shut afterwards: nothing is intercepted before gate_renew. */
int setup_up(const struct setup_options *, struct setup_text *why);

/* Whether the kernel would take the rules of this plan; it is asked, and nothing changes. 0, or an errno as for
 * setup_up. Takes CAP_NET_ADMIN. */
int setup_try(const struct setup_options *, struct setup_text *why);

/* From one plan to another while nobody is intercepted: the gate is shut, and no connection is left. 0 or an errno as
 * for setup_up; then the first one is in force again. What both have in common, the sysctls and the probe's link,
 * stays. */
int setup_change(const struct setup_options *from, const struct setup_options *to, struct setup_text *why);

/* Removes all of it and gives back what was found. Works after a kill -9 of everything, and where nothing is up. */
int setup_down(const struct setup_options *, struct setup_text *why);

/* Our tables as the kernel lists them now, that for bridges last, without what their sets hold. 0 or -errno; -ENOENT:
 * it is not there. */
int setup_listing(struct setup_text *);

/* The same as it would be if the plan were applied: it is, in a network namespace that is gone afterwards. Takes
 * CAP_SYS_ADMIN and CAP_NET_ADMIN, and some 10 ms. 0 or -errno; the text then says what is wrong, if that is known. */
int setup_wanted(const struct setup_options *, struct setup_text *);

/* Compares plan and machine: one line for each difference; 0 if there is none, 1 if there are, < 0 -errno if it cannot
 * be told. `wanted` is what setup_wanted has said, or setup_listing after setup_up; NULL: whether the table is there is
 * all that is asked of it. */
int setup_check(const struct setup_options *, const struct setup_text *wanted, struct setup_text *out);

/* Whether the syntax of an address or CIDR, or of the `match` condition, is good; for `limpid check`. NULL or what is
 * wrong (constant). */
const char *setup_address_error(const char *text);

/* ---- the gate: the nft set of client interfaces whose elements live for a few seconds ------------------------------
 */

struct gate;

/* `by_sets`: the rules are the operator's, and the gate is the ipsets that he has made for it (setup/ipset.h), if any.
 */
int gate_open_handle(struct gate **, const struct setup_options *, bool by_sets);
void gate_free(struct gate **);

/* Other options, which must live on, for those it was opened with. */
void gate_take_options(struct gate *, const struct setup_options *);

/* Intercept on these interfaces for the next `seconds` (3): one transaction; interfaces that do not exist now are fine.
 * 0 or errno; ENOENT: the operator has made no sets, and his rules ask no gate. */
int gate_renew(struct gate *, unsigned seconds);

/* The same for the link of a test (setup/probe.h), and for nothing else. */
int gate_probe(struct gate *, const char *link, unsigned seconds);

/* Shut at once: new connections are routed directly. */
int gate_shut(struct gate *);

/* New connections to this address (and port) go direct for `seconds`. 0 or errno. */
int gate_bypass(struct gate *, const struct sockaddr *, unsigned seconds);

/* New connections of this client go direct for `seconds` from now, whatever was said before: of this IPv4 address, or
 * of the network of 64 bits that this IPv6 address is in. 0 or errno; ENOENT: the operator has made no set for it. */
int gate_crowded(struct gate *, const struct sockaddr *, unsigned seconds);

/* For so long this IPv6 destination counts as one that has answered. 0 or errno. */
int gate_prove(struct gate *, const struct sockaddr_in6 *, unsigned seconds);

/* Configured interfaces that do not exist now; names into `missing` (at most `max`), returns how many. */
size_t gate_missing(struct gate *, char missing[][IF_NAMESIZE], size_t max);

#endif
