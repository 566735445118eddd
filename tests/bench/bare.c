/* What tests/bench/workers puts beside Limpid: event loops that answer each request from memory and do nothing else,
 * one a thread, each with a listener of its own (SO_REUSEPORT, socket(7)), so that they share nothing.
 *
 *     bare ADDRESS PORT THREADS BYTES      a body of so many bytes; thread n is named "worker n" and runs on CPU n
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64, HEAD = 200, THREADS_MAX = 64, FILES = 4096 };

static struct sockaddr_in address = {.sin_family = AF_INET};
static char *reply;
static size_t reply_len;

struct loop {
        int number, epoll, listener;
        size_t sent[FILES]; /* of its reply, by descriptor; 0: it waits for a request */
};

static void watch(const struct loop *l, int fd, uint32_t events, int how)
{
        epoll_ctl(l->epoll, how, fd, &(struct epoll_event){.events = events, .data.fd = fd});
}

static void answer(struct loop *l, int fd)
{
        bool waited = l->sent[fd] > 0;
        ssize_t n = send(fd, reply + l->sent[fd], reply_len - l->sent[fd], MSG_NOSIGNAL);

        l->sent[fd] += n > 0 ? (size_t)n : 0;
        if (l->sent[fd] == reply_len)
                l->sent[fd] = 0;
        if (waited != (l->sent[fd] > 0))
                watch(l, fd, waited ? EPOLLIN : EPOLLOUT, EPOLL_CTL_MOD);
}

/* A load generator's request comes in one piece, and none before the last one's reply. */
static void serve(struct loop *l, int fd)
{
        char request[4096];

        if (!l->sent[fd] && recv(fd, request, sizeof request, 0) <= 0)
                close(fd);
        else
                answer(l, fd);
}

static void *run(void *argument)
{
        struct loop *l = argument;
        struct epoll_event events[EVENTS];
        char name[16];
        cpu_set_t own;

        snprintf(name, sizeof name, "worker %d", l->number);
        pthread_setname_np(pthread_self(), name);
        CPU_ZERO(&own);
        CPU_SET((unsigned)l->number, &own);
        sched_setaffinity(0, sizeof own, &own);
        for (;;) {
                int count = epoll_wait(l->epoll, events, EVENTS, -1);

                for (int i = 0; i < count; i++) {
                        int fd = events[i].data.fd;

                        if (fd == l->listener)
                                fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
                        if (fd >= FILES)
                                close(fd);
                        else if (events[i].data.fd != l->listener)
                                serve(l, fd);
                        else if (fd >= 0)
                                watch(l, fd, EPOLLIN, EPOLL_CTL_ADD);
                }
        }
        return NULL;
}

static int start(int number)
{
        struct loop *l = calloc(1, sizeof *l);
        pthread_t thread;
        int yes = 1;

        if (!l)
                return -1;
        l->number = number;
        l->epoll = epoll_create1(0);
        l->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        setsockopt(l->listener, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
        setsockopt(l->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (bind(l->listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(l->listener, 1024) != 0) {
                perror("bare");
                return -1;
        }
        watch(l, l->listener, EPOLLIN, EPOLL_CTL_ADD);
        return pthread_create(&thread, NULL, run, l);
}

int main(int argc, char **argv)
{
        int threads = argc == 5 ? atoi(argv[3]) : 0;
        size_t bytes = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;

        if (threads < 1 || threads > THREADS_MAX || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
                fprintf(stderr, "bare ADDRESS PORT THREADS BYTES\n");
                return 2;
        }
        address.sin_port = htons((unsigned short)atoi(argv[2]));
        reply = malloc(HEAD + bytes);
        if (!reply)
                return 1;
        reply_len = (size_t)snprintf(reply, HEAD, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", bytes);
        memset(reply + reply_len, 'x', bytes);
        reply_len += bytes;
        for (int i = 0; i < threads; i++)
                if (start(i) != 0)
                        return 1;
        pause();
        return 0;
}
