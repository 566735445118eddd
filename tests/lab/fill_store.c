/* fill_store FOLDER SIZE COUNT HOST ADDRESS: puts COUNT fresh responses for http://HOST/N into a store, as the program
 * would have, HOST being bound to ADDRESS (which is it, written out). The body of N is N in 1024 digits. What takes the
 * program minutes over the network takes seconds here. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache/store.h"

enum { BODY = 1024, PAUSE_AT = 1000 };

static void put(struct store *s, long n, const char *host, const struct sockaddr *address)
{
        char text[KEY_TEXT_MAX], path[32], body[BODY + 1];
        int64_t now = time(NULL);
        struct key key;
        struct stored stored = {.status = 200,
                                .request_time = now,
                                .response_time = now,
                                .date = now,
                                .lifetime = 86400,
                                .last_modified = -1,
                                .stale_while_revalidate = -1,
                                .stale_if_error = -1,
                                .reason = SPAN("OK")};

        snprintf(path, sizeof path, "/%ld", n);
        snprintf(body, sizeof body, "%0*ld", BODY, n);
        key_build(&key, text, (struct span){host, strlen(host)}, 80, (struct span){path, strlen(path)}, KEY_PUBLIC,
                  address);
        if (store_put_response(s, &(struct put){.id = store_next_id(s),
                                                .key = &key,
                                                .stored = &stored,
                                                .length = BODY,
                                                .body = {body, BODY}}) != 0)
                abort();
}

int main(int argc, char **argv)
{
        struct sockaddr_in address = {.sin_family = AF_INET};
        char message[STORE_MESSAGE];
        struct store_status status;
        struct store *s;

        if (argc != 6 || inet_pton(AF_INET, argv[5], &address.sin_addr) != 1)
                return 2;
        if (store_open(&s, &(struct store_options){.path = argv[1], .size = strtoull(argv[2], NULL, 10)}, message) !=
            0) {
                fprintf(stderr, "%s\n", message);
                return 1;
        }
        for (long n = 0, count = strtol(argv[3], NULL, 10); n < count; n++) {
                put(s, n, argv[4], (const struct sockaddr *)&address);
                if (n % PAUSE_AT == 0)
                        store_sync(s); /* the queue is bounded */
        }
        store_sync(s);
        store_status(s, &status);
        printf("%lu\n", (unsigned long)status.responses);
        store_close(&s);
        return 0;
}
