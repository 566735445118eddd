/* Everything through /proc, /sys and netlink, nothing of it changed. */
#include "setup/machine.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setup/bridge.h"
#include "setup/nft.h"
#include "setup/route.h"
#include "setup/sysctl.h"

static uint64_t number_at(const char *path)
{
        char value[SYSCTL_VALUE];

        return sysctl_read(path, value) == 0 ? strtoull(value, NULL, 10) : 0;
}

/* The kernel takes the larger of the interface's value and that of all (ip-sysctl.rst: rp_filter, src_valid_mark). */
static uint64_t larger(const char *interface, const char *name)
{
        char path[128];
        uint64_t one, all;

        snprintf(path, sizeof path, "net/ipv4/conf/%s/%s", interface, name);
        one = number_at(path);
        snprintf(path, sizeof path, "net/ipv4/conf/all/%s", name);
        all = number_at(path);
        return one > all ? one : all;
}

static void read_valid_mark(struct machine *s)
{
        for (size_t i = 0; i < s->links.count && !s->valid_mark[0]; i++) {
                const struct link *l = &s->links.at[i];
                bool ours = l->wanted || strcmp(l->name, s->uplink) == 0;

                if (ours && larger(l->name, "src_valid_mark") && larger(l->name, "rp_filter"))
                        memcpy(s->valid_mark, l->name, IF_NAMESIZE);
        }
}

/* ---- the uplink ----------------------------------------------------------------------------------------------------
 */

static void read_default_route(struct machine *s)
{
        FILE *f = fopen("/proc/net/route", "re");
        char line[256], *name, *destination, *rest;

        while (f && !s->uplink[0] && fgets(line, sizeof line, f)) {
                name = strtok_r(line, "\t ", &rest);
                destination = name ? strtok_r(NULL, "\t ", &rest) : NULL;
                if (destination && strcmp(destination, "00000000") == 0 && strlen(name) < IF_NAMESIZE)
                        memcpy(s->uplink, name, strlen(name));
        }
        if (f)
                fclose(f);
}

static void read_mtu(struct machine *s)
{
        char path[64], line[16];
        FILE *f;

        snprintf(path, sizeof path, "/sys/class/net/%s/mtu", s->uplink);
        f = s->uplink[0] ? fopen(path, "re") : NULL;
        if (!f)
                return;
        if (fgets(line, sizeof line, f))
                s->uplink_mtu = (unsigned)strtoul(line, NULL, 10);
        fclose(f);
}

static bool is_private(const struct sockaddr *a)
{
        uint32_t v = ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr);

        return v >> 24 == 10 || v >> 20 == 0xac1 || v >> 16 == 0xc0a8 || v >> 22 == (0x6440U >> 6) || v >> 16 == 0xa9fe;
}

static void read_uplink_address(struct machine *s)
{
        struct ifaddrs *all = NULL;

        s->uplink_private = true;
        if (getifaddrs(&all) != 0)
                return;
        for (const struct ifaddrs *a = all; a; a = a->ifa_next)
                if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET && strcmp(a->ifa_name, s->uplink) == 0)
                        s->uplink_private &= is_private(a->ifa_addr);
        freeifaddrs(all);
}

/* ---- all of it -----------------------------------------------------------------------------------------------------
 */

static void read_ruleset(struct machine *s)
{
        struct nft_ctx *nft = nft_open(NULL);

        if (!nft)
                return;
        nft_list(nft, "list ruleset", &s->ruleset);
        nft_list_set(nft, "gate", &s->gate);
        nft_ctx_free(nft);
}

static void read_listeners(struct machine *s, const struct setup_options *o)
{
        uint16_t port = o->form == SETUP_MARK && o->port_count ? o->ports[0] : o->listen_port;

        listener_find(&s->listeners[0], AF_INET, port);
        listener_find(&s->listeners[1], AF_INET6, port);
}

static void read_shadows(struct machine *s, const struct setup_options *o)
{
        static const int families[] = {AF_INET, AF_INET6};

        for (size_t i = 0; i < 2; i++)
                s->shadows[i].there = route_shadow(o, families[i], &s->shadows[i].priority, &s->shadows[i].table) == 1;
}

void machine_read(struct machine *s, const struct setup_options *o)
{
        *s = (struct machine){.ipv6 = o->ipv6 && sysctl_ipv6()};
        links_read(&s->links, o);
        bridge_calls(o, s->bridge);
        read_default_route(s);
        read_mtu(s);
        read_uplink_address(s);
        s->forwards4 = number_at("net/ipv4/ip_forward") > 0;
        s->forwards6 = number_at("net/ipv6/conf/all/forwarding") > 0;
        s->fwmark_accept = number_at("net/ipv4/tcp_fwmark_accept") > 0;
        s->ignores_pmtu = number_at("net/ipv4/ip_no_pmtu_disc") > 0;
        s->conntrack = number_at("net/netfilter/nf_conntrack_count");
        s->conntrack_max = number_at("net/netfilter/nf_conntrack_max");
        read_valid_mark(s);
        read_listeners(s, o);
        read_shadows(s, o);
        read_ruleset(s);
        s->wanted_error = setup_wanted(o, &s->wanted);
        s->check = setup_check(o, s->wanted_error ? NULL : &s->wanted, &s->differences);
}

void machine_free(struct machine *s)
{
        links_free(&s->links);
        setup_text_free(&s->ruleset);
        setup_text_free(&s->gate);
        setup_text_free(&s->wanted);
        setup_text_free(&s->differences);
}
