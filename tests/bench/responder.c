/* The server of tests/bench/datagrams: to each DNS query (RFC 1035) one address, as fast as one thread can. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SIZE = 1500, HEADER = 12 };

static const char answer[] = {(char)0xc0, HEADER, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, (char)203, 0, 113, 5};

/* In the query's place; its length, or 0 for what is no query. Other sections are left out. */
static size_t reply(unsigned char *m, size_t len)
{
        size_t at = HEADER;

        while (at < len && m[at])
                at += 1U + m[at];
        at += 5;
        if (at > len || at + sizeof answer > SIZE)
                return 0;
        memcpy(m + 2, "\x81\x80\0\1\0\1\0\0\0", 10);
        memcpy(m + at, answer, sizeof answer);
        return at + sizeof answer;
}

int main(int argc, char **argv)
{
        static unsigned char space[BATCH][SIZE];
        struct sockaddr_in peers[BATCH], own = {.sin_family = AF_INET};
        struct iovec parts[BATCH];
        struct mmsghdr messages[BATCH];
        int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;

        if (argc != 3 || inet_pton(AF_INET, argv[1], &own.sin_addr) != 1)
                return 2;
        own.sin_port = htons((unsigned short)atoi(argv[2]));
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0) {
                perror("bind");
                return 1;
        }
        for (;;) {
                int count, good = 0;

                for (int i = 0; i < BATCH; i++) {
                        parts[i] = (struct iovec){space[i], SIZE};
                        messages[i].msg_hdr = (struct msghdr){.msg_name = &peers[i],
                                                              .msg_namelen = sizeof peers[i],
                                                              .msg_iov = &parts[i],
                                                              .msg_iovlen = 1};
                }
                count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
                for (int i = 0; i < count; i++) {
                        parts[i].iov_len = reply(space[i], messages[i].msg_len);
                        if (parts[i].iov_len)
                                messages[good++] = messages[i];
                }
                if (good)
                        sendmmsg(fd, messages, (unsigned)good, 0);
        }
}
