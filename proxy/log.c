/* Messages for the operator: one line, one write(2), to whatever stderr is. In the journal a line begins with its
 * priority, "<6>"; elsewhere with the time and a word. The level and what stderr is are set once, before any thread. */
#include "proxy/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proxy/escape.h"

enum { MESSAGE_MAX = 1024, LINE_MAX_BYTES = 4096 };

static struct {
        int level;
        bool journal;
} log_state = {LOG_INFO, false};

/* systemd.exec(5): JOURNAL_STREAM holds device and inode of the stream, so that a redirected stderr is told apart. */
static bool is_journal(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        char mine[64];
        struct stat s;

        if (!stream || fstat(STDERR_FILENO, &s) != 0)
                return false;
        snprintf(mine, sizeof mine, "%ju:%ju", (uintmax_t)s.st_dev, (uintmax_t)s.st_ino);
        return strcmp(stream, mine) == 0;
}

void log_open(int level)
{
        log_state.level = level;
        log_state.journal = is_journal();
}

static const char *word(int level)
{
        static const char *const words[] = {
                [LOG_EMERG] = "emergency", [LOG_ALERT] = "alert",   [LOG_CRIT] = "critical", [LOG_ERR] = "error",
                [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice", [LOG_INFO] = "info",     [LOG_DEBUG] = "debug"};

        return words[level & LOG_PRIMASK];
}

static size_t prefix(char *to, size_t size, int level)
{
        struct timespec now;
        struct tm t;
        char date[32];

        if (log_state.journal)
                return (size_t)snprintf(to, size, "<%d>", level & LOG_PRIMASK);
        clock_gettime(CLOCK_REALTIME, &now);
        localtime_r(&now.tv_sec, &t);
        strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &t);
        return (size_t)snprintf(to, size, "%s.%03ld %s: ", date, now.tv_nsec / 1000000, word(level));
}

static void write_line(int level, const char *message)
{
        char line[LINE_MAX_BYTES];
        char *at = line + prefix(line, sizeof line, level);

        at = escape_message(at, line + sizeof line - 1, (struct span){message, strlen(message)});
        *at++ = '\n';
        /* A line that cannot be written has nobody to be told to. */
        if (write(STDERR_FILENO, line, (size_t)(at - line)) < 0)
                return;
}

static void say(int level, int error, const char *format, va_list arguments)
{
        char message[MESSAGE_MAX];
        char reason[128];
        int saved = errno;
        size_t len;

        vsnprintf(message, sizeof message, format, arguments);
        if (error) {
                len = strlen(message);
                snprintf(message + len, sizeof message - len, ": %s", strerror_r(error, reason, sizeof reason));
        }
        write_line(level, message);
        errno = saved;
}

void log_say(int level, const char *format, ...)
{
        va_list arguments;

        if ((level & LOG_PRIMASK) > log_state.level)
                return;
        va_start(arguments, format);
        say(level, 0, format, arguments);
        va_end(arguments);
}

void log_errno(int level, int error, const char *format, ...)
{
        va_list arguments;

        if ((level & LOG_PRIMASK) > log_state.level)
                return;
        va_start(arguments, format);
        say(level, error, format, arguments);
        va_end(arguments);
}
