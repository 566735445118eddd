/* What remains of an exchange: its line in the access log, its counts. */
#ifndef PROXY_EXCHANGE_LOG_H
#define PROXY_EXCHANGE_LOG_H

struct exchange;

/* Once for each exchange, at its end. */
void exchange_log(struct exchange *);

#endif
