/* The access log: one line for each exchange, in Squid's native format, "combined", or JSON lines; never forgeable by a
 * request. Each worker has its own `struct access` (a buffer); the file behind it is shared and opened with O_APPEND,
 * whole lines a write. */
#ifndef PROXY_ACCESS_H
#define PROXY_ACCESS_H

#include <sys/socket.h>

#include "http/message.h"
#include "proxy/config.h"

struct access_log; /* the file: one for the program */
struct access;     /* a worker's buffer */

struct access_entry {
        int64_t start_us; /* unix microseconds at which the request was read */
        int64_t duration_us;
        const struct sockaddr *client;
        const struct sockaddr *destination;
        struct span host, path; /* of the target URI, as they came; may hold any byte */
        uint16_t port;
        struct span method;
        struct span referer, user_agent, content_type;
        uint8_t minor;
        uint16_t status;       /* sent to the client; 0: it was aborted before */
        uint64_t bytes;        /* sent to the client, head included */
        const char *result;    /* Squid's word: TCP_HIT, TCP_MISS, TCP_REFRESH_UNMODIFIED, … TCP_TUNNEL, NONE */
        const char *hierarchy; /* HIER_NONE, ORIGINAL_DST */
        const char *binding;   /* of host and destination: "none", "grace", "bound"; NULL: no matter; JSON only */
        const char *detail;    /* why it was not stored or reused, or NULL; JSON only */
};

int access_log_open(struct access_log **, const char *path, enum log_format);
/* Reopens the file under its name (SIGUSR1). Safe while workers write. 0 or errno: then the old file stays. */
int access_log_reopen(struct access_log *);
void access_log_close(struct access_log **);

struct access *access_new(struct access_log *);
void access_free(struct access **);                              /* flushes */
void access_write(struct access *, const struct access_entry *); /* no system call unless the buffer is full */
void access_flush(struct access *);                              /* once a second, and at the end */

#endif
