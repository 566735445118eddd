/* Messages for the operator: to stderr, with the priority prefix of sd-daemon(3) where stderr is the journal. One line
 * each; control bytes in what came from outside are escaped. log_level is one of the two mutable globals of the program
 * (the other is main.c's). */
#ifndef PROXY_LOG_H
#define PROXY_LOG_H

#include <syslog.h>

void log_open(int level);

/* level: LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG. Thread-safe: one write(2) a line. */
void log_say(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with ": " and the text of `error` (an errno) behind it. */
void log_errno(int level, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
