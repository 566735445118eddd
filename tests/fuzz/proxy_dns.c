/* Whatever a resolver sends: what is learnt of it is a host's name and addresses in bounds, and a query is found again
 * in its own reply. */
#include "proxy/dns.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* The same message as the query that it would answer. */
static bool ask(char *message, size_t len, struct span *question)
{
        message[2] = (char)(message[2] & 0x07);
        return dns_query((struct span){message, len}, question);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
        struct span reply = {(const char *)bytes, len}, question;
        struct dns_addresses found;
        char *message = malloc(len + 1);

        memcpy(message, bytes, len);
        if (len >= 12 && ask(message, len, &question) && dns_answers(reply, dns_id(reply.at), question) &&
            dns_addresses(reply, question, &found)) {
                assert(found.count > 0 && found.count <= DNS_ADDRESSES_MAX && found.ttl <= INT32_MAX);
                assert(memchr(found.host, 0, sizeof found.host) && found.host[0] && !strpbrk(found.host, " /:@"));
        }
        free(message);
        return 0;
}
