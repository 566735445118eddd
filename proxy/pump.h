/* Moving a message's body from one connection to another: framing taken off on one side and put on at the other. */
#ifndef PROXY_PUMP_H
#define PROXY_PUMP_H

#include "http/parse.h"
#include "proxy/conn.h"

enum { BATCH_SPANS = 60 };

/* What one look at the input yielded: payload lying in it, and how it ended. */
struct batch {
        struct iovec spans[BATCH_SPANS];
        int count;
        uint64_t bytes;
        enum body_event last; /* MORE, END or FAULT; DATA: the batch is full, there is more */
};

/* Takes payload off the input of `from` (consumed, but its bytes stay put until the next receive or settle). Where the
 * peer has ended its sending, the batch ends as body_eof says. */
void batch_gather(struct batch *, struct body *, struct conn *from);

/* Sends it on; `chunked`: as one chunk, and the last chunk with the trailers if it has ended. Returns the bytes sent or
 * kept. */
size_t batch_send(const struct batch *, const struct body *, struct conn *to, bool chunked);

#endif
