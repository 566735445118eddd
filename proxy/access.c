/* The access log. Lines are made in the worker's own buffer and written when it is full or once a second: whole lines,
 * O_APPEND, one write(2), so that workers never mix theirs. The descriptor's number stays the same for the program's
 * life: reopening puts another file under it in one step (dup3), while workers write. */
#include "proxy/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "proxy/access_format.h"
#include "proxy/log.h"

enum { BUFFER = 64 * 1024 };

struct access_log {
        char *path;
        enum log_format format;
        int fd;
        _Atomic bool failing; /* said already that lines are lost */
};

struct access {
        struct access_log *log;
        struct access_clock clock;
        size_t len;
        bool torn; /* the file ends in half a line */
        char buffer[BUFFER];
};

static int open_file(const char *path)
{
        return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
}

int access_log_open(struct access_log **log, const char *path, enum log_format format)
{
        struct access_log *l = calloc(1, sizeof *l);
        int error = ENOMEM;

        *log = NULL;
        if (!l)
                return error;
        l->format = format;
        l->fd = -1;
        l->path = strdup(path);
        if (!l->path)
                goto out;
        l->fd = open_file(path);
        if (l->fd < 0) {
                error = errno;
                goto out;
        }
        tzset(); /* reads the zone's file while files can be opened */
        *log = l;
        return 0;
out:
        access_log_close(&l);
        return error;
}

int access_log_reopen(struct access_log *l)
{
        int fd = open_file(l->path);
        int error = 0;

        if (fd < 0)
                return errno;
        if (dup3(fd, l->fd, O_CLOEXEC) < 0)
                error = errno;
        else
                atomic_store(&l->failing, false);
        close(fd);
        return error;
}

void access_log_close(struct access_log **l)
{
        if (!*l)
                return;
        if ((*l)->fd >= 0)
                close((*l)->fd);
        free((*l)->path);
        free(*l);
        *l = NULL;
}

struct access *access_new(struct access_log *log)
{
        struct access *a = malloc(sizeof *a);

        if (!a)
                return NULL;
        a->log = log;
        a->clock.second = INT64_MIN;
        a->len = 0;
        a->torn = false;
        return a;
}

void access_free(struct access **a)
{
        if (!*a)
                return;
        access_flush(*a);
        free(*a);
        *a = NULL;
}

/* One write: the file takes all of it or the disk is full. How much it took; the reason goes to the operator, once. */
static size_t write_out(struct access_log *l, const char *at, size_t len)
{
        size_t done = 0;

        while (done < len) {
                ssize_t n = write(l->fd, at + done, len - done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) {
                        if (!atomic_exchange(&l->failing, true))
                                log_errno(LOG_ERR, n < 0 ? errno : ENOSPC, "access log %s: lines are lost", l->path);
                        return done;
                }
                done += (size_t)n;
        }
        if (atomic_load_explicit(&l->failing, memory_order_relaxed) && atomic_exchange(&l->failing, false))
                log_say(LOG_NOTICE, "access log %s: written again", l->path);
        return done;
}

void access_flush(struct access *a)
{
        size_t done;

        if (a->len == 0)
                return;
        if (a->torn && write_out(a->log, "\n", 1) != 1) {
                a->len = 0;
                return;
        }
        done = write_out(a->log, a->buffer, a->len);
        if (done || a->torn)
                a->torn = done > 0 && a->buffer[done - 1] != '\n';
        a->len = 0;
}

void access_write(struct access *a, const struct access_entry *e)
{
        struct line l;

        if (sizeof a->buffer - a->len < ACCESS_LINE_MAX)
                access_flush(a);
        l = (struct line){a->buffer + a->len, a->buffer + a->len + ACCESS_LINE_MAX};
        access_format(&l, a->log->format, e, &a->clock);
        a->len = (size_t)(l.at - a->buffer);
}
