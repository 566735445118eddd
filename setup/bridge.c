/* Applying, checking and removing what bridge mode takes. What was switched off is remembered in a file of its own,
 * lines of "path value" and "bridge name switch": a bridge may come when the set-up has long been made. */
#include "setup/bridge.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "setup/bridge_plan.h"
#include "setup/links.h"
#include "setup/netlink.h"
#include "setup/nft.h"
#include "setup/state.h"
#include "setup/sysctl.h"
#include "setup/text.h"

enum { LINE = 160 };

static const char *const calls[] = {"net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables"};

/* ---- what was found ------------------------------------------------------------------------------------------------
 */

static bool state_path(const struct setup_options *o, char path[PATH_MAX])
{
        errno = ENAMETOOLONG;
        return snprintf(path, PATH_MAX, "%s.bridge", o->state) < PATH_MAX;
}

static FILE *open_state(const struct setup_options *o)
{
        char path[PATH_MAX];

        return state_path(o, path) ? state_open(path, "a+") : NULL;
}

/* Before it is changed. */
static int remember(const struct setup_options *o, const char *line)
{
        char path[PATH_MAX];

        return state_path(o, path) ? state_remember(path, line, strlen(line)) : -errno;
}

/* ---- a bridge's own switches ---------------------------------------------------------------------------------------
 */

static int set_switch(const char *bridge, uint16_t which, bool on)
{
        char buffer[NETLINK_BUFFER];
        struct nlmsghdr *h = netlink_begin(buffer, RTM_NEWLINK, NLM_F_ACK);
        struct nlattr *info, *data;

        mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
        mnl_attr_put_strz(h, IFLA_IFNAME, bridge);
        info = mnl_attr_nest_start(h, IFLA_LINKINFO);
        mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
        data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
        mnl_attr_put_u8(h, which, on);
        mnl_attr_nest_end(h, data);
        mnl_attr_nest_end(h, info);
        return netlink_talk(NULL, h, NULL, NULL);
}

static int switch_off(const struct setup_options *o, const struct link *l, uint16_t which)
{
        char line[LINE];
        int error;

        snprintf(line, sizeof line, "bridge %s %u\n", l->name, (unsigned)which);
        error = remember(o, line);
        return error ? error : set_switch(l->name, which, false);
}

static int switch_off_all(const struct setup_options *o, const struct links *all)
{
        char value[SYSCTL_VALUE], line[LINE];
        int error = 0;

        for (size_t i = 0; i < 2 && !error; i++)
                if (sysctl_read(calls[i], value) == 0 && strcmp(value, "0") != 0) {
                        snprintf(line, sizeof line, "%s %s\n", calls[i], value);
                        error = remember(o, line);
                        error = error ? error : sysctl_write(calls[i], "0");
                }
        for (size_t i = 0; i < all->count && !error; i++) {
                const struct link *l = &all->at[i];

                if (!l->is_bridge || !l->wanted)
                        continue;
                if (l->calls4)
                        error = switch_off(o, l, IFLA_BR_NF_CALL_IPTABLES);
                if (l->calls6 && !error)
                        error = switch_off(o, l, IFLA_BR_NF_CALL_IP6TABLES);
        }
        return error;
}

/* A bridge that is gone has nothing to be given back. */
static int give_back(const char *line)
{
        char word[LINE], rest[LINE], which[LINE];
        int words = sscanf(line, "%159s %159s %159s", word, rest, which);

        if (words == 3 && strcmp(word, "bridge") == 0)
                return if_nametoindex(rest) ? set_switch(rest, (uint16_t)strtoul(which, NULL, 10), true) : 0;
        if (words != 2)
                return 0;
        for (size_t i = 0; i < 2; i++)
                if (strcmp(word, calls[i]) == 0)
                        return sysctl_write(word, rest);
        return 0;
}

static int give_all_back(const struct setup_options *o, struct setup_text *why)
{
        char path[PATH_MAX], line[LINE];
        FILE *state = state_path(o, path) ? state_open(path, "r") : NULL;
        int result = 0;

        if (!state)
                return errno == ENOENT ? 0 : -errno;
        while (fgets(line, sizeof line, state)) {
                int error = give_back(line);

                if (error && !result) {
                        result = error;
                        text_add(why, "cannot be given back: %s", line);
                }
        }
        fclose(state);
        if (unlink(path) != 0 && truncate(path, 0) != 0 && !result)
                result = -errno;
        return result;
}

/* ---- up and down ---------------------------------------------------------------------------------------------------
 */

static int run_nft(const char *script, struct setup_text *why)
{
        struct nft_ctx *nft = nft_open(why);
        int error = nft ? nft_run(nft, script, why) ? -EINVAL : 0 : -ENODEV;

        if (nft)
                nft_ctx_free(nft);
        return error;
}

static bool table_listed(struct setup_text *out)
{
        struct nft_ctx *nft = nft_open(NULL);
        bool there = nft && nft_list(nft, "list table " BRIDGE_TABLE, out) == 0 && out->at;

        if (nft)
                nft_ctx_free(nft);
        return there;
}

