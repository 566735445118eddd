/* Running nft scripts through libnftables. */
#ifndef SETUP_NFT_H
#define SETUP_NFT_H

#include "setup/setup.h"

struct nft_ctx;

/* NULL: *why then says what failed, unless it is NULL too. */
struct nft_ctx *nft_open(struct setup_text *why);

/* Runs a script as one transaction. 0, or -1 with the first line of what libnftables said in *why; where the kernel
 * lacks something that such scripts take, that too. */
int nft_run(struct nft_ctx *, const char *script, struct setup_text *why);

/* The same; what it lists goes into *out, without counters and what named sets hold. */
int nft_list(struct nft_ctx *, const char *command, struct setup_text *out);

/* A set of our own table, with what it holds. */
int nft_list_set(struct nft_ctx *, const char *set, struct setup_text *out);

#endif
