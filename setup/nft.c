/* libnftables, with its output and its complaints caught. */
#include "setup/nft.h"

#include <errno.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "setup/plan.h"
#include "setup/text.h"

/* libnftables ends the process where there is no such socket. */
static bool has_netfilter(void)
{
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

        if (fd >= 0)
                close(fd);
        return fd >= 0;
}

struct nft_ctx *nft_open(struct setup_text *why)
{
        struct nft_ctx *nft = has_netfilter() ? nft_ctx_new(NFT_CTX_DEFAULT) : NULL;

        if (nft && nft_ctx_buffer_output(nft) == 0 && nft_ctx_buffer_error(nft) == 0)
                return nft;
        if (nft)
                errno = ENOMEM;
        if (why)
                text_add(why, "nftables cannot be opened: %s%s", strerror(errno),
                         errno == EPROTONOSUPPORT ? "; this kernel has no nf_tables" : "");
        if (nft)
                nft_ctx_free(nft);
        return NULL;
}

/* ---- what a kernel may lack ----------------------------------------------------------------------------------------
 *
 * Of what it does not know it says "no such file" or "not supported", and not of what. So each thing is tried by
 * itself, with a table that is gone when the transaction is at its end. */

static const struct need {
        const char *family, *rule, *name;
} needs[] = {
        {"inet", "", "this kernel has no nf_tables"},
        {"inet", "fib daddr type local", "this kernel lacks fib (nft_fib_inet)"},
        {"inet", "socket transparent 1", "this kernel lacks socket (nft_socket)"},
        {"inet", "meta nfproto ipv4 meta l4proto tcp tproxy ip to 127.0.0.1:1",
         "this kernel lacks tproxy (nft_tproxy)"},
        {"bridge", "", "this kernel has no nf_tables for bridges (NF_TABLES_BRIDGE)"},
};

static bool takes(struct nft_ctx *nft, const struct need *n)
{
        struct setup_text script = {NULL, 0, 0};
        bool good = text_add(&script,
                             "table %s limpid_trial {\n"
                             "        chain trial {\n"
                             "                type filter hook prerouting priority filter\n"
                             "                %s\n"
                             "        }\n"
                             "}\n"
                             "delete table %s limpid_trial\n",
                             n->family, n->rule, n->family) &&
                    nft_run_cmd_from_buffer(nft, script.at) == 0;

        nft_ctx_get_output_buffer(nft);
        nft_ctx_get_error_buffer(nft);
        setup_text_free(&script);
        return good;
}

/* Bridges are asked for where the script is about them. */
static void tell_lack(struct nft_ctx *nft, const char *script, struct setup_text *why)
{
        bool bridged = strstr(script, "table bridge ") != NULL;

        for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
                if ((bridged || strcmp(needs[i].family, "bridge") != 0) && !takes(nft, &needs[i])) {
                        text_add(why, "%s; ", needs[i].name);
                        return;
                }
}

int nft_run(struct nft_ctx *nft, const char *script, struct setup_text *why)
{
        struct setup_text said = {NULL, 0, 0};
        const char *line;

        if (nft_run_cmd_from_buffer(nft, script) == 0) {
                nft_ctx_get_output_buffer(nft);
                return 0;
        }
        line = nft_ctx_get_error_buffer(nft);
        text_add(&said, "nftables: %.*s", (int)strcspn(line, "\n"), line);
        if (why) {
                tell_lack(nft, script, why);
                text_add(why, "%s", said.at ? said.at : "");
        }
        setup_text_free(&said);
        return -1;
}

static int list(struct nft_ctx *nft, unsigned flags, const char *command, struct setup_text *out)
{
        int error;

        nft_ctx_output_set_flags(nft, flags);
        error = nft_run_cmd_from_buffer(nft, command);
        nft_ctx_get_error_buffer(nft);
        text_add(out, "%s", error ? "" : nft_ctx_get_output_buffer(nft));
        return error ? -1 : 0;
}

int nft_list(struct nft_ctx *nft, const char *command, struct setup_text *out)
{
        return list(nft, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE, command, out);
}

int nft_list_set(struct nft_ctx *nft, const char *set, struct setup_text *out)
{
        char command[128];

        snprintf(command, sizeof command, "list set " PLAN_TABLE " %s", set);
        return list(nft, 0, command, out);
}