static int delete_table(struct setup_text *why)
{
        struct setup_text listed = {NULL, 0, 0};
        bool there = table_listed(&listed);

        setup_text_free(&listed);
        return there ? run_nft("delete table " BRIDGE_TABLE "\n", why) : 0;
}

/* A table of another version of the program may not take this one's sets: then all of it is made anew. */
static int apply(const struct setup_options *o, const struct links *all, struct setup_text *why)
{
        struct setup_text script = {NULL, 0, 0};
        int error = -ENOMEM;

        if (bridge_plan_nft(o, &script) && bridge_plan_ports(all, 0, &script) && run_nft(script.at, NULL) != 0) {
                error = delete_table(why);
                error = error ? error : run_nft(script.at, why);
        } else if (script.at) {
                error = 0;
        }
        setup_text_free(&script);
        return error;
}

/* The file is made by whoever may make files there; a warden with fewer privileges then writes to it. */
static int make_state(const struct setup_options *o)
{
        FILE *state = open_state(o);

        return state && fclose(state) == 0 ? 0 : -errno;
}

int bridge_up(const struct setup_options *o, struct setup_text *why)
{
        struct links all = {NULL, 0, 0};
        int made = make_state(o), error = links_read(&all, o);

        if (made)
                text_add(why, "%s.bridge: %s", o->state, strerror(-made));
        else if (error)
                text_add(why, "the network interfaces cannot be read: %s", strerror(-error));
        error = made ? made : error;
        if (!error && links_have_bridge(&all)) {
                error = switch_off_all(o, &all);
                if (error)
                        text_add(why, "the bridge cannot be kept from handing its frames to iptables: %s",
                                 strerror(-error));
                else
                        error = apply(o, &all, why);
        }
        links_free(&all);
        return error;
}

int bridge_down(const struct setup_options *o, struct setup_text *why)
{
        int table = delete_table(why), switches = give_all_back(o, why);

        return table ? table : switches;
}

/* ---- check and show ------------------------------------------------------------------------------------------------
 */

void bridge_check(const struct setup_options *o, struct setup_text *out)
{
        struct setup_text listed = {NULL, 0, 0};
        struct links all = {NULL, 0, 0};
        const struct link *calling;

        if (links_read(&all, o) == 0 && links_have_bridge(&all)) {
                if (!table_listed(&listed))
                        text_add(out, "table " BRIDGE_TABLE " is missing\n");
                setup_text_free(&listed);
                calling = links_calling(&all, o);
                if (calling)
                        text_add(out, "bridge %s hands its frames to iptables\n", calling->name);
        }
        links_free(&all);
}

bool bridge_show_switches(const struct links *all, struct setup_text *out)
{
        bool ok = text_add(out, "# what a bridge hands to iptables is lost between the rules and the listener\n");

        for (size_t i = 0; i < 2; i++)
                ok = ok && text_add(out, "sysctl -qw %s=0 2>/dev/null || true\n", calls[i]);
        for (size_t i = 0; i < all->count; i++)
                if (all->at[i].is_bridge && all->at[i].wanted)
                        ok = ok && text_add(out, "ip link set %s type bridge nf_call_iptables 0 nf_call_ip6tables 0\n",
                                            all->at[i].name);
        return ok;
}

bool bridge_show_undone_switches(const struct links *all, struct setup_text *out)
{
        char value[SYSCTL_VALUE];
        bool ok = true;

        for (size_t i = 0; i < 2; i++)
                if (sysctl_read(calls[i], value) == 0 && strcmp(value, "0") != 0)
                        ok = ok && text_add(out, "# sysctl -qw %s=%s\n", calls[i], value);
        for (size_t i = 0; i < all->count; i++) {
                const struct link *l = &all->at[i];

                if (l->is_bridge && l->wanted && (l->calls4 || l->calls6))
                        ok = ok &&
                             text_add(out, "# ip link set %s type bridge nf_call_iptables %d nf_call_ip6tables %d\n",
                                      l->name, l->calls4, l->calls6);
        }
        return ok;
}

bool bridge_show(const struct setup_options *o, struct setup_text *out)
{
        struct links all = {NULL, 0, 0};
        bool ok = true;

        if (links_read(&all, o) == 0 && links_have_bridge(&all)) {
                ok = bridge_show_switches(&all, out) &&
                     text_add(out, "# frames of what is intercepted are taken off the bridge\nnft -f - <<'LIMPID'\n") &&
                     bridge_plan_nft(o, out) && bridge_plan_ports(&all, 0, out) && text_add(out, "LIMPID\n");
        }
        links_free(&all);
        return ok;
}

bool bridge_calls(const struct setup_options *o, char name[IF_NAMESIZE])
{
        struct links all = {NULL, 0, 0};
        const struct link *calling = links_read(&all, o) == 0 ? links_calling(&all, o) : NULL;

        if (calling)
                memcpy(name, calling->name, IF_NAMESIZE);
        links_free(&all);
        return calling != NULL;
}
