/* libnftables, with its output and its complaints caught. */
#include "setup/nft.h"

#include <nftables/libnftables.h>
#include <string.h>

#include "setup/text.h"

struct nft_ctx *nft_open(void)
{
        struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

        if (!nft)
                return NULL;
        if (nft_ctx_buffer_output(nft) == 0 && nft_ctx_buffer_error(nft) == 0)
                return nft;
        nft_ctx_free(nft);
        return NULL;
}

int nft_run(struct nft_ctx *nft, const char *script, struct setup_text *why)
{
        const char *said;

        if (nft_run_cmd_from_buffer(nft, script) == 0) {
                nft_ctx_get_output_buffer(nft);
                return 0;
        }
        said = nft_ctx_get_error_buffer(nft);
        if (why)
                text_add(why, "nftables: %.*s", (int)strcspn(said, "\n"), said);
        return -1;
}

int nft_list(struct nft_ctx *nft, const char *command, struct setup_text *out)
{
        int error;

        nft_ctx_output_set_flags(nft, NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE);
        error = nft_run_cmd_from_buffer(nft, command);
        nft_ctx_get_error_buffer(nft);
        text_add(out, "%s", error ? "" : nft_ctx_get_output_buffer(nft));
        return error ? -1 : 0;
}
