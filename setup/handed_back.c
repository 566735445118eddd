/* nft lists an element of address and port as "198.51.100.7 . 80 timeout 1m expires 59s". */
#include "setup/handed_back.h"

#include <arpa/inet.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

#include "setup/nft.h"
#include "setup/plan.h"

static bool is_intercepted(const struct setup_options *o, unsigned long port)
{
        for (size_t i = 0; i < o->port_count; i++)
                if (o->ports[i] == port)
                        return true;
        return false;
}

static bool make_address(const char *host, unsigned long port, struct sockaddr_storage *to)
{
        struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

        *to = (struct sockaddr_storage){0};
        if (inet_pton(AF_INET, host, &four.sin_addr) == 1)
                memcpy(to, &four, sizeof four);
        else if (inet_pton(AF_INET6, host, &six.sin6_addr) == 1)
                memcpy(to, &six, sizeof six);
        return to->ss_family != 0;
}

size_t handed_back_parse(char *listing, const struct setup_options *o, struct sockaddr_storage found[], size_t max)
{
        static const char between[] = " ,{}\t\n";
        const char *before = "", *word;
        size_t count = 0;
        char *rest;

        for (word = strtok_r(listing, between, &rest); word && count < max; word = strtok_r(NULL, between, &rest)) {
                if (strcmp(word, ".") == 0) {
                        const char *after = strtok_r(NULL, between, &rest);
                        unsigned long port = after ? strtoul(after, NULL, 10) : 0;

                        count += is_intercepted(o, port) && make_address(before, port, &found[count]);
                }
                before = word;
        }
        return count;
}

size_t handed_back_read(const struct setup_options *o, struct sockaddr_storage found[], size_t max)
{
        static const char *const sets[] = {"handed_back4", "handed_back6"};
        struct nft_ctx *nft = nft_open(NULL);
        size_t count = 0;

        for (size_t i = 0; i < 2 && nft; i++) {
                struct setup_text listed = {NULL, 0, 0};

                if (nft_list_set(nft, sets[i], &listed) == 0 && listed.at)
                        count += handed_back_parse(listed.at, o, found + count, max - count);
                setup_text_free(&listed);
        }
        if (nft)
                nft_ctx_free(nft);
        return count;
}
